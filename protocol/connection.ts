/**
 * One connection: frames in both directions over one stream, requests paired with their answers.
 *
 * Either side may ask; who dialled makes no difference after the handshake. A connection has no clock: its
 * owner calls `tick` with the time, a few times a second, and that is when requests expire, a silent other
 * side is pinged and a dead one is given up. Whatever breaks a rule closes the connection, with an `error`
 * message to the other side first.
 */

import { ConnectionClosed, ErrorCode, ProtocolError, RemoteError } from "./errors.ts";
import { FrameReader } from "./frame_reader.ts";
import type { ChunkReader, Frame } from "./frame_reader.ts";
import { encode, messages } from "./messages.ts";
import type { Message, MessageName, MessageOf } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import type { Address, Duplex } from "./ports.ts";

/** A request waits this long for its next answer, unless it says otherwise. */
export const REQUEST_TIMEOUT_MS = 30_000;
/** A side that has not been heard for this long is pinged. */
export const PING_AFTER_MS = 10_000;
/** A side that has not been heard for this long is given up. */
export const SILENCE_MAX_MS = 30_000;
/** How many requests one side may have open; the other side may refuse more. */
export const OPEN_REQUESTS_MAX = 1024;

/** Longer reasons are cut; in UTF-8 no more than three times as many bytes. */
const REASON_LENGTH_MAX = 160;

/** What becomes of a request. */
export interface Answers {
  /** Called for each answer; answers whether it was the last one. The chunk, if any, is in `chunk`. */
  answer(message: Message, chunk: ChunkReader, chunkSize: number): boolean | Promise<boolean>;
  /** No (more) answers will come: a `RemoteError`, or a `ConnectionClosed`. */
  failed(reason: Error): void;
}

/** Handles requests and notices; the next frame is read when the promise, if any, is resolved. */
export type Receive = (frame: Frame, chunk: ChunkReader) => void | Promise<void>;

interface OpenRequest {
  readonly answers: Answers;
  readonly timeoutMs: number;
  /** Set by the first tick after the request, or after something of an answer came. */
  deadlineMs: number | undefined;
}

