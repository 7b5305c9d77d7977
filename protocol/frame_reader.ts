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
import { ErrorCode, ProtocolError } from "./errors.ts";
import type { Duplex } from "./ports.ts";

const BUFFER_SIZE_FIRST = 2 * 1024;
/** A reader that is kept busy reads this much at a time. */
const BUFFER_SIZE_BUSY = 64 * 1024;

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
  #buffer = new Uint8Array(BUFFER_SIZE_FIRST);
  #view = new DataView(this.#buffer.buffer);
  /** The bytes from #start to #end have arrived and are not yet used. */
  #start = 0;
  #end = 0;
  #chunkLeft = 0;
  #bytesRead = 0;

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
    if (this.#chunkLeft > 0) await this.#skipChunk();
    if (this.#end - this.#start < HEADER_SIZE && !await this.#fill(HEADER_SIZE)) {
      if (this.#end === this.#start) return null;
      throw endedWithin("a header");
    }
    const head = decodeHead(this.#view, this.#start);
    const size = HEADER_SIZE + head.bodySize;
    if (this.#end - this.#start < size && !await this.#fill(size)) throw endedWithin("a body");
    return this.#take(head, size);
  }

  #take(head: FrameHead, size: number): Frame {
    const body = new Cursor(this.#buffer, this.#start + HEADER_SIZE, this.#start + size);
    const message = decodeBody(head.name, body);
    this.#start += size;
    this.#chunkLeft = head.chunkSize;
    return { message, request: head.request, chunkSize: head.chunkSize };
  }

  async readChunk(into: Uint8Array): Promise<void> {
    if (into.length > this.#chunkLeft) {
      throw new RangeError(
        `Cannot read ${into.length} bytes: the chunk has ${this.#chunkLeft} left`,
      );
    }
    const ready = Math.min(into.length, this.#end - this.#start);
    into.set(this.#buffer.subarray(this.#start, this.#start + ready));
    this.#start += ready;
    for (let filled = ready; filled < into.length;) {
      const count = await this.#source.read(filled === 0 ? into : into.subarray(filled));
      if (count === null) throw endedWithin("a chunk");
      filled += count;
      this.#bytesRead += count;
    }
    this.#chunkLeft -= into.length;
  }

  /** Reads on without keeping the bytes, through the buffer, so that nothing is allocated. */
  async #skipChunk(): Promise<void> {
    while (this.#chunkLeft > 0) {
      if (this.#start === this.#end && !await this.#fill(1)) throw endedWithin("a chunk");
      const count = Math.min(this.#chunkLeft, this.#end - this.#start);
      this.#start += count;
      this.#chunkLeft -= count;
    }
  }

  /** Reads until `size` bytes are ready; false when the stream ended before. */
  async #fill(size: number): Promise<boolean> {
    this.#makeRoom(size);
    while (this.#end - this.#start < size) {
      const count = await this.#source.read(this.#buffer.subarray(this.#end));
      if (count === null) return false;
      this.#end += count;
      this.#bytesRead += count;
    }
    return true;
  }

  /**
   * Moves what is ready to the front of a buffer that holds `size` bytes. A buffer that is full to the brim
   * belongs to a busy stream, which gets a larger one; a large one that was hardly touched is given up, so
   * that an idle connection keeps 2 KiB whatever passed through it before.
   */
  #makeRoom(size: number): void {
    const capacity = this.#buffer.length;
    let wanted = capacity;
    if (this.#end === capacity) wanted = Math.min(capacity * 4, BUFFER_SIZE_BUSY);
    else if (Math.max(this.#end, size) <= BUFFER_SIZE_FIRST) wanted = BUFFER_SIZE_FIRST;
    wanted = Math.max(wanted, size);

    if (wanted === capacity) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
    } else {
      const ready = this.#buffer.subarray(this.#start, this.#end);
      this.#buffer = new Uint8Array(wanted);
      this.#buffer.set(ready);
      this.#view = new DataView(this.#buffer.buffer);
    }
    this.#end -= this.#start;
    this.#start = 0;
  }
}

function endedWithin(what: string): ProtocolError {
  return new ProtocolError(
    ErrorCode.malformed,
    `Cannot read frame: the stream ended within ${what}`,
  );
}
