/**
 * What this device was about to bring into its folder, of the last few batches of changes.
 *
 * A device that is killed between a change of its folder and the note of it in its index finds something
 * that it does not know. By its intention it knows it after all, also when the server has something newer
 * by then. An intention of which nothing became does no harm: what it names came from the server.
 */

import type { Entry } from "../entry.ts";

/**
 * At most three batches are under way at once, two of them with large files; the others are done. After a death some
 * more are made before the last file is known that has to be looked at twice.
 */
export const INTENTION_COUNT = 32;

export class Intentions {
  /** By path; the last batch is the last one. */
  readonly #batches: ReadonlyMap<string, Entry>[] = [];

  add(entries: readonly Entry[]): void {
    this.#batches.push(new Map(entries.map((entry) => [entry.path, entry])));
    if (this.#batches.length > INTENTION_COUNT) this.#batches.shift();
  }

  /** All that was to be at a path, the last first: of which of them something became, nobody knows. */
  of(path: string): Entry[] {
    return this.#batches.flatMap((batch) => batch.get(path) ?? []).reverse();
  }
}
