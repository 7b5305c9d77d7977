/**
 * Small files that are read whole, many in a row.
 *
 * Somebody may put another file, or a link, in the place of one that was found. So what was open must have been the
 * file that is meant. To look at the open file proves it, and costs nearly as much as to open it: with restricted
 * permissions the runtime resolves all links on the way once more. Below a root there is a cheaper proof for many
 * files in one folder. If the way to it and all names in it held still from before the first was opened until after
 * the last was looked at (steady_way.ts), then each was open under the name under which it was looked at. Where that
 * cannot be said, all of them are read again, and looked at while they are open.
 */

import { isPossiblySame } from "../transfer/stage.ts";
import type { LocalFile } from "../transfer/stage.ts";
import { regularFile } from "./block_reading.ts";
import { FileError } from "./disk_failure.ts";
import { lookAt, readStart, stateOf } from "./file_state.ts";
import { lookAtWay } from "./steady_way.ts";

/** For fewer files in a folder it costs more to look at the way, before and after, than it saves. */
const GROUP_MIN = 8;

/** Why a file was not read. */
export type ReadingFailure = readonly [index: number, error: unknown];

/** A file, which of many it is, and where its bytes go. */
interface Reading {
  readonly index: number;
  readonly file: LocalFile;
  readonly into: Uint8Array;
}

/**
 * Reads files into the buffer, one behind the other, each as long as it should be. Of those that are not what they
 * should be, the bytes in the buffer are not theirs.
 *
 * @param root The folder that all ways to the files start from, if that is known.
 */
export function readSmallFiles(
  files: readonly LocalFile[],
  { root, buffer }: { readonly root: string | undefined; readonly buffer: ArrayBuffer },
): ReadingFailure[] {
  const failures: ReadingFailure[] = [];
  for (const [prefix, readings] of byFolder(files, buffer)) {
    if (root !== undefined && readTogether(readings, { root, prefix })) continue;
    for (const { index, file, into } of readings) {
      try {
        readOne(file, into);
      } catch (error) {
        failures.push([index, error]);
      }
    }
  }
  return failures;
}

/** The files by the local path of the folder that they are directly in, with a slash at its end. */
function byFolder(files: readonly LocalFile[], buffer: ArrayBuffer): Map<string, Reading[]> {
  const folders = new Map<string, Reading[]>();
  let start = 0;
  for (const [index, file] of files.entries()) {
    const { path, size } = file;
    const reading = { index, file, into: new Uint8Array(buffer, start, size) };
    start += size;
    const prefix = path.slice(0, path.lastIndexOf("/") + 1);
    const others = folders.get(prefix);
    if (others === undefined) folders.set(prefix, [reading]);
    else others.push(reading);
  }
  return folders;
}

/** Reads the files of a folder. False where they have to be read again, one by one. */
function readTogether(
  readings: readonly Reading[],
  { root, prefix }: { readonly root: string; readonly prefix: string },
): boolean {
  if (readings.length < GROUP_MIN || !prefix.startsWith(`${root}/`)) return false;
  const way = lookAtWay({ root, folder: prefix.slice(root.length + 1, -1) });
  if (typeof way === "string" || !way.isProofOfNames) return false;
  return readings.every(readByName) && way.areNamesStill();
}

/** Reads a file by its name, if the one that is meant has it before and after. */
function readByName({ file, into }: Reading): boolean {
  try {
    // Without the look before, a link in its place would have something else opened, and perhaps a pipe emptied.
    return hasItsName(file) && readStart(file.path, into) && hasItsName(file);
  } catch {
    return false;
  }
}

function hasItsName({ path, size, expect }: LocalFile): boolean {
  const now = lookAt(path);
  return now?.size === size && expect !== undefined && isPossiblySame(now.stamp, expect);
}

/** Reads a file. That its stamp is right while it is open says that it is the one that was meant. */
function readOne({ path, expect }: LocalFile, into: Uint8Array): void {
  const before = stateOf(regularFile(path));
  using file = Deno.openSync(path);
  for (let filled = 0; filled < into.length;) {
    const count = file.readSync(into.subarray(filled));
    if (count === null) throw new FileError("ECHANGED");
    filled += count;
  }
  const now = stateOf(file.statSync());
  const isMeant = now.size === into.length && isPossiblySame(now.stamp, expect ?? before.stamp);
  if (!isMeant) throw new FileError("ECHANGED");
}
