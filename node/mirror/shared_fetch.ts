/**
 * Gets the contents of one call from a source that shares them with others (shared_contents.ts).
 *
 * In each round a worker begins to fetch what nobody else brings, and copies what is here already; the rest waits
 * for those who bring it, and gets another round as soon as some of it has its place, or does not come.
 */

import { SMALL_SIZE_MAX } from "../../protocol/content_messages.ts";
import { unlessAborted } from "../../protocol/until_aborted.ts";
import type { Asker } from "../transfer/asking.ts";
import { RemoteContents } from "../transfer/content_fetcher.ts";
import { contentKey } from "../transfer/contents.ts";
import type { ContentId, FetchOptions, FetchResult, WantedContent } from "../transfer/contents.ts";
import type { FetchCall } from "../transfer/fetch_call.ts";
import { untilAllDone } from "../transfer/until_all_done.ts";
import type { Lane } from "./fair_workers.ts";
import type { Flight } from "./flight.ts";
import type { SharedContents } from "./shared_contents.ts";

/** The source that contents are fetched from. */
export interface FetchingSource {
  readonly asker: Asker;
  /** How long it waits before each file. */
  readonly delayMs: number;
  /** In which workers do what is to be done. */
  readonly lane: Lane;
  readonly shared: SharedContents;
  /** It is to bring a content. */
  begin(content: ContentId): Flight;
  /** A content came from it. */
  noteFetched(): void;
}

/** A content that somebody else brings. */
interface AwaitedContent {
  readonly want: WantedContent;
  readonly flight: Flight;
}

/** A content that this call gets, with all that is known to hold it. */
interface Claim {
  readonly want: WantedContent;
  readonly bases: WantedContent["bases"];
  readonly flight: Flight;
}

export interface SharedFetchOptions extends FetchOptions {
  /** Takes the results. */
  readonly call: FetchCall;
}

export class SharedFetch {
  readonly #source: FetchingSource;
  readonly #call: FetchCall;
  readonly #options: FetchOptions;

  constructor(source: FetchingSource, { call, ...options }: SharedFetchOptions) {
    this.#source = source;
    this.#call = call;
    this.#options = { ...options, signal: call.signal };
  }

  /** Fetches contents; the results are the call's. Throws what ended the whole. */
  async fetch(wants: readonly WantedContent[]): Promise<void> {
    const { small = [], large = [] } = Object.groupBy(
      wants,
      ({ size }) => size <= SMALL_SIZE_MAX ? "small" : "large",
    );
    const groups = [small, ...large.map((want) => [want])];
    await this.#call.allOrNone(groups.map((group) => this.#obtain(group)));
  }

  async #obtain(wants: readonly WantedContent[]): Promise<void> {
    let missing = wants;
    while (missing.length > 0) {
      const awaited = await this.#inLane(() => this.#fetchFree(missing));
      if (awaited.length > 0) {
        const ends = awaited.map(({ flight }) => flight.ended);
        await unlessAborted(Promise.race(ends), this.#options.signal);
      }
      missing = awaited.map(({ want }) => want);
    }
  }

  /** Has a worker do something. */
  async #inLane<T>(work: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    await this.#source.lane.put(() => work().then(resolve, reject), this.#options.signal);
    return await promise;
  }

  /** Gets what nobody else brings, and helps with the rest. Answers the rest. */
  async #fetchFree(wants: readonly WantedContent[]): Promise<AwaitedContent[]> {
    const { shared, asker, delayMs } = this.#source;
    const { signal } = this.#options;
    signal.throwIfAborted();
    const awaited: AwaitedContent[] = [];
    const claims: Claim[] = [];
    for (const want of wants) {
      const flight = shared.flightOf(want);
      if (flight === undefined) claims.push(this.#claim(want));
      else awaited.push({ want, flight });
    }
    const helping = awaited.flatMap(({ want, flight }) =>
      want.size > SMALL_SIZE_MAX ? [unlessAborted(flight.help(asker, delayMs), signal)] : []
    );
    await untilAllDone([this.#fetchClaims(claims), ...helping]);
    return awaited;
  }

  #claim(want: WantedContent): Claim {
    const flight = this.#source.begin(want);
    const place = this.#source.shared.placeOf(want);
    return { want, flight, bases: place === undefined ? want.bases : [place, ...want.bases] };
  }

  async #fetchClaims(claims: readonly Claim[]): Promise<void> {
    const [first] = claims;
    if (first === undefined) return;
    try {
      if (first.want.size > SMALL_SIZE_MAX) await this.#fetchLarge(first);
      else await this.#fetchSmall(claims);
    } finally {
      // Those that have landed wait for their places.
      for (const { flight } of claims) {
        if (flight.staged === undefined) this.#source.shared.end(flight);
      }
    }
  }

  async #fetchSmall(claims: readonly Claim[]): Promise<void> {
    for await (const [claim, result] of this.#fetchFrom(this.#source.asker, claims)) {
      this.#add(claim, result);
    }
  }

  async #fetchLarge(claim: Claim): Promise<void> {
    let result: FetchResult | undefined;
    while (result === undefined) result = await this.#tryLarge(claim);
    this.#add(claim, result);
  }

  /** Fetches from all sources that help. Answers undefined where it did not work because of one of them. */
  async #tryLarge(claim: Claim): Promise<FetchResult | undefined> {
    const { asker } = claim.flight;
    const { lostCount } = asker;
    try {
      for await (const [, result] of this.#fetchFrom(asker, [claim])) {
        if ("staged" in result) return result;
        if (asker.lostCount > lostCount) return undefined;
        if (asker.helperCount === 0) return result;
        // Any of them may have sent what is wrong.
        asker.dropHelpers();
      }
    } catch (error) {
      if (this.#options.signal.aborted || asker.lostCount === lostCount) throw error;
    }
    return undefined;
  }

  async *#fetchFrom(
    asker: Asker,
    claims: readonly Claim[],
  ): AsyncGenerator<[Claim, FetchResult], void> {
    const { shared } = this.#source;
    const { progress, ...options } = this.#options;
    const byWant = new Map<WantedContent, Claim>();
    for (const claim of claims) byWant.set({ ...claim.want, bases: claim.bases }, claim);
    const results = new RemoteContents(asker, shared).fetch([...byWant.keys()], {
      ...options,
      progress: (want, bytesDone) => progress?.(byWant.get(want)!.want, bytesDone),
    });
    for await (const result of results) yield [byWant.get(result.want)!, result];
  }

  #add({ want, bases, flight }: Claim, result: FetchResult): void {
    const { shared } = this.#source;
    if (!("staged" in result)) {
      shared.end(flight);
      return this.#call.add([{ want, reason: result.reason }]);
    }
    const { staged } = result;
    shared.land(flight, staged);
    if (!bases.some((base) => contentKey(base) === contentKey(want))) this.#source.noteFetched();
    this.#call.add([{ want, staged }]);
  }
}
