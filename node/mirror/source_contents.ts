/**
 * The contents of one source, as a copy fetches them: what others bring, or have brought, is not fetched again.
 *
 * What it asks its source for goes through a lane of the mirror server's workers.
 */

import type { Answers } from "../../protocol/connection.ts";
import type { Message } from "../../protocol/messages.ts";
import type { Asker } from "../transfer/asking.ts";
import type {
  ContentFetcher,
  ContentId,
  FetchOptions,
  FetchResult,
  WantedContent,
} from "../transfer/contents.ts";
import { FetchCall } from "../transfer/fetch_call.ts";
import type { Lane } from "./fair_workers.ts";
import { Flight } from "./flight.ts";
import type { SharedContents } from "./shared_contents.ts";
import { SharedFetch } from "./shared_fetch.ts";
import type { FetchingSource } from "./shared_fetch.ts";

export interface SourceContentsOptions {
  /** The connection to the source. */
  readonly connection: Asker;
  /** How long the source waits before each file. */
  readonly delayMs: number;
  readonly lane: Lane;
  readonly shared: SharedContents;
}

/** When it is disposed of, nobody may wait any more for what it was to bring. */
export class SourceContents implements ContentFetcher, FetchingSource, Disposable {
  readonly delayMs: number;
  readonly lane: Lane;
  readonly shared: SharedContents;
  /** Asks the source, and counts what comes. */
  readonly asker: Asker;
  /** Contents and bytes that came from this source. */
  filesFetched = 0;
  bytesFetched = 0;
  readonly #flights = new Set<Flight>();

  constructor({ connection, delayMs, lane, shared }: SourceContentsOptions) {
    this.delayMs = delayMs;
    this.lane = lane;
    this.shared = shared;
    this.asker = {
      ask: (message, answers, timeoutMs) =>
        connection.ask(message, this.#counting(message, answers), timeoutMs),
      cancel: (request) => connection.cancel(request),
    };
  }

  async *fetch(
    wants: readonly WantedContent[],
    options: FetchOptions,
  ): AsyncGenerator<FetchResult, void> {
    options.signal.throwIfAborted();
    await using call = new FetchCall({ stage: this.shared.placingStage, ...options });
    call.start(new SharedFetch(this, { call, ...options }).fetch(wants));
    yield* call.results();
  }

  begin({ id, size }: ContentId): Flight {
    const flight = new Flight(id, {
      source: this.asker,
      delayMs: this.delayMs,
      ended: () => this.#flights.delete(flight),
    });
    // Nobody waits for what has no bytes.
    if (size === 0) return flight;
    this.#flights.add(flight);
    this.shared.begin(flight);
    return flight;
  }

  noteFetched(): void {
    this.filesFetched++;
  }

  [Symbol.dispose](): void {
    for (const flight of this.#flights) this.shared.end(flight);
  }

  #counting({ type }: Message, { answer, failed }: Answers): Answers {
    if (["getHashes", "getLeaves", "getRecipe"].includes(type)) return { answer, failed };
    return {
      answer: (message, chunk, chunkSize) => {
        this.bytesFetched += chunkSize;
        return answer(message, chunk, chunkSize);
      },
      failed,
    };
  }
}
