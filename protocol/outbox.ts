/**
 * The sending half of a connection: two queues and one writer.
 *
 * Control messages overtake queued chunks, so that a `have` or a `cancel` does not wait behind megabytes.
 * Small frames that wait together leave in one write. The queues fill when the other side does not read,
 * through TCP's own back-pressure, and say so: `full` to senders of what can be put off, and
 * `answersFull` to whoever reads the requests that are answered here.
 */

import { ConnectionClosed } from "./errors.ts";
import type { Duplex } from "./ports.ts";

/** With this much waiting, messages that can be put off should be. */
const CONTROL_BYTES_MAX = 256 * 1024;
/** With this much of answers waiting, no more requests should be read. */
const ANSWER_BYTES_MAX = 256 * 1024;
/** Frames up to this size together are copied into one write. */
const GATHER_SIZE = 64 * 1024;

interface QueuedFrame {
  readonly parts: readonly Uint8Array[];
  readonly size: number;
  /** So many bytes in front of the last part may be overwritten. */
  readonly room: number;
  readonly isAnswer: boolean;
  /** Who waits for a chunk to be handed over; a control message has nobody. */
  readonly sent: PromiseWithResolvers<void> | undefined;
}

export class Outbox {
  readonly #sink: Pick<Duplex, "write">;
  readonly #onBroken: (reason: Error) => void;
  readonly #control: QueuedFrame[] = [];
  readonly #chunks: QueuedFrame[] = [];
  #controlBytes = 0;
  #answerBytes = 0;
  #chunkBytesSent = 0;
  /** Taken from a queue and not yet handed over to the last byte. */
  #underWay: readonly QueuedFrame[] = [];
  /** Made when it is first needed: most connections of a tracker never do. */
  #gather: Uint8Array | undefined;
  #writing = false;
  /** There while somebody waits. */
  #progress: PromiseWithResolvers<void> | undefined;
  #closed: Error | undefined;

  /** `onBroken` is called once, when a write failed. */
  constructor(sink: Pick<Duplex, "write">, onBroken: (reason: Error) => void) {
    this.#sink = sink;
    this.#onBroken = onBroken;
  }

  /** Whether so much is waiting that messages which can be put off should be. */
  get full(): boolean {
    return this.#controlBytes >= CONTROL_BYTES_MAX;
  }

  /** Whether so many answers are waiting that no more requests should be read. */
  get answersFull(): boolean {
    return this.#answerBytes >= ANSWER_BYTES_MAX;
  }

  /** Whether a frame may have been handed over in part, so that nothing else may be written now. */
  get withinFrame(): boolean {
    return this.#underWay.length > 0;
  }

  /** Whether there are chunks that the stream has not taken to the last byte. */
  get hasChunks(): boolean {
    return this.#chunks.length > 0 || this.#underWay.some(({ sent }) => sent !== undefined);
  }

  /** Bytes of frames with chunks that the stream has taken so far: it grows within a long chunk, too. */
  get chunkBytesSent(): number {
    return this.#chunkBytesSent;
  }

