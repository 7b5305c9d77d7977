/** Runs of bytes: how long they are together, what they leave out, and which go into one chunk. */

import { CHUNK_SIZE_MAX } from "../../protocol/header.ts";

/** A run of bytes of a content. */
export interface Range {
  readonly offset: number;
  readonly length: number;
}

/** How many bytes the ranges have together. */
export function sizeOfRanges(ranges: readonly Range[]): number {
  return ranges.reduce((sum, { length }) => sum + length, 0);
}

/** What the ranges leave out of the first `size` bytes, in order. They may come in any order and overlap. */
export function uncovered(ranges: readonly Range[], size: number): Range[] {
  const left: Range[] = [];
  let end = 0;
  for (const { offset, length } of ranges.toSorted((a, b) => a.offset - b.offset)) {
    if (offset > end) left.push({ offset: end, length: offset - end });
    end = Math.max(end, offset + length);
  }
  if (end < size) left.push({ offset: end, length: size - end });
  return left;
}

/**
 * Makes ranges longer on both sides, as far as there are bytes, and one range of those that touch then.
 *
 * @param ranges In order.
 */
export function widened(
  ranges: readonly Range[],
  { by, size }: { readonly by: number; readonly size: number },
): Range[] {
  const wide: Range[] = [];
  for (const { offset, length } of ranges) {
    const last = wide.at(-1) ?? { offset: 0, length: -1 };
    const lastEnd = last.offset + last.length;
    const start = Math.max(0, offset - by);
    const end = Math.min(size, offset + length + by);
    if (start > lastEnd) wide.push({ offset: start, length: end - start });
    else {wide[wide.length - 1] = {
        offset: last.offset,
        length: Math.max(end, lastEnd) - last.offset,
      };}
  }
  return wide;
}

/** How ranges are cut into groups. */
export interface ChunkLimits {
  /** How many ranges a group has at most; any number if not given. */
  readonly countMax?: number;
  /** How many bytes a group has; if not given, as many as a chunk may have. */
  readonly size?: number;
}

/** Cuts ranges into groups that fill a chunk each, as long as their number allows it. */
export function* inChunks(
  ranges: readonly Range[],
  { countMax = Infinity, size = CHUNK_SIZE_MAX }: ChunkLimits = {},
): Generator<Range[]> {
  let group: Range[] = [];
  let room = size;
  for (const { offset, length } of ranges) {
    for (let done = 0; done < length;) {
      const count = Math.min(room, length - done);
      group.push({ offset: offset + done, length: count });
      done += count;
      room -= count;
      if (room > 0 && group.length < countMax) continue;
      yield group;
      group = [];
      room = size;
    }
  }
  if (group.length > 0) yield group;
}
