/** Waiting for the disk without keeping a thread of the stages from its work. */

import type { DiskFailure } from "../store/disk.ts";
import { failureOf } from "./disk_failure.ts";

/** Brings the bytes of a file to the disk for good (fdatasync), in a thread of the runtime's own. */
export async function syncInBackground(path: string): Promise<DiskFailure | undefined> {
  try {
    using file = await Deno.open(path);
    await file.syncData();
    return undefined;
  } catch (error) {
    return failureOf(`write ${path} to the disk`, error);
  }
}
