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
const RUN_MIN = 8;

/** Why a file was not read. */
export type ReadingFailure = readonly [index: number, error: unknown];

/** Files one after the other that are in the same folder. */
interface Run {
  readonly first: number;
  readonly count: number;
  /** The folder's local path, with a slash at its end. */
  readonly prefix: string;
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
  let start = 0;
  const places = files.map(({ size }) => new Uint8Array(buffer, (start += size) - size, size));
  for (const run of runsOf(files)) {
    if (root !== undefined && readTogether({ files, places, run }, root)) continue;
    for (let i = run.first; i < run.first + run.count; i++) {
      try {
        readOne(files[i]!, places[i]!);
      } catch (error) {
        failures.push([i, error]);
      }
    }
  }
  return failures;
}

function* runsOf(files: readonly LocalFile[]): Generator<Run> {
  for (let first = 0; first < files.length;) {
    const { path } = files[first]!;
    const prefix = path.slice(0, path.lastIndexOf("/") + 1);
    let end = first + 1;
    while (end < files.length && isDirectlyIn(prefix, files[end]!)) end++;
    yield { prefix, first, count: end - first };
    first = end;
  }
}

function isDirectlyIn(prefix: string, { path }: LocalFile): boolean {
  return path.startsWith(prefix) && path.lastIndexOf("/") === prefix.length - 1;
}

/** Reads the files of a run. False where they have to be read again, one by one. */
function readTogether(
  { files, places, run: { prefix, first, count } }: {
    readonly files: readonly LocalFile[];
    readonly places: readonly Uint8Array[];
    readonly run: Run;
  },
  root: string,
): boolean {
  if (count < RUN_MIN || !prefix.startsWith(`${root}/`)) return false;
  const way = lookAtWay({ root, folder: prefix.slice(root.length + 1, -1) });
  if (typeof way === "string" || !way.isProofOfNames) return false;
  for (let i = first; i < first + count; i++) {
    if (!readByName(files[i]!, places[i]!)) return false;
  }
  return way.areNamesStill();
}

/** Reads whatever has the name of a file, and looks whether the file that is meant has it afterwards. */
function readByName({ path, expect }: LocalFile, into: Uint8Array): boolean {
  try {
    if (!readStart(path, into)) return false;
    const now = lookAt(path);
    return now?.size === into.length && expect !== undefined && isPossiblySame(now.stamp, expect);
  } catch {
    return false;
  }
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
