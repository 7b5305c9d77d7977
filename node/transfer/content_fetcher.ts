/** The contents that the other side of a connection has, as the port of the room has them. */

import type { Asker } from "./asking.ts";
import type {
  ContentFetcher,
  ContentId,
  FetchOptions,
  FetchResult,
  WantedContent,
} from "./contents.ts";
import { FetchCall } from "./fetch_call.ts";
import { FetchRun } from "./fetch_run.ts";
import type { Growth } from "./growth.ts";
import { fetchGrowing } from "./large_fetch.ts";
import type { Stage } from "./stage.ts";

/** What fetching takes. */
export interface RemoteContentsOptions {
  /** Where what comes is staged. */
  readonly stage: Stage;
  /** The local path of what a base's `path` names. */
  readonly pathOf: (path: string) => string;
}

/** Fetches from one asker. Calls of `fetch` may run side by side. A base with the wanted content is copied. */
export class RemoteContents implements ContentFetcher {
  readonly #connection: Asker;
  readonly #options: RemoteContentsOptions;

  constructor(connection: Asker, options: RemoteContentsOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  async *fetch(
    wants: readonly WantedContent[],
    options: FetchOptions,
  ): AsyncGenerator<FetchResult, void> {
    options.signal.throwIfAborted();
    await using call = new FetchCall({ ...this.#options, ...options });
    const run = new FetchRun(call, { connection: this.#connection, ...this.#options, ...options });
    call.start(run.fetch(wants));
    yield* call.results();
  }

  /**
   * Fetches the blocks of a large content as it grows at the other side. They stay staged in part, and the next
   * `fetch` of the content goes on from there. Throws why it ended before the growth did.
   */
  async fetchAhead(content: ContentId, growth: Growth, signal: AbortSignal): Promise<void> {
    const context = { connection: this.#connection, ...this.#options, signal, durable: false };
    await fetchGrowing({ ...content, bases: [] }, context, growth);
  }
}
