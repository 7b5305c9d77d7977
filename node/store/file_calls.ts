/**
 * The few calls of a file system that changing a folder takes, as a port: the real ones are in
 * node/platform/file_calls.ts, those of a simulated machine in tests/sync_simulation/.
 *
 * All are synchronous and work on local paths. They throw errors whose `code` is the POSIX name, as in
 * "ENOENT". None follows a symbolic link at the end of its path.
 */

import type { DiskFailure } from "./disk.ts";
import type { FileState } from "./folder.ts";

/** What is at a path. */
export interface FileInfo extends FileState {
  readonly kind: "file" | "folder" | "other";
  readonly inode: number;
  /** When the bytes were written last, in milliseconds by the file system's clock. */
  readonly modifiedMs: number;
  /** Permission bits. */
  readonly mode: number;
  /** The stamp to be remembered: another one if the file may be written again without a change of `stamp`. */
  readonly seenStamp: string;
}

export interface FileCalls {
  /** What is at `path`, or undefined where there is nothing. */
  look(path: string): FileInfo | undefined;
  /** Moves a file or a folder; a file that is at `to` is replaced. */
  rename(from: string, to: string): void;
  /** Moves a file. Fails with EEXIST where there is something at `to`. */
  renameToFree(from: string, to: string): void;
  /** Gives a file a second name, for which one that has it is removed. */
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
  /** Words and code for an error of these calls, as in "Cannot `action`: reason". */
  failure(action: string, error: unknown): DiskFailure;
}

/** The POSIX name of an error of a file call, such as "ENOENT"; empty for any other error. */
export function errorNameOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
