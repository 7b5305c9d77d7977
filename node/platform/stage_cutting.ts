/** Cutting in a thread of the stages: reads a part of a file and finds its pieces, or hashes its leaves. */

import { hashesOfLeaves } from "../content/tree.ts";
import type { DiskFailure } from "../store/disk.ts";
import type { Recipe } from "../transfer/contents.ts";
import { CUT_LEAD, cutRange, cutRun } from "../transfer/cutting.ts";
import type { CutRange } from "../transfer/cutting.ts";
import type { Range } from "../transfer/ranges.ts";
import { regularFile } from "./block_reading.ts";
import { failureOf, FileError } from "./disk_failure.ts";

/** What the last part was read into; the next one is about as long. */
let buffer = new ArrayBuffer(0);

/** The cuts in a range of a file and the pieces between them; reads the lead in front of it as well. */
export function cutFileRange(path: string, range: Range): CutRange | DiskFailure {
  const offset = Math.max(0, range.offset - CUT_LEAD);
  const length = range.offset + range.length - offset;
  const bytes = readPart(path, { offset, length });
  return bytes instanceof Uint8Array ? cutRange(bytes, range) : bytes;
}

/** The pieces of a range that has no cut in it. */
export function cutFileRun(path: string, range: Range): Recipe | DiskFailure {
  const bytes = readPart(path, range);
  return bytes instanceof Uint8Array ? cutRun(bytes) : bytes;
}

/** The hashes of the leaves of a range, the first of which starts where the range does. */
export function hashFileLeaves(path: string, range: Range): Uint8Array | DiskFailure {
  const bytes = readPart(path, range);
  return bytes instanceof Uint8Array ? hashesOfLeaves(bytes) : bytes;
}

/** Reads a part of a file. The bytes stand until the next call. */
function readPart(
  path: string,
  { offset, length }: Range,
): Uint8Array<ArrayBuffer> | DiskFailure {
  try {
    regularFile(path);
    using file = Deno.openSync(path);
    file.seekSync(offset, Deno.SeekMode.Start);
    if (buffer.byteLength < length) buffer = new ArrayBuffer(length);
    const bytes = new Uint8Array(buffer, 0, length);
    for (let filled = 0; filled < length;) {
      const count = file.readSync(bytes.subarray(filled));
      if (count === null) throw new FileError("ECHANGED");
      filled += count;
    }
    return bytes;
  } catch (error) {
    return failureOf(`read ${path}`, error);
  }
}
