/**
 * Partial files in a thread of the stages: made, filled block by block or from other files, and finished. A
 * block counts only when its bytes have its hash; what is copied without being a whole block is verified later.
 */

import { sameBytes } from "../../protocol/bytes.ts";
import { BLOCK_SIZE_MAX, BlockHasher, HASH_SIZE } from "../content/tree.ts";
import { leavesBelowBlock, sizeOfBlock } from "../content/tree.ts";
import type { DiskFailure } from "../store/disk.ts";
import type { LandedBlock } from "../transfer/stage.ts";
import type { OpenParts } from "./block_landing.ts";
import { regularFile } from "./block_reading.ts";
import { failureOf } from "./disk_failure.ts";
import { makeStampLast } from "./file_state.ts";
import type { PartCopy, PartFile, StageJobs } from "./stage_jobs.ts";

const hasher = new BlockHasher();
const hash = new Uint8Array(HASH_SIZE);
/** The block that is put together. Made when it is first needed. */
let block = new Uint8Array(0);

/** Makes a partial file, all of it a hole; one that is there is emptied. */
export function makePart({ path, size }: PartFile): DiskFailure | undefined {
  try {
    using file = Deno.openSync(path, { write: true, create: true, truncate: true });
    file.truncateSync(size);
    return undefined;
  } catch (error) {
    return failureOf(`write ${path}`, error);
  }
}

/** Writes a block to its place if its bytes have its hash. */
export function landBlock(
  { path, index, hash, buffer, ...geometry }: StageJobs["land"][0],
  parts: OpenParts,
): LandedBlock {
  const bytes = new Uint8Array(buffer, 0, sizeOfBlock(geometry, index));
  if (!isRight(bytes, hash, geometry)) return { buffer, outcome: "bad-hash" };
  try {
    parts.write(path, bytes, index * geometry.blockSize);
    return { buffer, outcome: "landed" };
  } catch (error) {
    return { buffer, outcome: failureOf(`write ${path}`, error) };
  }
}

function isRight(
  bytes: Uint8Array,
  expected: Uint8Array,
  geometry: Pick<PartFile, "size" | "blockSize">,
): boolean {
  hasher.update(bytes);
  hasher.digest(leavesBelowBlock(geometry), hash, 0);
  return sameBytes(hash, expected);
}

/** Makes blocks of what is to be copied from other files and what is there already; answers which of them are right. */
export function assemble(
  { path, indexes, hashes, copies, ...geometry }: StageJobs["assemble"][0],
  parts: OpenParts,
): StageJobs["assemble"][1] {
  using bases = new OpenBases();
  const right: number[] = [];
  if (block.length === 0) block = new Uint8Array(BLOCK_SIZE_MAX);
  try {
    for (const [i, index] of indexes.entries()) {
      const start = index * geometry.blockSize;
      const bytes = block.subarray(0, sizeOfBlock(geometry, index));
      const filled = fillBlock(bytes, withinBlock(copies, start, start + bytes.length), bases);
      const length = filled.reduce((sum, { length }) => sum + length, 0);
      if (length < bytes.length) {
        for (const { to, length } of filled) {
          parts.write(path, bytes.subarray(to, to + length), start + to);
        }
      } else if (isRight(bytes, hashes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE), geometry)) {
        parts.write(path, bytes, start);
        right.push(index);
      }
    }
    return { right, failure: undefined };
  } catch (error) {
    return { right, failure: failureOf(`write ${path}`, error) };
  }
}

/** The parts of copies that lie within a block, placed from its start on. */
function withinBlock(copies: readonly PartCopy[], start: number, end: number): PartCopy[] {
  return copies.flatMap(({ path, offset, length, to }) => {
    const from = Math.max(start, to);
    const count = Math.min(end, to + length) - from;
    if (count <= 0) return [];
    return [{ path, offset: offset + from - to, length: count, to: from - start }];
  });
}

/** Reads what copies name into their places. Answers those that could be read. */
function fillBlock(
  bytes: Uint8Array,
  copies: readonly PartCopy[],
  bases: OpenBases,
): PartCopy[] {
  return copies.filter(({ path, offset, length, to }) =>
    bases.read(path, bytes.subarray(to, to + length), offset)
  );
}

/** The files that bytes are copied from, open as long as a job takes. */
class OpenBases implements Disposable {
  readonly #files = new Map<string, { readonly file: Deno.FsFile; position: number } | undefined>();

  /** Fills `into`; false where the file cannot be read, or ends before. */
  read(path: string, into: Uint8Array, offset: number): boolean {
    try {
      if (!this.#files.has(path)) this.#files.set(path, open(path));
      const base = this.#files.get(path);
      if (base === undefined) return false;
      if (base.position !== offset) base.file.seekSync(offset, Deno.SeekMode.Start);
      for (let filled = 0; filled < into.length;) {
        const count = base.file.readSync(into.subarray(filled));
        if (count === null) return false;
        filled += count;
        base.position = offset + filled;
      }
      return true;
    } catch {
      return false;
    }
  }

  [Symbol.dispose](): void {
    for (const base of this.#files.values()) base?.file.close();
  }
}

function open(path: string): { readonly file: Deno.FsFile; position: number } | undefined {
  try {
    regularFile(path);
    return { file: Deno.openSync(path), position: 0 };
  } catch {
    return undefined;
  }
}

/** Writes ranges of bytes, verified by nobody yet, that lie one behind the other in the buffer. */
export function writeRanges(
  { path, ranges, buffer }: StageJobs["writeRanges"][0],
  parts: OpenParts,
): StageJobs["writeRanges"][1] {
  let start = 0;
  try {
    for (const { offset, length } of ranges) {
      parts.write(path, new Uint8Array(buffer, start, length), offset);
      start += length;
    }
    return { buffer, failure: undefined };
  } catch (error) {
    return { buffer, failure: failureOf(`write ${path}`, error) };
  }
}

/** Gives a partial file, which is whole by now, the name under which it waits for its place. */
export function finishPart({ path, to }: StageJobs["finish"][0]): DiskFailure | undefined {
  try {
    makeStampLast(path);
    Deno.renameSync(path, to);
    return undefined;
  } catch (error) {
    return failureOf(`write ${path}`, error);
  }
}