export class Connection implements Disposable {
  readonly #stream: Duplex;
  readonly #reader: FrameReader;
  readonly #outbox: Outbox;
  readonly #open = new Map<number, OpenRequest>();
  #requestLast = 0;
  /** How many bytes had passed as signs of life when there were last more, and when that was seen. */
  #aliveBytes = -1;
  #aliveMs = 0;
  #pinged = false;
  readonly #closed = Promise.withResolvers<Error | undefined>();
  #isClosed = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
    this.#reader = new FrameReader(stream);
    this.#outbox = new Outbox(stream, (reason) => this.close(reason));
  }

  /** The other side's address as this side observed it. */
  get remote(): Address {
    return this.#stream.remote;
  }

  /** Bytes that have come from the other side. */
  get bytesReceived(): number {
    return this.#reader.bytesRead;
  }

  /** Whether chunks wait for the other side to take what was sent before. */
  get isSendingChunks(): boolean {
    return this.#outbox.hasChunks;
  }

  /** Bytes of frames with chunks that the other side, or the way to it, has taken. */
  get chunkBytesSent(): number {
    return this.#outbox.chunkBytesSent;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves when the connection is closed, with the reason if it was not a clean end. */
  get closed(): Promise<Error | undefined> {
    return this.#closed.promise;
  }

  /** Whether so much is waiting to be sent that messages which can be put off should be. */
  get congested(): boolean {
    return this.#outbox.full;
  }

  /** Sends a notice, or an answer to the request of that number. */
  send(message: Message, request = 0): void {
    const frame = encode(message, request);
    if (messages[message.type].kind === "answer") this.#outbox.sendAnswer(frame);
    else this.#outbox.send(frame);
  }

  /**
   * Answers with a chunk; resolves when it was handed to the stream. `chunk` must not change before. It is sent
   * with fewer writes where some `room` in front of it, in its buffer, may be overwritten (see `Outbox`).
   */
  sendChunk(
    message: Message,
    request: number,
    chunk: Uint8Array,
    options: { readonly room?: number } = {},
  ): Promise<void> {
    return this.#outbox.sendChunk(encode(message, request, chunk.length), chunk, options);
  }

  /** Answers a request with an error. */
  refuse(request: number, code: ErrorCode, reason: string): void {
    this.send(errorMessage(code, reason), request);
  }

  /** Sends a request whose answers go to `answers`. Answers its number, for `cancel`. */
  ask(message: Message, answers: Answers, timeoutMs = REQUEST_TIMEOUT_MS): number {
    if (this.#isClosed) {
      queueMicrotask(() => answers.failed(new ConnectionClosed("the connection is closed")));
      return 0;
    }
    if (this.#open.size >= OPEN_REQUESTS_MAX) throw new RangeError("Cannot ask: too many requests");
    return this.#ask(message, answers, timeoutMs);
  }

  #ask(message: Message, answers: Answers, timeoutMs: number): number {
    const request = this.#nextRequest();
    this.#open.set(request, { answers, timeoutMs, deadlineMs: undefined });
    this.#outbox.send(encode(message, request));
    return request;
  }

  /** Sends a request that has a single answer of type `name`. Rejects as `Answers.failed` says. */
  request<N extends MessageName>(
    message: Message,
    name: N,
    timeoutMs = REQUEST_TIMEOUT_MS,
  ): Promise<MessageOf<N>> {
    const { promise, resolve, reject } = Promise.withResolvers<MessageOf<N>>();
    this.ask(message, {
      answer: (answer) => {
        if (answer.type !== name) throw unexpected(answer, message);
        resolve(answer as MessageOf<N>);
        return true;
      },
      failed: reject,
    }, timeoutMs);
    return promise;
  }

  /** Forgets a request: its answers, if they still come, are dropped. */
  cancel(request: number): void {
    if (this.#open.delete(request)) this.send({ type: "cancel" }, request);
  }

  /** Reads frames until the connection ends; never rejects. Answers the reason as `closed` does. */
  async run(receive: Receive): Promise<Error | undefined> {
    try {
      while (!this.#isClosed) {
        const frame = this.#reader.take();
        if (frame === undefined) {
          if (await this.#reader.more()) continue;
          break;
        }
        const handled = this.#dispatch(frame, receive);
        if (handled !== undefined) await handled;
        // Answers that the other side does not take must not pile up, so no more of its requests are
        // read. What this side asks does not count, or two that ask much would wait for each other.
        if (this.#outbox.answersFull) await this.#outbox.answersTaken();
      }
      this.close();
    } catch (reason) {
      this.close(reason instanceof Error ? reason : new Error(String(reason)));
    }
    return await this.closed;
  }

  /**
   * Reads one frame, for the handshake, before `run`. Throws a `ProtocolError`, whatever the stream throws
   * and `ConnectionClosed` at its end.
   */
  async receive(): Promise<Message> {
    const frame = await this.#reader.next();
    if (frame === null) throw new ConnectionClosed("the other side closed the connection");
    if (frame.message.type === "error") throw remoteError(frame.message);
    return frame.message;
  }

  /** Lets time pass: expires requests, pings a silent side and gives up a dead one. */
  tick(nowMs: number): void {
    for (const [request, open] of this.#open) {
      open.deadlineMs ??= nowMs + open.timeoutMs;
      if (nowMs < open.deadlineMs) continue;
      this.cancel(request);
      open.answers.failed(new RemoteError(ErrorCode.timeout, "no answer came in time"));
    }
    // A side that takes a long chunk off this one may have nothing to say meanwhile.
    const aliveBytes = this.bytesReceived + this.#outbox.chunkBytesSent;
    const silentMs = nowMs - this.#aliveMs;
    if (aliveBytes !== this.#aliveBytes) {
      this.#aliveBytes = aliveBytes;
      this.#aliveMs = nowMs;
      this.#pinged = false;
    } else if (silentMs >= SILENCE_MAX_MS) {
      this.close(
        new ProtocolError(ErrorCode.timeout, "Cannot go on: nothing was heard for too long"),
      );
    } else if (silentMs >= PING_AFTER_MS && !this.#pinged) {
      this.#pinged = true;
      this.#ask({ type: "ping" }, { answer: () => true, failed: () => {} }, SILENCE_MAX_MS);
    }
  }

  /** Resolves when all that was queued has been handed to the stream. */
  flushed(): Promise<void> {
    return this.#outbox.drained();
  }

  /** Ends the connection; a `ProtocolError` is told to the other side. A second call does nothing. */
  close(reason?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (reason instanceof ProtocolError) this.#sayGoodbye(reason);
    this.#outbox.close();
    this.#stream.close();
    const closed = new ConnectionClosed(reason?.message ?? "the connection is closed");
    for (const { answers } of this.#open.values()) answers.failed(closed);
    this.#open.clear();
    this.#closed.resolve(reason);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * One write that is not waited for: if the stream cannot take it, the other side learns less. In the
   * middle of another frame it would be taken for a part of that.
   */
  #sayGoodbye(reason: ProtocolError): void {
    if (this.#outbox.withinFrame) return;
    this.#stream.write(encode(errorMessage(reason.code, reason.message))).catch(() => {});
  }

  #nextRequest(): number {
    do this.#requestLast = this.#requestLast % 0xffff_ffff + 1; while (
      this.#open.has(this.#requestLast)
    );
    return this.#requestLast;
  }

  #dispatch(frame: Frame, receive: Receive): void | Promise<void> {
    const { message, request } = frame;
    if (messages[message.type].kind === "answer") return this.#answered(frame);
    if (message.type === "ping") return this.send({ type: "ok" }, request);
    if (message.type === "hello" || message.type === "proof") throw unexpected(message);
    return receive(frame, this.#reader);
  }

  #answered({ message, request, chunkSize }: Frame): void | Promise<void> {
    if (request === 0) {
      throw message.type === "error" ? remoteError(message) : unexpected(message);
    }
    const open = this.#open.get(request);
    // It was cancelled or has expired; the answer was already on its way.
    if (open === undefined) return;
    if (message.type === "error") {
      this.#open.delete(request);
      return open.answers.failed(remoteError(message));
    }
    open.deadlineMs = undefined;
    const last = open.answers.answer(message, this.#reader, chunkSize);
    if (typeof last !== "boolean") {
      return last.then((isLast) => this.#settle(request, open, isLast));
    }
    this.#settle(request, open, last);
  }

  #settle(request: number, open: OpenRequest, last: boolean): void {
    if (last) this.#open.delete(request);
    else open.deadlineMs = undefined;
  }
}

/** The other side sent a message that makes no sense here. */
export function unexpected(message: Message, to?: Message): ProtocolError {
  const where = to === undefined ? "" : ` to ${to.type}`;
  return new ProtocolError(
    ErrorCode.unexpected,
    `Cannot take ${message.type}${where}: it makes no sense here`,
  );
}

/** A reason may hold anything, a file's name for one; what is cut off it may be half a character. */
function errorMessage(code: ErrorCode, reason: string): MessageOf<"error"> {
  return { type: "error", code, reason: reason.slice(0, REASON_LENGTH_MAX).toWellFormed() };
}

function remoteError(message: MessageOf<"error">): RemoteError {
  return new RemoteError(message.code, message.reason);
}
