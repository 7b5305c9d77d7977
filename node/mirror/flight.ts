/** A content that is on its way from one source, while others who want it wait, or help where it is large. */

import type { Asker } from "../transfer/asking.ts";
import { SpreadAsker } from "./spread_asker.ts";

export class Flight {
  /** The id of the content. */
  readonly id: Uint8Array;
  /** Asks all sources that take part. */
  readonly asker: SpreadAsker;
  /** The temporary file in which the content lies, once it has come. */
  staged: string | undefined;
  readonly #delayMs: number;
  readonly #fetched = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();

  /** @param delayMs How long the source waits before each file. */
  constructor(
    id: Uint8Array,
    { source, delayMs }: { readonly source: Asker; readonly delayMs: number },
  ) {
    this.id = id;
    this.asker = new SpreadAsker(source);
    this.#delayMs = delayMs;
  }

  /** Resolves when the content has its place, or does not come: whoever wants it looks again. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Another source helps, until no more is to be fetched. One that is slower by its delay would be none. */
  async help(source: Asker, delayMs: number): Promise<void> {
    if (delayMs > this.#delayMs) return;
    this.asker.addHelper(source);
    await this.#fetched.promise;
  }

  /** The content has come. */
  land(staged: string): void {
    this.staged = staged;
    this.#fetched.resolve();
  }

  /** The content has its place, or does not come. */
  end(): void {
    this.#fetched.resolve();
    this.#ended.resolve();
  }
}
