/**
 * Answers the other side's requests for contents.
 *
 * Requests are answered one at a time, in the order in which they came, while the next chunk is already being
 * read. So the connection stays busy, and a side that does not read its answers holds two chunks of the largest
 * size of this side's memory and no more. A file that changed since its content was known is absent.
 */

import { OPEN_REQUESTS_MAX } from "../../protocol/connection.ts";
import type { Connection } from "../../protocol/connection.ts";
import { ErrorCode, ProtocolError } from "../../protocol/errors.ts";
import type { Frame } from "../../protocol/frame_reader.ts";
import { AnswerMaker, framesOf } from "./answers.ts";
import type { Answer, Request, ServedContents } from "./answers.ts";
import type { ContentId } from "./contents.ts";

/** Requests that may wait for their answers; a connection has no more open. */
const WAITING_MAX = OPEN_REQUESTS_MAX;
/** Contents and ranges that these may name. */
const WAITING_ITEMS_MAX = 128 * 1024;

/** What serving takes. */
export interface ContentServerOptions extends ServedContents {
  /** Told how many bytes of a large content were sent. */
  readonly sent?: (content: ContentId, size: number) => void;
  /** Asked before a request is answered; it is answered when the promise, if any, is resolved. */
  readonly ready?: (request: Request) => Promise<void> | undefined;
  /** Asked before so many bytes are sent; they are sent when the promise, if any, is resolved. */
  readonly pace?: (size: number) => Promise<void> | undefined;
}

interface Waiting {
  readonly number: number;
  readonly request: Request;
  readonly itemCount: number;
  isCancelled: boolean;
}

/** An answer, and what it answers. */
interface Reply {
  readonly waiting: Waiting;
  readonly answer: Answer;
}

/** Serves contents on one connection. */
export class ContentServer implements Disposable {
  readonly #connection: Connection;
  readonly #options: ContentServerOptions;
  readonly #waiting: Waiting[] = [];
  #itemCount = 0;
  #current: Waiting | undefined;
  #isAnswering = false;
  #isClosed = false;

  constructor(connection: Connection, options: ContentServerOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Whether a request is being answered. */
  get isAnswering(): boolean {
    return this.#isAnswering;
  }

  /**
   * Takes a request for contents, or a cancel, whatever it is for: it may cross the last answer. Never waits.
   * False for a message that is none of its own. Throws a `ProtocolError` where too many requests are waiting.
   */
  receive({ message, request: number }: Frame): boolean {
    switch (message.type) {
      case "getContents":
        this.#enqueue(number, message, message.files.length);
        return true;
      case "getRanges":
        this.#enqueue(number, message, message.ranges.length);
        return true;
      case "getHashes":
      case "getLeaves":
      case "getRecipe":
      case "getBlock":
        this.#enqueue(number, message, 1);
        return true;
      case "cancel":
        this.#cancel(number);
        return true;
      default:
        return false;
    }
  }

  /** Answers nothing any more. The end of the connection does so as well. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#waiting.length = 0;
  }

  #enqueue(number: number, request: Request, itemCount: number): void {
    if (this.#isClosed) return;
    this.#itemCount += itemCount;
    if (this.#waiting.length >= WAITING_MAX || this.#itemCount > WAITING_ITEMS_MAX) {
      throw new ProtocolError(ErrorCode.limit, "Cannot queue: too many requests are waiting");
    }
    this.#waiting.push({ number, request, itemCount, isCancelled: false });
    if (!this.#isAnswering) void this.#answerAll();
  }

  #cancel(number: number): void {
    const at = this.#waiting.findIndex((waiting) => waiting.number === number);
    if (at >= 0) {
      this.#itemCount -= this.#waiting[at]!.itemCount;
      this.#waiting.splice(at, 1);
    } else if (this.#current?.number === number) {
      this.#current.isCancelled = true;
    }
  }

  async #answerAll(): Promise<void> {
    this.#isAnswering = true;
    // A request may come while the last answer is sent, after it was found that nothing waits.
    while (this.#waiting.length > 0 && !this.#connection.isClosed) await this.#answerWaiting();
    this.#isAnswering = false;
  }

  async #answerWaiting(): Promise<void> {
    using maker = new AnswerMaker(this.#options);
    const replies = this.#replies(maker);
    let next = replies.next();
    try {
      for (let reply = await next; !reply.done; reply = await next) {
        next = replies.next();
        await this.#send(reply.value);
        maker.release(reply.value.answer);
      }
    } catch {
      // The connection broke; whoever reads it learns why. What is being read ends before its file is closed.
      await next.catch(() => {});
      await replies.return();
    }
  }

  /** The answers to all that waits. Each is being made while the one before it is sent. */
  async *#replies(maker: AnswerMaker): AsyncGenerator<Reply, void> {
    for (;;) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) return;
      this.#itemCount -= waiting.itemCount;
      this.#current = waiting;
      await this.#options.ready?.(waiting.request);
      for await (const answer of maker.answers(waiting.request)) {
        if (this.#isClosed || this.#connection.isClosed) return;
        if (waiting.isCancelled) break;
        yield { waiting, answer };
      }
      this.#current = undefined;
    }
  }

  async #send({ waiting, answer }: Reply): Promise<void> {
    if (waiting.isCancelled) return;
    const { number, request } = waiting;
    if (!("chunk" in answer)) {
      return this.#connection.refuse(number, answer.code, answer.reason);
    }
    for (const { message, chunk } of framesOf(answer, this.#options.chunkSize)) {
      await this.#options.pace?.(chunk.length);
      if (waiting.isCancelled) return;
      await this.#connection.sendChunk(message, number, chunk, { room: chunk.byteOffset });
      if (request.type === "getBlock" || request.type === "getRanges") {
        this.#options.sent?.(request, chunk.length);
      }
    }
  }
}
