/**
 * The few calls of a file system that changing a folder takes, as a port: the real ones are in
 * node/platform/file_calls.ts, those of a simulated machine in tests/sync_simulation/.
 *
 * All are synchronous and work on local paths. They throw errors whose `code` is the POSIX name, as in
 * "ENOENT". None follows a symbolic link at the end of its path.
 */

/** What is at a path. */
export interface FileInfo {
  readonly kind: "file" | "folder" | "other";
  readonly inode: number;
  /** In bytes. */
  readonly size: number;
  /** When the bytes were written last, in milliseconds by the file system's clock. */
  readonly modifiedMs: number;
  /** Permission bits. */
  readonly mode: number;
  /** Tells one state of a file from another (`FoundEntry.stamp`). */
  readonly stamp: string;
}

export interface FileCalls {
  /** What is at `path`, or undefined where there is nothing. */
  look(path: string): FileInfo | undefined;
  /** Moves a file; one that is at `to` is replaced. */
  rename(from: string, to: string): void;
  /** Gives a file a second name. Fails with EEXIST where there is something under that name. */
  link(from: string, to: string): void;
  /** Removes a file. */
  remove(path: string): void;
  makeFolder(path: string): void;
  /** Removes an empty folder. Fails with ENOTEMPTY, or ENOTDIR where it is none. */
  removeFolder(path: string): void;
  /** Sets the permission bits of the regular file with that inode. Fails with ENOENT where it is another. */
  setMode(path: string, mode: number, inode: number): void;
  /** The names in a folder; none where it is missing. */
  list(path: string): string[];
}
