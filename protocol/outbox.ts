/**
 * The sending half of a connection: two queues and one writer.
 *
 * Control messages overtake queued chunks, so that a `have` or a `cancel` does not wait behind megabytes.
 * Small frames that wait together leave in one write. Both queues are bounded in bytes: `ready` tells a
 * sender when to go on, and TCP's own back-pressure is what makes them fill.
 */

import { ConnectionClosed } from "./errors.ts";
import type { Duplex } from "./ports.ts";

/** A sender that finds more than this waiting waits itself. */
const CONTROL_BYTES_MAX = 256 * 1024;
/** Frames up to this size are copied together rather than written one by one. */
const GATHER_SIZE = 64 * 1024;

interface ChunkFrame {
  readonly head: Uint8Array;
  readonly chunk: Uint8Array;
  readonly sent: PromiseWithResolvers<void>;
}

export class Outbox {
  readonly #sink: Pick<Duplex, "write">;
  readonly #control: Uint8Array[] = [];
  #controlBytes = 0;
  readonly #chunks: ChunkFrame[] = [];
  /** Made when it is first needed: most connections of a tracker never do. */
  #gather: Uint8Array | undefined;
  #writing = false;
  #room: PromiseWithResolvers<void> | undefined;
  #closed: Error | undefined;
  readonly #onBroken: (reason: Error) => void;

  /** `onBroken` is called once, when a write failed. */
  constructor(sink: Pick<Duplex, "write">, onBroken: (reason: Error) => void) {
    this.#sink = sink;
    this.#onBroken = onBroken;
  }

  /** Whether as much is waiting as may wait; senders of messages that can be put off look here. */
  get full(): boolean {
    return this.#controlBytes >= CONTROL_BYTES_MAX;
  }

  /** Resolves once the queue of control messages has room; rejects when the connection is closed. */
  ready(): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (!this.full) return Promise.resolve();
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /** Queues a frame without a chunk. A closed outbox drops it. */
  send(frame: Uint8Array): void {
    if (this.#closed !== undefined) return;
    this.#control.push(frame);
    this.#controlBytes += frame.length;
    this.#start();
  }

  /**
   * Queues a frame with a chunk and resolves when its last byte was handed to the stream; until then the
   * chunk must not change. Callers keep few of these waiting: there is no other bound on their number.
   */
  sendChunk(head: Uint8Array, chunk: Uint8Array): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const sent = Promise.withResolvers<void>();
    this.#chunks.push({ head, chunk, sent });
    this.#start();
    return sent.promise;
  }

  /** Resolves when everything queued so far was handed to the stream, or the connection is closed. */
  async drained(): Promise<void> {
    while (this.#writing) {
      this.#room ??= Promise.withResolvers();
      await this.#room.promise.catch(() => {});
    }
  }

  /** Drops what waits; its senders are told `reason`. */
  close(reason: Error = new ConnectionClosed("the connection is closed")): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#control.length = 0;
    for (const frame of this.#chunks.splice(0)) frame.sent.reject(reason);
    this.#room?.promise.catch(() => {});
    this.#room?.reject(reason);
    this.#room = undefined;
  }

  /** The writer starts one microtask late, so that messages sent together leave together. */
  #start(): void {
    if (this.#writing) return;
    this.#writing = true;
    queueMicrotask(() => void this.#write());
  }

  async #write(): Promise<void> {
    try {
      while (this.#closed === undefined) {
        if (this.#control.length > 0) await this.#writeControl();
        else if (this.#chunks.length > 0) await this.#writeChunks();
        else break;
      }
    } catch (reason) {
      const error = reason instanceof Error ? reason : new Error(String(reason));
      this.close(error);
      this.#onBroken(error);
    }
    this.#writing = false;
    this.#signalRoom();
  }

  async #writeControl(): Promise<void> {
    const frames = [this.#control.shift()!];
    let size = frames[0]!.length;
    while (this.#control.length > 0 && size + this.#control[0]!.length <= GATHER_SIZE) {
      const frame = this.#control.shift()!;
      size += frame.length;
      frames.push(frame);
    }
    await this.#writeAll(frames.length === 1 ? frames[0]! : this.#gathered(frames, size));
    this.#controlBytes -= size;
    if (!this.full) this.#signalRoom();
  }

  /** Sends the next chunk frame, with the small ones that stand behind it. */
  async #writeChunks(): Promise<void> {
    const frames: ChunkFrame[] = [];
    const parts: Uint8Array[] = [];
    let size = 0;
    do {
      const frame = this.#chunks[0]!;
      const frameSize = frame.head.length + frame.chunk.length;
      if (frames.length > 0 && size + frameSize > GATHER_SIZE) break;
      frames.push(this.#chunks.shift()!);
      parts.push(frame.head, frame.chunk);
      size += frameSize;
    } while (size < GATHER_SIZE && this.#chunks.length > 0);
    try {
      if (size <= GATHER_SIZE) {
        await this.#writeAll(this.#gathered(parts, size));
      } else {
        for (const part of parts) await this.#writeAll(part);
      }
    } catch (reason) {
      for (const frame of frames) frame.sent.reject(reason);
      throw reason;
    }
    for (const frame of frames) frame.sent.resolve();
  }

  #gathered(parts: Uint8Array[], size: number): Uint8Array {
    const bytes = this.#gather ??= new Uint8Array(GATHER_SIZE);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes.subarray(0, size);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      written += await this.#sink.write(written === 0 ? bytes : bytes.subarray(written));
    }
  }

  #signalRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }
}
