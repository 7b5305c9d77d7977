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
  /**
   * Gives a file a second name. Fails with EEXIST where there is something. False where links cannot be
   * made, as on exFAT, or of a folder.
   */
  link(from: string, to: string): boolean;
  /** Where a symbolic link leads, as it stands in the link; undefined where there is none. */
  readLink(path: string): string | undefined;
  /** Makes a symbolic link. Fails with EEXIST where there is something. */
  makeLink(path: string, target: string): void;
  /** Removes a file or a symbolic link. */
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

/** An error of a file call that no system call has given. */
export class FileCallError extends Error {
  constructor(readonly code: string, message: string) {
    super(message);
  }
}

/** The POSIX name of an error of a file call, such as "ENOENT"; empty for any other error. */
export function errorNameOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/**
 * Moves a file to where there is nothing; fails with EEXIST otherwise. A rename always replaces, a link
 * never does, and costs no more together with the removal. Where there are no links, a file that appears in
 * between is replaced.
 */
export function* moveToFree(
  calls: Pick<FileCalls, "link" | "look" | "remove" | "rename">,
  from: string,
  to: string,
): Generator<void, void, void> {
  if (calls.link(from, to)) {
    yield;
    calls.remove(from);
  } else {
    if (calls.look(to) !== undefined) throw new FileCallError("EEXIST", "it exists already");
    calls.rename(from, to);
  }
}
