/**
 * Cuts a byte stream into frames, in whatever slices the bytes arrive.
 *
 * Headers and bodies pass through a small buffer that grows to what a frame needs. A chunk does not: it is
 * read from the stream straight into the caller's buffer, after the few bytes of it that had come along
 * with its header. What a frame needs is known, and within its type's limits, before memory is taken.
 */

import { Cursor } from "./fields.ts";
import { HEADER_SIZE } from "./header.ts";
import { decodeBody, decodeHead } from "./messages.ts";
import type { FrameHead, Message } from "./messages.ts";
import { StreamCutOff } from "./errors.ts";
import type { Duplex } from "./ports.ts";

/** What an idle connection keeps: room for nearly all messages without lists. */
const BUFFER_SIZE_FIRST = 512;
/** A reader that is kept busy by small frames reads this much at a time. */
const BUFFER_SIZE_BUSY = 64 * 1024;
/** Behind a chunk of this size there is probably another one. What came along with its header would be copied. */
const CHUNK_SIZE_LARGE = BUFFER_SIZE_BUSY;

/** A message, and how many raw bytes follow it. */
export interface Frame {
  readonly message: Message;
  readonly request: number;
  readonly chunkSize: number;
}

/** The chunk of the frame that was read last. */
export interface ChunkReader {
  /** Reads the next `into.length` bytes of the chunk. What is left unread is skipped. */
  readChunk(into: Uint8Array): Promise<void>;
}

export class FrameReader implements ChunkReader {
  readonly #source: Pick<Duplex, "read">;
  #bytes = new Cursor(new Uint8Array(BUFFER_SIZE_FIRST));
  /** The bytes from #start to #end have arrived and are not yet used. */
  #start = 0;
  #end = 0;
  /** So many must be there before a frame can be taken. */
  #needed = HEADER_SIZE;
  #chunkLeft = 0;
  /** Whether the frame that was taken last has a large chunk. */
  #hasLargeChunk = false;
  #bytesRead = 0;
  readonly #noteArrival = (count: number | null) => this.#arrived(count);

  constructor(source: Pick<Duplex, "read">) {
    this.#source = source;
  }

  /** Bytes that came from the stream so far: it grows within a long chunk, too. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /**
   * The next frame, or `null` when the stream ended between two frames. Throws a `ProtocolError` for bytes
   * that are no frame and for an end within one, and whatever the stream itself throws.
   */
  async next(): Promise<Frame | null> {
    for (;;) {
      const frame = this.take();
      if (frame !== undefined) return frame;
      if (!await this.more()) return null;
    }
  }

  /** The next frame if all of it is here, but for its chunk. Throws a `ProtocolError` as `next` does. */
  take(): Frame | undefined {
    if (this.#chunkLeft > 0) this.#skipChunk();
    const ready = this.#end - this.#start;
    if (this.#chunkLeft > 0 || ready < HEADER_SIZE) {
      this.#needed = HEADER_SIZE;
      return undefined;
    }
    const head = decodeHead(this.#bytes.view, this.#start);
    const size = HEADER_SIZE + head.bodySize;
    if (ready < size) {
      this.#needed = size;
      return undefined;
    }
    return this.#decode(head, size);
  }

  /**
   * Waits for more bytes after `take` gave no frame; false when the stream ended between two frames. Throws
   * as `next` does. A connection waits here most of its life, so nothing else is made for that than what
   * the stream itself makes: no function that waits for another, and no array.
   */
  more(): Promise<boolean> {
    this.#makeRoom(this.#needed);
    return this.#source.read(from(this.#bytes.bytes, this.#end)).then(this.#noteArrival);
  }

  async readChunk(into: Uint8Array): Promise<void> {
    if (into.length > this.#chunkLeft) {
      throw new RangeError(
        `Cannot read ${into.length} bytes: the chunk has ${this.#chunkLeft} left`,
      );
    }
    const ready = Math.min(into.length, this.#end - this.#start);
    into.set(this.#bytes.bytes.subarray(this.#start, this.#start + ready));
    this.#start += ready;
    for (let filled = ready; filled < into.length;) {
      const count = await this.#source.read(from(into, filled));
      if (count === null) throw new StreamCutOff("a chunk");
      filled += count;
      this.#bytesRead += count;
    }
    this.#chunkLeft -= into.length;
  }

  /** A chunk that nobody reads is passed over in large steps all the same. */
  get #isBetweenLargeChunks(): boolean {
    return this.#hasLargeChunk && this.#chunkLeft === 0;
  }

  #arrived(count: number | null): boolean {
    if (count !== null) {
      this.#end += count;
      this.#bytesRead += count;
      return true;
    }
    if (this.#chunkLeft > 0) throw new StreamCutOff("a chunk");
    if (this.#needed > HEADER_SIZE) throw new StreamCutOff("a body");
    if (this.#end > this.#start) throw new StreamCutOff("a header");
    return false;
  }

  #decode(head: FrameHead, size: number): Frame {
    const body = this.#bytes;
    body.offset = this.#start + HEADER_SIZE;
    body.end = this.#start + size;
    const message = decodeBody(head.name, body);
    this.#start += size;
    this.#chunkLeft = head.chunkSize;
    this.#hasLargeChunk = head.chunkSize >= CHUNK_SIZE_LARGE;
    return { message, request: head.request, chunkSize: head.chunkSize };
  }

  /** Passes over what is here of a chunk that nobody reads. */
  #skipChunk(): void {
    const count = Math.min(this.#chunkLeft, this.#end - this.#start);
    this.#start += count;
    this.#chunkLeft -= count;
  }

  /**
   * Moves what is ready to the front of a buffer that holds `size` bytes. A buffer that is full to the brim
   * belongs to a busy stream, which gets a larger one; a large one that was hardly touched is given up, so
   * that an idle connection keeps little whatever passed through it before. Between large chunks it stays
   * small.
   */
  #makeRoom(size: number): void {
    const { bytes } = this.#bytes;
    const capacity = bytes.length;
    let wanted = capacity;
    if (this.#isBetweenLargeChunks) wanted = Math.max(BUFFER_SIZE_FIRST, this.#end - this.#start);
    else if (this.#end === capacity) wanted = Math.min(capacity * 4, BUFFER_SIZE_BUSY);
    else if (Math.max(this.#end, size) <= BUFFER_SIZE_FIRST) wanted = BUFFER_SIZE_FIRST;
    wanted = Math.max(wanted, size);

    if (wanted === capacity) {
      if (this.#start > 0) bytes.copyWithin(0, this.#start, this.#end);
    } else {
      this.#bytes = new Cursor(new Uint8Array(wanted));
      this.#bytes.bytes.set(bytes.subarray(this.#start, this.#end));
    }
    this.#end -= this.#start;
    this.#start = 0;
  }
}

/** What stands from `start` on; an array of its own only where that is not everything. */
function from(bytes: Uint8Array, start: number): Uint8Array {
  return start === 0 ? bytes : bytes.subarray(start);
}