  /** Resolves once there is room for more answers; rejects when the connection is closed. */
  async answersTaken(): Promise<void> {
    while (this.#closed === undefined && this.answersFull) await this.#nextProgress();
    if (this.#closed !== undefined) throw this.#closed;
  }

  /** Resolves when everything queued so far was handed to the stream, or the connection is closed. */
  async drained(): Promise<void> {
    while (this.#closed === undefined && this.#writing) await this.#nextProgress();
  }

  /** Queues a request or a notice. A closed outbox drops it. */
  send(frame: Uint8Array): void {
    this.#sendControl(frame, false);
  }

  /** Queues an answer without a chunk. A closed outbox drops it. */
  sendAnswer(frame: Uint8Array): void {
    this.#sendControl(frame, true);
  }

  #sendControl(frame: Uint8Array, isAnswer: boolean): void {
    if (this.#closed !== undefined) return;
    this.#control.push({ parts: [frame], size: frame.length, room: 0, isAnswer, sent: undefined });
    this.#controlBytes += frame.length;
    if (isAnswer) this.#answerBytes += frame.length;
    this.#start();
  }

  /**
   * Queues a frame with a chunk and resolves when its last byte was handed to the stream; until then the
   * chunk must not change. Callers keep few of these waiting: there is no other bound on their number.
   *
   * @param options.room So many bytes in front of the chunk, in its buffer, may be overwritten while it is
   * sent. Where the head fits in, both leave in one write: a head that leaves alone is a packet of its own,
   * and the other side wakes up for it.
   */
  sendChunk(
    head: Uint8Array,
    chunk: Uint8Array,
    { room = 0 }: { readonly room?: number } = {},
  ): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const sent = Promise.withResolvers<void>();
    const size = head.length + chunk.length;
    this.#chunks.push({ parts: [head, chunk], size, room, isAnswer: true, sent });
    this.#start();
    return sent.promise;
  }

  /** Drops what waits; its senders are told `reason`, also those whose write is under way. */
  close(reason: Error = new ConnectionClosed("the connection is closed")): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#control.length = 0;
    for (const { sent } of [...this.#underWay, ...this.#chunks.splice(0)]) sent?.reject(reason);
    this.#signalProgress();
  }

  /** The writer starts one microtask late, so that messages sent together leave together. */
  #start(): void {
    if (this.#writing) return;
    this.#writing = true;
    queueMicrotask(() => void this.#writeQueues());
  }

  /** One function that waits, not one for each level: most of the time it writes a single small frame. */
  async #writeQueues(): Promise<void> {
    try {
      while (this.#closed === undefined) {
        const queue = this.#control.length > 0 ? this.#control : this.#chunks;
        if (queue.length === 0) break;
        const frames = this.#underWay = takeBatch(queue);
        for (const bytes of this.#partsOf(frames)) {
          for (let written = 0; written < bytes.length && this.#closed === undefined;) {
            const count = await this.#sink.write(written === 0 ? bytes : bytes.subarray(written));
            written += count;
            if (frames[0]!.sent !== undefined) this.#chunkBytesSent += count;
          }
        }
        this.#settle(frames);
      }
    } catch (reason) {
      this.#break(reason instanceof Error ? reason : new Error(String(reason)));
    }
    this.#writing = false;
    this.#signalProgress();
  }

  /** What is written, in as few parts as possible. */
  #partsOf(frames: readonly QueuedFrame[]): readonly Uint8Array[] {
    if (frames.length === 1 && frames[0]!.parts.length === 1) return frames[0]!.parts;
    const parts = frames.flatMap((frame) => frame.parts);
    const size = frames.reduce((sum, frame) => sum + frame.size, 0);
    if (size <= GATHER_SIZE) return [this.#gathered(parts, size)];
    // A frame that is not gathered with others is alone, and has a chunk or a single part.
    const [head, chunk] = parts as [Uint8Array, Uint8Array];
    return head.length <= frames[0]!.room ? [joined(head, chunk)] : parts;
  }

  /** Frames were handed over to the last byte, or the outbox was closed meanwhile. */
  #settle(frames: readonly QueuedFrame[]): void {
    this.#underWay = [];
    for (const frame of frames) {
      if (frame.sent !== undefined) {
        frame.sent.resolve();
      } else {
        this.#controlBytes -= frame.size;
        if (frame.isAnswer) this.#answerBytes -= frame.size;
      }
    }
    this.#signalProgress();
  }

  #gathered(parts: readonly Uint8Array[], size: number): Uint8Array {
    const bytes = this.#gather ??= new Uint8Array(GATHER_SIZE);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes.subarray(0, size);
  }

  /** A write that fails after the close is what a close does to it. */
  #break(reason: Error): void {
    if (this.#closed !== undefined) return;
    this.close(reason);
    this.#onBroken(reason);
  }

  #nextProgress(): Promise<void> {
    this.#progress ??= Promise.withResolvers();
    return this.#progress.promise;
  }

  #signalProgress(): void {
    this.#progress?.resolve();
    this.#progress = undefined;
  }
}

/** Writes the head in front of the chunk, where there is room for it. */
function joined(head: Uint8Array, chunk: Uint8Array): Uint8Array {
  const start = chunk.byteOffset - head.length;
  const frame = new Uint8Array(chunk.buffer, start, head.length + chunk.length);
  frame.set(head);
  return frame;
}

/** Takes the first frame of a queue, and those behind it that fit into the same write. */
function takeBatch(queue: QueuedFrame[]): QueuedFrame[] {
  let size = queue[0]!.size;
  let count = 1;
  while (count < queue.length && size + queue[count]!.size <= GATHER_SIZE) {
    size += queue[count++]!.size;
  }
  return queue.splice(0, count);
}
