/** What a command needs of the process that it runs in. The real one is node/platform/world.ts. */

import type { Clock, Network, Random, VerifySignature } from "../../protocol/ports.ts";
import type { KnownContents } from "../copy/known_contents.ts";
import type { SourceFolder } from "../copy/source/ports.ts";
import type { KeyPair } from "../content/identity.ts";
import type { BlockDisk } from "../store/disk.ts";
import type { Folder } from "../store/folder.ts";
import type { ManifestStore } from "../store/manifest_store.ts";
import type { DeviceIndex } from "../sync/device/device_index.ts";
import type { LiveFolder } from "../folder/live_folder.ts";
import type { UserPieces } from "../sync/server/ports.ts";
import type { Keyboard, Screen } from "../terminal/ports.ts";
import type { ContentReader, Stage } from "../transfer/stage.ts";
import type { LocalFiles } from "./local_files.ts";

/** A folder that this process has for itself until it is disposed of. */
export interface OwnFolder extends Folder, AsyncDisposable {
  /** As that of `DeviceSpace`: nothing will be put here. */
  abandon(): void;
}

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

/** What a syncing device works with, in a folder that it has for itself until this is disposed of. */
export interface DeviceSpace extends AsyncDisposable {
  readonly folder: LiveFolder;
  readonly index: DeviceIndex;
  readonly stage: Stage;
  /** A path for a file on its way into the folder, on the folder's file system, never used before. */
  readonly temporaryPath: () => string;
  /**
   * Nothing will ever be synced here: a folder that was made for it, and into which nobody has put anything, goes
   * when this is disposed of. One that was there before stays as it is.
   */
  abandon(): void;
}

export interface DeviceSpaceOptions {
  /** The folder is not watched. */
  readonly poll: boolean;
  readonly log: (line: string) => void;
}

/** What copying to a folder works with; the folder is locked for this process until this is disposed of. */
export interface CopySpace extends AsyncDisposable {
  readonly folder: LiveFolder;
  readonly stage: Stage;
  readonly known: KnownContents;
  /** A path for a link on its way into the folder, on the folder's file system, never used before. */
  readonly temporaryPath: () => string;
  /** As that of `DeviceSpace`: nothing will be copied here. */
  abandon(): void;
}

/** What a source offers to be copied, and the threads that read it. Nothing in it is ever changed. */
export interface ServedFolder extends Disposable {
  readonly folder: SourceFolder;
  readonly contents: ContentReader;
  /** How many threads there are at most. */
  readonly workerCount: number;
}

export interface CopySpaceOptions {
  /** Nothing will be changed in the folder, which may be missing; it is not locked. */
  readonly isTrial: boolean;
}

/** The folders of a sync server's users, which this process has for itself until it is disposed of. */
export interface UserSpaces extends AsyncDisposable {
  /** The folder that they are in. */
  readonly root: string;
  /** Opens a user's; `name` is a user's name (node/sync/user_name.ts). Throws `Cannot X: reason`. */
  open(name: string): Promise<UserPieces>;
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
  /** Milliseconds since 1970 by this machine's clock: for people to read, and to let old things expire. */
  readonly wallClock: () => number;
  /** What this machine is called. */
  readonly hostName: () => string;
  readonly localFiles: LocalFiles;
  /** One line on stdout. */
  print(line: string): void;
  /** One line on stderr. */
  warn(line: string): void;

  openFolder(root: string, options: { readonly create: boolean }): Promise<OwnFolder>;
  /** The disk below an open folder; with keys it can sign. */
  openDisk(folder: Folder, keys?: KeyPair): OwnDisk;
  /** What is remembered of an open folder between starts. */
  openManifestStore(folder: Folder, log: (line: string) => void): ManifestStore & Disposable;
  /** Opens a folder to keep it in sync; made if it is missing. Throws `Cannot use ROOT: reason`. */
  openDeviceSpace(root: string, options: DeviceSpaceOptions): Promise<DeviceSpace>;
  /** Opens a folder to copy trees to; made if it is missing. Throws `Cannot use ROOT: reason`. */
  openCopySpace(root: string, options: CopySpaceOptions): Promise<CopySpace>;
  /** Opens a folder or file to be served, by one thread for each processor if not told. Throws `Cannot serve PATH: reason`. */
  openServedFolder(path: string, workerCount?: number): Promise<ServedFolder>;
  /** Opens the folder of a sync server; made if it is missing. Throws `Cannot use ROOT: reason`. */
  openUserSpaces(root: string, log: (line: string) => void): Promise<UserSpaces>;
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
