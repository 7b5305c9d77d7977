/**
 * Buffers of a chunk's size that wait for their next use, those of all connections of a process together.
 *
 * A side that answers faster than it is asked makes one answer at a time. Were the buffer new for each, the
 * system would have to clear its memory, and the collector would run for every sixty of them.
 */

import { CHUNK_SIZE_MAX, HEAD_ROOM } from "../../protocol/header.ts";

/** Smaller buffers are made for each use. */
const SIZE_MIN = 64 * 1024;
/** More than these of one size are left to the collector. */
const SPARE_MAX = 8;

/** By the size without the room, a power of two. */
const spare = new Map<number, ArrayBuffer[]>();

/** A buffer for `HEAD_ROOM` and so many bytes at least, at most `CHUNK_SIZE_MAX`; anything may be in it. */
export function takeChunkBuffer(size: number): ArrayBuffer {
  if (size < SIZE_MIN) return new ArrayBuffer(HEAD_ROOM + size);
  const sizeTaken = 2 ** Math.ceil(Math.log2(size));
  return spare.get(sizeTaken)?.pop() ?? new ArrayBuffer(HEAD_ROOM + sizeTaken);
}

/** Gives a buffer back that nobody uses any more. One of an odd size is dropped. */
export function giveChunkBuffer(buffer: ArrayBuffer): void {
  const size = buffer.byteLength - HEAD_ROOM;
  const isKept = size >= SIZE_MIN && size <= CHUNK_SIZE_MAX && Number.isInteger(Math.log2(size));
  if (!isKept) return;
  const buffers = spare.get(size);
  if (buffers === undefined) spare.set(size, [buffer]);
  else if (buffers.length < SPARE_MAX) buffers.push(buffer);
}
