/**
 * The contents that are still to be fetched for one tree: small ones go in groups, several at once, large ones a few
 * side by side.
 *
 * A group is formed when there is a place for it, of all that waits by then. So the first contents are asked for
 * at once, and where many wait a request carries as many as it may.
 */

import { SMALL_COUNT_MAX, SMALL_SIZE_MAX } from "../../protocol/content_messages.ts";
import { CHUNK_SIZE_MAX } from "../../protocol/header.ts";
import type { ContentFetcher, MissingContent } from "../transfer/contents.ts";
import type { FetchDecision } from "./decision.ts";

/** Groups that are asked for, or have come and wait for their turn. */
const GROUPS_AT_ONCE = 8;
/** Each of them has many blocks on the way. */
const LARGE_AT_ONCE = 2;

export interface ContentQueueOptions {
  readonly contents: ContentFetcher;
  readonly signal: AbortSignal;
  /** The source waits before each file, so each is asked for by itself. */
  readonly oneByOne: boolean;
  /** A content has come; it lies in the temporary file `staged`. */
  readonly arrived: (decision: FetchDecision, staged: string) => void;
  readonly missing: (decision: FetchDecision, reason: MissingContent["reason"]) => void;
  /** So many bytes of a large content are here. */
  readonly progress: (decision: FetchDecision, bytesDone: number) => void;
  /** The connection ended, or the stage crashed. */
  readonly failed: (error: unknown) => void;
}

export class ContentQueue {
  readonly #options: ContentQueueOptions;
  readonly #small: FetchDecision[] = [];
  readonly #large: FetchDecision[] = [];
  readonly #running = new Set<Promise<void>>();
  #smallCount = 0;
  #largeCount = 0;

  constructor(options: ContentQueueOptions) {
    this.#options = options;
  }

  /** Wants contents; what becomes of each is told. */
  add(decisions: readonly FetchDecision[]): void {
    for (const decision of decisions) {
      (decision.want.size <= SMALL_SIZE_MAX ? this.#small : this.#large).push(decision);
    }
    this.#startMore();
  }

  /** Resolves when nothing is wanted or on its way any more. */
  async done(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #startMore(): void {
    if (this.#options.signal.aborted) return;
    while (this.#small.length > 0 && this.#smallCount < GROUPS_AT_ONCE) {
      this.#smallCount++;
      this.#start(this.#takeGroup(), () => this.#smallCount--);
    }
    while (this.#large.length > 0 && this.#largeCount < LARGE_AT_ONCE) {
      this.#largeCount++;
      this.#start([this.#large.shift()!], () => this.#largeCount--);
    }
  }

  /** As many as go with one request. */
  #takeGroup(): FetchDecision[] {
    const countMax = this.#options.oneByOne ? 1 : SMALL_COUNT_MAX;
    let [count, size] = [0, 0];
    for (const { want } of this.#small) {
      size += want.size;
      if (count === countMax || count > 0 && size > CHUNK_SIZE_MAX) break;
      count++;
    }
    return this.#small.splice(0, count);
  }

  #start(group: readonly FetchDecision[], ended: () => void): void {
    const task = this.#fetch(group).catch(this.#options.failed).finally(() => {
      this.#running.delete(task);
      ended();
      this.#startMore();
    });
    this.#running.add(task);
  }

  async #fetch(group: readonly FetchDecision[]): Promise<void> {
    const { contents, signal, arrived, missing, progress } = this.#options;
    const decisions = new Map(group.map((decision) => [decision.want, decision]));
    const results = contents.fetch(group.map(({ want }) => want), {
      signal,
      durable: false,
      progress: (want, bytesDone) => progress(decisions.get(want)!, bytesDone),
    });
    for await (const result of results) {
      const decision = decisions.get(result.want)!;
      if ("staged" in result) arrived(decision, result.staged);
      else missing(decision, result.reason);
    }
  }
}
