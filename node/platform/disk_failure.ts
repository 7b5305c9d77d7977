/**
 * Turns what the operating system says into what a user can act on.
 *
 * Deno's messages end in "(os error 28)" and a path, and differ between calls and versions. Here each
 * error becomes a plain reason and one of the codes of the disk port.
 */

import type { DiskErrorCode, DiskFailure } from "../store/disk.ts";
import { errorNameOf } from "../store/file_calls.ts";

export { errorNameOf };

/** By the name of the error, in POSIX or our own: the code, and the reason in words. */
const KNOWN = {
  ENOSPC: ["no-space", "the disk is full (free some space and try again)"],
  EDQUOT: ["no-space", "the disk quota is used up (free some space and try again)"],
  EEXIST: ["exists", "it exists already"],
  ENOTEMPTY: ["exists", "there is a folder with that name"],
  ENOENT: ["missing", "there is no such file or folder"],
  EACCES: ["denied", "permission denied"],
  EPERM: ["denied", "the operation is not permitted"],
  EROFS: ["denied", "the file system is read-only"],
  EISDIR: ["not-regular", "it is a folder"],
  ENOTDIR: ["not-regular", "a part of its path is not a folder"],
  ELOOP: ["not-regular", "it has too many symbolic links"],
  ENAMETOOLONG: ["failed", "the name is too long for this file system"],
  EMFILE: ["failed", "too many files are open (raise the limit: ulimit -n)"],
  EXDEV: ["failed", "its temporary file is on another file system"],
  EFBIG: ["failed", "it is too large (at most 1 TiB)"],
  ECHANGED: ["changed", "it changed while it was read"],
  ENOTREG: ["not-regular", "it is not a regular file"],
} as const satisfies Record<string, readonly [DiskErrorCode, string]>;

/** A failure that the program found by itself, under the name of its kind. */
export class FileError extends Error {
  constructor(readonly code: keyof typeof KNOWN) {
    super(KNOWN[code][1]);
  }
}

/** Why a file call failed, in words. */
export function reasonOf(error: unknown): string {
  return known(error)?.[1] ?? (error instanceof Error ? error.message : String(error));
}

/** The failure of an action, worded as in "Cannot `action`: reason". */
export function failureOf(action: string, error: unknown): DiskFailure {
  return { error: `Cannot ${action}: ${reasonOf(error)}`, code: known(error)?.[0] ?? "failed" };
}

function known(error: unknown): readonly [DiskErrorCode, string] | undefined {
  const name = errorNameOf(error);
  return Object.hasOwn(KNOWN, name) ? KNOWN[name as keyof typeof KNOWN] : undefined;
}
