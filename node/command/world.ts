/** What a command needs of the process that it runs in. The real one is node/platform/world.ts. */

import type { Clock, Network, Random, VerifySignature } from "../../protocol/ports.ts";
import type { KeyPair } from "../content/identity.ts";
import type { BlockDisk } from "../store/disk.ts";
import type { Folder } from "../store/folder.ts";
import type { ManifestStore } from "../store/manifest_store.ts";
import type { Keyboard, Screen } from "../terminal/ports.ts";

/** A folder that this process has for itself until it is disposed of. */
export type OwnFolder = Folder & AsyncDisposable;

/** A disk with threads of its own. */
export interface OwnDisk extends BlockDisk, Disposable {
  /** Starts the threads ahead of their first work. */
  warmUp(): void;
}

export interface SampleFileOptions {
  /** Length in bytes. */
  readonly size: number;
  readonly flipEvery?: number;
  /** Ends the work early; what is there of the file by then is left. */
  readonly signal: AbortSignal;
}

export interface World extends Disposable {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly verify: VerifySignature;
  /** 32 fresh bytes from the system's generator. */
  readonly nonce: () => Uint8Array;
  /** Program and version, as other nodes see it. */
  readonly agent: string;
  /** Aborted by SIGINT and SIGTERM: end cleanly, with exit code 0. */
  readonly stopped: AbortSignal;
  readonly screen: Screen;
  readonly keyboard: Keyboard;
  /** One line on stdout. */
  print(line: string): void;
  /** One line on stderr. */
  warn(line: string): void;

  openFolder(root: string, options: { readonly create: boolean }): Promise<OwnFolder>;
  /** The disk below an open folder; with keys it can sign. */
  openDisk(folder: Folder, keys?: KeyPair): OwnDisk;
  /** What is remembered of an open folder between starts. */
  openManifestStore(folder: Folder, log: (line: string) => void): ManifestStore & Disposable;
  /** The key of a folder, made on first use. */
  loadIdentity(root: string): Promise<KeyPair>;
  /** A key for one run. */
  makeIdentity(): KeyPair;
  /** A new empty folder below the system's temporary one; the caller removes it. */
  makeTemporaryFolder(): Promise<string>;
  removeFolder(path: string): Promise<void>;
  /**
   * Makes a file of pseudo-random bytes, the same ones each time; with `flipEvery`, one bit is wrong in
   * each run of so many bytes.
   */
  makeSampleFile(path: string, options: SampleFileOptions): Promise<void>;
}
