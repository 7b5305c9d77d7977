/**
 * What a command needs of the process that it runs in. `main.ts` wires the real thing.
 */

import type { Clock, Network, Random, VerifySignature } from "../../protocol/ports.ts";
import type { KeyPair } from "../content/identity.ts";
import type { BlockDisk } from "../store/disk.ts";
import type { Folder } from "../store/folder.ts";
import type { ManifestStore } from "../store/manifest_store.ts";
import type { Terminal } from "../terminal/ports.ts";

export interface OpenFolderOptions {
  /** Makes the folder if it is missing. */
  readonly create: boolean;
}

export interface World {
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
  readonly terminal: Terminal;
  /** One line on stdout. */
  print(line: string): void;
  /** One line on stderr. */
  warn(line: string): void;

  openFolder(root: string, options: OpenFolderOptions): Promise<Folder & AsyncDisposable>;
  /** The disk below an open folder; with keys it can sign. */
  openDisk(folder: Folder, keys?: KeyPair): BlockDisk & Disposable;
  openManifestStore(folder: Folder): ManifestStore & Disposable;
  /** The key of a folder, made on first use. */
  loadIdentity(folder: Folder): Promise<KeyPair>;
  /** A key for one run. */
  makeIdentity(): KeyPair;
}

/** The command ends with this exit code, and what it has to say has been said. */
export class Exit extends Error {
  override readonly name = "Exit";
  constructor(readonly code: 0 | 1) {
    super(`exit ${code}`);
  }
}
