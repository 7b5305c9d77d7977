/**
 * Where the contents are that a mirror has by now, whichever source they came from, so that what several sources
 * list is fetched once.
 *
 * It listens to what is remembered of the mirror's files anyway (known_contents.ts of copy). A place is a hint:
 * whoever copies from it finds out whether the file is still the same.
 */

import type { KnownContents } from "../copy/known_contents.ts";
import type { ContentId, LocatedContent } from "../transfer/contents.ts";
import { PlaceTable } from "./place_table.ts";

/** The places of more contents are forgotten. */
const COUNT_MAX = 400_000;

export class PlacedContents implements KnownContents {
  readonly #known: KnownContents;
  readonly #placed: (id: Uint8Array) => void;
  readonly #places = new PlaceTable(COUNT_MAX);

  /** @param placed Is told of each content that has got a place. */
  constructor(known: KnownContents, placed: (id: Uint8Array) => void) {
    this.#known = known;
    this.#placed = placed;
  }

  /** A file that has, or had lately, this content. */
  placeOf({ id, size }: ContentId): LocatedContent | undefined {
    const place = this.#places.get(id);
    return place && { id, size, ...place };
  }

  find(path: string, stamp: string): Uint8Array | undefined {
    const id = this.#known.find(path, stamp);
    if (id !== undefined) this.#places.set(id, { path, stamp });
    return id;
  }

  remember(path: string, stamp: string, id: Uint8Array): void {
    this.#known.remember(path, stamp, id);
    this.#places.set(id, { path, stamp });
    this.#placed(id);
  }

  keepOnly(start: string, present: { has(path: string): boolean }): void {
    this.#known.keepOnly(start, present);
  }
}
