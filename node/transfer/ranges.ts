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
