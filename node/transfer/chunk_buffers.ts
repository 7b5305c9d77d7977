/**
 * Buffers of a chunk's size that wait for their next use, those of all connections of a process together.
 *
 * A side that answers faster than it is asked makes one answer at a time. Were the buffer new for each, the
 * system would have to clear its memory, and the collector would run for every sixty of them.
 */

import { CHUNK_SIZE_MAX } from "../../protocol/header.ts";

/** More than these are left to the collector. */
const SPARE_MAX = 8;

const spare: ArrayBuffer[] = [];

/** A buffer for so many bytes at least, at most `CHUNK_SIZE_MAX`; anything may be in it. */
export function takeChunkBuffer(size: number): ArrayBuffer {
  if (size < CHUNK_SIZE_MAX / 2) return new ArrayBuffer(size);
  return spare.pop() ?? new ArrayBuffer(CHUNK_SIZE_MAX);
}

/** Gives a buffer back that nobody uses any more. One of another size is dropped. */
export function giveChunkBuffer(buffer: ArrayBuffer): void {
  if (buffer.byteLength === CHUNK_SIZE_MAX && spare.length < SPARE_MAX) spare.push(buffer);
}
