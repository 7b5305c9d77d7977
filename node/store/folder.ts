/**
 * The port through which a node sees one folder: the files that it shares, and its private area
 * `.p2pnode/` in which files being fetched are kept until they are complete.
 *
 * Names are the swarm's names: relative paths with `/`, checked by protocol/path.ts. The real folder is
 * node/platform/folder.ts; the simulation has one in memory.
 */

/** What tells one state of a file from another without reading it. */
export interface FileState {
  /** Length in bytes. */
  readonly size: number;
  /**
   * Changes whenever the file is written or replaced (made of inode, modification and change time). It only
   * says whether a hash that is known still stands for the file; it never decides between two contents.
   */
  readonly stamp: string;
}

/** A regular file below the folder. */
export interface FoundFile extends FileState {
  readonly name: string;
}

/** Something below the folder that is not shared, and why. */
export interface SkippedFile {
  readonly name: string;
  readonly reason: string;
  /** Of a symbolic link what it says, as far as that can be read. */
  readonly target?: string;
}

/** What a walk through the folder found. */
export interface FolderScan {
  readonly files: FoundFile[];
  readonly skipped: SkippedFile[];
}

/** A file that is open for reading. */
export interface OpenFile {
  /** The state of the open file at this moment. Cheap and synchronous. */
  state(): FileState;
  /** Fills `into` from `offset` on. Throws when the file ends before. */
  read(into: Uint8Array, offset: number): Promise<void>;
  close(): void;
}

export interface Folder {
  /** Where the folder is, for messages to the user. */
  readonly root: string;
  /** Finds every regular file. Symbolic links are not followed; a folder that cannot be read is skipped. */
  scan(signal?: AbortSignal): Promise<FolderScan>;
  /** Yields whenever something below the folder may have changed. Hints only: some changes are missed. */
  watch(signal: AbortSignal): AsyncIterable<void>;
  /** The state of a regular file, or `undefined` when there is none under that name. */
  state(name: string): FileState | undefined;
  /** Those of `names` that stand for regular files: for many names much cheaper than `state` of each. */
  existing(names: readonly string[]): Set<string>;
  /** Opens a regular file for reading. Throws `Cannot open NAME: reason`. */
  open(name: string): OpenFile;
  /**
   * Fills `into` with a whole small file, synchronously: for thousands of them the way through a thread
   * costs more than the read. False when its state is not `state` any more.
   */
  readWhole(name: string, state: FileState, into: Uint8Array): boolean;
  /**
   * Copies a whole file to another name; it appears there complete or not at all. Throws when there is
   * another file of that name, unless `replace` is set.
   */
  copy(from: string, to: string, options: { readonly replace: boolean }): Promise<void>;
  /** The local path of a file of that name, for `BlockDisk`. */
  pathOf(name: string): string;

  /** The local path of the partial file with that key (letters, digits, `-`). */
  partPath(key: string): string;
  /** The keys of the partial files that are there, also those of an earlier process. */
  partKeys(): string[];
  /** Makes the partial file of that key, `size` bytes long, or keeps the one that is there. */
  makePart(key: string, size: number): Promise<void>;
  /** Opens a partial file for reading, to serve the blocks that it has. */
  openPart(key: string): OpenFile;
  /** Removes the partial file of that key, if there is one. */
  removePart(key: string): Promise<void>;
  /** A local path for a temporary file next to the partial ones, never used before. */
  temporaryPath(): string;
}
