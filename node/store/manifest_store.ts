/**
 * The port through which a node remembers, from one start to the next, what it knows of its files.
 *
 * It is only a cache: a file is known by name and state, and one that is not remembered is hashed
 * again. So nothing here throws when the disk fails; what cannot be remembered is forgotten, and the log says so.
 *
 * The real store is node/platform/manifest_database.ts.
 */

import type { Manifest } from "../content/manifest.ts";

/** A file of the folder that was hashed, or fetched and verified. */
export interface RememberedFile {
  /** Under the name that the file has in the folder. */
  readonly manifest: Manifest;
  /** The stamp of the file's state (store/folder.ts) to which the manifest belongs. */
  readonly stamp: string;
}

/** A file that the user wants and that is not there yet. */
export interface WantedFile {
  /** The name to store it under. */
  readonly name: string;
  /** BEP 52 root, 32 bytes. */
  readonly id: Uint8Array;
  /** Length in bytes. */
  readonly size: number;
  /** Only a manifest of this publisher will do. */
  readonly publisher?: Uint8Array;
  /** Replaces another file of that name. */
  readonly replace: boolean;
}

/** What became of the folder since the last time. */
export interface FileChanges {
  /** Files that are new or changed. */
  readonly put: readonly RememberedFile[];
  /** Names of files that are gone. */
  readonly removed: readonly string[];
}

export interface ManifestStore {
  /** All files, with manifests that passed `checkManifest`. Change nothing before the end. */
  files(): Iterable<RememberedFile>;
  /** Remembers and forgets files, all at once. */
  save(changes: FileChanges): void;

  /** All files that are still wanted. */
  wanted(): WantedFile[];
  /** Remembers what is wanted, each file in place of an earlier one of the same name. */
  want(files: readonly WantedFile[]): void;
  /** Forgets what was wanted under these names. */
  unwant(names: readonly string[]): void;
}
