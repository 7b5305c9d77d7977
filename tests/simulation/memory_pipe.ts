/**
 * One direction of a simulated connection: bytes on their way, with delay, bandwidth and bounded buffers.
 *
 * What is written is cut into segments, each of which arrives a while later. A writer waits while as much
 * is under way or unread as the buffers take. Reads and writes move a random part of what they could.
 */

import type { Dice } from "./dice.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** What the way between two hosts is like. */
export interface Line {
  /** How long a byte travels. */
  readonly latencyMs: number;
  readonly bytesPerMs: number;
  /** Bytes that may be under way or unread. */
  readonly capacity: number;
  /** How often a read or a write moves less than it could, from 0 to 1. */
  readonly choppiness: number;
}

interface Segment {
  /** Empty at the end of the stream. */
  bytes: Uint8Array;
  atMs: number;
}

export class Pipe {
  readonly #time: VirtualTime;
  readonly #line: Line;
  readonly #dice: Dice;
  readonly #segments: Segment[] = [];
  #size = 0;
  /** When the last byte written so far has left. */
  #sentMs = 0;
  #isSilent = false;
  #readFailure: string | undefined;
  #writeFailure: string | undefined;
  #reader: PromiseWithResolvers<void> | undefined;
  #writers = Promise.withResolvers<void>();

  constructor(time: VirtualTime, line: Line, dice: Dice) {
    this.#time = time;
    this.#line = line;
    this.#dice = dice;
  }

  /** Bytes that were written and not read. */
  get unread(): number {
    return this.#size;
  }

  /** Reads what has arrived, or waits for it. */
  read(into: Uint8Array): Promise<number | null> {
    const count = this.#readNow(into);
    return count === undefined ? this.#readLater(into) : Promise.resolve(count);
  }

  /** Writes what there is room for, or waits for room. */
  write(bytes: Uint8Array): Promise<number> {
    return this.#hasRoom() ? Promise.resolve(this.#writeNow(bytes)) : this.#writeLater(bytes);
  }

  #readNow(into: Uint8Array): number | null | undefined {
    const first = this.#segments[0];
    const isReady = first !== undefined && first.atMs <= this.#time.nowMs && !this.#isSilent;
    if (!isReady || this.#readFailure !== undefined) return undefined;
    return first.bytes.length === 0 ? null : this.#deliver(first, into);
  }

  async #readLater(into: Uint8Array): Promise<number | null> {
    while (true) {
      if (this.#readFailure !== undefined) throw new Error(this.#readFailure);
      const count = this.#readNow(into);
      if (count !== undefined) return count;
      this.#reader = Promise.withResolvers();
      this.#wakeReaderInTime();
      await this.#reader.promise;
    }
  }

  #hasRoom(): boolean {
    return this.#writeFailure === undefined && this.#size < this.#line.capacity;
  }

  #writeNow(bytes: Uint8Array): number {
    const count = this.#part(Math.min(bytes.length, this.#line.capacity - this.#size));
    this.#size += count;
    this.#enqueue(bytes.slice(0, count));
    return count;
  }

  async #writeLater(bytes: Uint8Array): Promise<number> {
    while (!this.#hasRoom()) {
      if (this.#writeFailure !== undefined) throw new Error(this.#writeFailure);
      await this.#writers.promise;
    }
    return this.#writeNow(bytes);
  }

  /** Nothing more will be written; what is under way still arrives. */
  end(): void {
    this.failWrites("connection closed");
    this.#enqueue(new Uint8Array(0));
  }

  failReads(reason: string): void {
    this.#readFailure ??= reason;
    this.#wakeReader();
  }

  failWrites(reason: string): void {
    this.#writeFailure ??= reason;
    this.#wakeWriters();
  }

  /** Nothing arrives any more, and nobody learns that. */
  silence(): void {
    this.#isSilent = true;
  }

  /** Nothing arrives before `ms`. */
  holdUntil(ms: number): void {
    this.#sentMs = Math.max(this.#sentMs, ms);
    for (const segment of this.#segments) segment.atMs = Math.max(segment.atMs, ms);
  }

  #enqueue(bytes: Uint8Array): void {
    const { bytesPerMs, latencyMs } = this.#line;
    this.#sentMs = Math.max(this.#sentMs, this.#time.nowMs) + bytes.length / bytesPerMs;
    this.#segments.push({ bytes, atMs: Math.ceil(this.#sentMs + latencyMs) });
    if (this.#segments.length === 1) this.#wakeReaderInTime();
  }

  #deliver(segment: Segment, into: Uint8Array): number {
    const count = this.#part(Math.min(segment.bytes.length, into.length));
    into.set(segment.bytes.subarray(0, count));
    if (count === segment.bytes.length) this.#segments.shift();
    else segment.bytes = segment.bytes.subarray(count);
    this.#size -= count;
    // As TCP does (RFC 9293, 3.8.6.2): to tell of every byte of room would cut the stream into crumbs.
    if (this.#size <= this.#line.capacity / 2) this.#wakeWriters();
    return count;
  }

  #part(count: number): number {
    const { choppiness } = this.#line;
    return choppiness > 0 && this.#dice.chance(choppiness) ? this.#dice.between(1, count) : count;
  }

  #wakeReaderInTime(): void {
    const first = this.#segments[0];
    if (first === undefined || this.#reader === undefined || this.#isSilent) return;
    this.#time.after(first.atMs - this.#time.nowMs, () => this.#wakeReader());
  }

  #wakeReader(): void {
    this.#reader?.resolve();
    this.#reader = undefined;
  }

  #wakeWriters(): void {
    this.#writers.resolve();
    this.#writers = Promise.withResolvers();
  }
}
