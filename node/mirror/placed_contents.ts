/**
 * Where the contents are that a mirror has by now, whichever source they came from, so that what several sources
 * list is fetched once.
 *
 * It listens to what is remembered of the mirror's files anyway (known_contents.ts of copy). A place is a hint:
 * whoever copies from it finds out whether the file is still the same.
 */

import { toHex } from "../../protocol/bytes.ts";
import type { KnownContents } from "../copy/known_contents.ts";
import type { ContentId, LocatedContent } from "../transfer/contents.ts";

/** The places of more contents are forgotten, the oldest first; each takes some 200 bytes. */
const COUNT_MAX = 100_000;

interface Place {
  readonly path: string;
  readonly stamp: string;
}

export class PlacedContents implements KnownContents {
  readonly #known: KnownContents;
  readonly #placed: (id: Uint8Array) => void;
  /** By id; the one that was noted last comes last. */
  readonly #places = new Map<string, Place>();

  /** @param placed Is told of each content that has got a place. */
  constructor(known: KnownContents, placed: (id: Uint8Array) => void) {
    this.#known = known;
    this.#placed = placed;
  }

  /** A file that has, or had lately, this content. */
  placeOf({ id, size }: ContentId): LocatedContent | undefined {
    const place = this.#places.get(toHex(id));
    return place && { id, size, ...place };
  }

  find(path: string, stamp: string): Uint8Array | undefined {
    const id = this.#known.find(path, stamp);
    if (id !== undefined) this.#note(id, { path, stamp });
    return id;
  }

  remember(path: string, stamp: string, id: Uint8Array): void {
    this.#known.remember(path, stamp, id);
    this.#note(id, { path, stamp });
    this.#placed(id);
  }

  keepOnly(start: string, present: { has(path: string): boolean }): void {
    this.#known.keepOnly(start, present);
  }

  #note(id: Uint8Array, place: Place): void {
    const key = toHex(id);
    this.#places.delete(key);
    this.#places.set(key, place);
    if (this.#places.size <= COUNT_MAX) return;
    const [oldest] = this.#places.keys();
    this.#places.delete(oldest!);
  }
}
