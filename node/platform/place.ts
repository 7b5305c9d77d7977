/**
 * Gives a finished file its name: makes the folders on the way, then links or renames.
 *
 * Names come from strangers. `protocol/path.ts` has made sure that a name has no `..`; what is left is
 * that a folder on the way could be a symbolic link out of the shared folder, so each one is looked at
 * before anything is put into it (store/folders.ts).
 */

import type { DiskFailure } from "../store/disk.ts";
import { moveToFree } from "../store/file_calls.ts";
import type { Folders } from "../store/folders.ts";
import { failureOf } from "./disk_failure.ts";
import { fileCalls } from "./file_calls.ts";

/** How a file takes its name. */
export interface Placement {
  /** The finished file. */
  readonly temporary: string;
  /** The name that it gets. */
  readonly path: string;
  /** Whether a file that is there already is replaced. */
  readonly replace: boolean;
}

/** Makes the folders on the way and gives the file its name. On failure the temporary file stays. */
export function place(placement: Placement, folders: Folders): DiskFailure | undefined {
  const { temporary, path, replace } = placement;
  try {
    folders.makeFor(path);
    if (replace) fileCalls.rename(temporary, path);
    else for (const _ of moveToFree(fileCalls, temporary, path));
    return undefined;
  } catch (error) {
    return failureOf(`write ${path}`, error);
  }
}
