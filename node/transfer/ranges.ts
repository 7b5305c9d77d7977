/** Runs of bytes: how long they are together, and which go into one chunk. */

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

/** Cuts ranges into groups of at most `countMax` that fill a chunk each. */
export function* inChunks(ranges: readonly Range[], countMax = Infinity): Generator<Range[]> {
  let group: Range[] = [];
  let room = CHUNK_SIZE_MAX;
  for (const { offset, length } of ranges) {
    for (let done = 0; done < length;) {
      const count = Math.min(room, length - done);
      group.push({ offset: offset + done, length: count });
      done += count;
      room -= count;
      if (room > 0 && group.length < countMax) continue;
      yield group;
      group = [];
      room = CHUNK_SIZE_MAX;
    }
  }
  if (group.length > 0) yield group;
}
