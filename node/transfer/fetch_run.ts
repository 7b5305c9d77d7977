/**
 * Gets the contents of one call from the other side: small ones come packed (small_fetch.ts), large ones by block
 * or by what this side lacks of them (large_fetch.ts), and those that this side has already by a copy.
 *
 * What goes wrong with one content is a result like any other. Only the end of the connection, an abort and a
 * defect of the stage end the whole.
 */

import { SMALL_SIZE_MAX } from "../../protocol/content_messages.ts";
import { NotFetched } from "./asking.ts";
import { ByteBudget } from "./byte_budget.ts";
import { contentKey } from "./contents.ts";
import type { ArrivedContent, FetchResult, WantedContent } from "./contents.ts";
import type { FetchCall } from "./fetch_call.ts";
import { fetchLarge } from "./large_fetch.ts";
import type { LargeFetchContext } from "./large_fetch.ts";
import { fetchSmall, inRequests, sizeOfAll } from "./small_fetch.ts";
import type { LocalContent } from "./stage.ts";
import { untilAllDone } from "./until_all_done.ts";

/** Bytes of small contents that are asked for, or have come and are not used yet. */
const SMALL_WINDOW_SIZE = 8 * 1024 * 1024;
/** What each small content costs the window besides its bytes. */
const SMALL_COST = 4 * 1024;
/** Large contents that are fetched side by side: while one is made durable, the other's bytes come. */
const LARGE_AT_ONCE = 2;
/** Bases that are copied in one go. */
const COPIES_AT_ONCE = 256;

export class FetchRun {
  readonly #call: FetchCall;
  readonly #context: LargeFetchContext;

  constructor(call: FetchCall, context: LargeFetchContext) {
    this.#call = call;
    this.#context = { ...context, signal: call.signal };
  }

  /** Fetches contents; the results are the call's. Throws what ended the whole. */
  async fetch(wants: readonly WantedContent[]): Promise<void> {
    const { copied, others } = Object.groupBy(
      wants,
      (want) => want.bases.some((base) => isSame(base, want)) ? "copied" : "others",
    );
    const rest = [...others ?? [], ...await this.#copyBases(copied ?? [])];
    const { small, large } = Object.groupBy(
      rest,
      ({ size }) => size <= SMALL_SIZE_MAX ? "small" : "large",
    );
    await this.#call.allOrNone([
      this.#fetchSmallOnes(small ?? []),
      this.#fetchLargeOnes(large ?? []),
    ]);
  }

  /** Copies contents that are here already. Answers those whose files have changed meanwhile. */
  async #copyBases(wants: readonly WantedContent[]): Promise<WantedContent[]> {
    const { stage, pathOf, durable, signal } = this.#context;
    const changed: WantedContent[] = [];
    for (let at = 0; at < wants.length; at += COPIES_AT_ONCE) {
      signal.throwIfAborted();
      const group = wants.slice(at, at + COPIES_AT_ONCE);
      const contents = group.map((want) => {
        const base = want.bases.find((base) => isSame(base, want))!;
        return { ...base, path: pathOf(base.path) };
      });
      const outcomes = await stage.copy(contents, { durable });
      const arrived: FetchResult[] = [];
      for (const [i, want] of group.entries()) {
        const outcome = outcomes[i]!;
        if ("error" in outcome) changed.push(want);
        else arrived.push({ want, staged: outcome.staged });
      }
      this.#call.add(arrived);
    }
    return changed;
  }

  async #fetchSmallOnes(wants: readonly WantedContent[]): Promise<void> {
    const { signal } = this.#context;
    const budget = new ByteBudget(SMALL_WINDOW_SIZE);
    const running: Promise<void>[] = [];
    try {
      for (const group of inRequests(wants)) {
        const cost = sizeOfAll(group) + group.length * SMALL_COST;
        await budget.take(cost, signal);
        running.push(this.#call.watch(this.#fetchSmallGroup(group, () => budget.give(cost))));
      }
    } finally {
      await untilAllDone(running);
    }
  }

  async #fetchSmallGroup(group: readonly WantedContent[], used: () => void): Promise<void> {
    try {
      this.#call.add(await fetchSmall(group, this.#context), used);
    } catch (error) {
      if (!(error instanceof NotFetched)) throw error;
      this.#call.add(group.map((want) => ({ want, reason: error.reason })), used);
    }
  }

  async #fetchLargeOnes(wants: readonly WantedContent[]): Promise<void> {
    const groups = Map.groupBy(wants, contentKey).values();
    const lane = async () => {
      for (const group of groups) await this.#fetchLargeGroup(group);
    };
    await this.#call.allOrNone(Array.from({ length: LARGE_AT_ONCE }, lane));
  }

  /** Fetches a large content once, however often it is wanted. */
  async #fetchLargeGroup([first, ...others]: readonly WantedContent[]): Promise<void> {
    const result = await fetchLarge(first!, this.#context);
    if ("reason" in result) {
      return this.#call.add([first!, ...others].map((want) => ({ want, reason: result.reason })));
    }
    this.#call.noteStaged(result.staged);
    const copies = await this.#copyStaged(result, others.length);
    const results = others.map((want, i): FetchResult => {
      const copy = copies[i]!;
      return "error" in copy ? { want, reason: copy } : { want, staged: copy.staged };
    });
    this.#call.add([result, ...results]);
  }

  async #copyStaged({ want: { id, size }, staged }: ArrivedContent, count: number) {
    if (count === 0) return [];
    const { stage, durable } = this.#context;
    const file = stage.open(staged);
    const { stamp } = file.state();
    file.close();
    const content: LocalContent = { id, size, path: staged, stamp };
    return await stage.copy(Array.from({ length: count }, () => content), { durable });
  }
}

function isSame(a: WantedContent["bases"][number], b: WantedContent): boolean {
  return contentKey(a) === contentKey(b);
}
