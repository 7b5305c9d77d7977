/** A content that is on its way from one source, while others who want it wait, or help where it is large. */

import type { Asker } from "../transfer/asking.ts";
import { SpreadAsker } from "./spread_asker.ts";

export interface FlightOptions {
  /** The source that brings it. */
  readonly source: Asker;
  /** How long that waits before each file. */
  readonly delayMs: number;
  /** Called when the flight ends. */
  readonly ended: (flight: Flight) => void;
}

export class Flight {
  /** The id of the content. */
  readonly id: Uint8Array;
  /** The temporary file in which the content lies, once it has come. */
  staged: string | undefined;
  readonly #options: FlightOptions;
  #isEnded = false;
  // There is a flight for each file of a mirror, and hardly ever anybody who waits or helps.
  #asker: SpreadAsker | undefined;
  #whenFetched: PromiseWithResolvers<void> | undefined;
  #whenEnded: PromiseWithResolvers<void> | undefined;

  constructor(id: Uint8Array, options: FlightOptions) {
    this.id = id;
    this.#options = options;
  }

  /** Asks all sources that take part. */
  get asker(): SpreadAsker {
    return this.#asker ??= new SpreadAsker(this.#options.source);
  }

  /** Resolves when the content has its place, or does not come: whoever wants it looks again. */
  get ended(): Promise<void> {
    if (this.#isEnded) return Promise.resolve();
    this.#whenEnded ??= Promise.withResolvers();
    return this.#whenEnded.promise;
  }

  /** Another source helps, until no more is to be fetched. One that is slower by its delay would be none. */
  async help(source: Asker, delayMs: number): Promise<void> {
    if (delayMs > this.#options.delayMs || this.#isEnded || this.staged !== undefined) return;
    this.asker.addHelper(source);
    this.#whenFetched ??= Promise.withResolvers();
    await this.#whenFetched.promise;
  }

  /** The content has come. */
  land(staged: string): void {
    this.staged = staged;
    this.#whenFetched?.resolve();
  }

  /** The content has its place, or does not come. */
  end(): void {
    this.#isEnded = true;
    this.#whenFetched?.resolve();
    this.#whenEnded?.resolve();
    this.#options.ended(this);
  }
}
