/**
 * Finds files: by what names their content, by name, by the first digits of the id, and page by page.
 *
 * Names and ids are chosen by whoever announces a file, so many files may share a name or a prefix on
 * purpose. Each bucket is therefore a paged list of its own, and a page looks at a bounded number.
 */

import { toHex } from "../protocol/bytes.ts";
import type { FileRef, Listing, SwarmFile } from "./entries.ts";
import { SerialList } from "./serial_list.ts";
import type { Page } from "./serial_list.ts";

/** An id can be looked up by its first digits, from this many on. */
const PREFIX_DIGITS = 8;
const prefixPattern = /^[0-9a-f]{8,64}$/;

export class FileIndex {
  readonly #files = new Map<string, SwarmFile>();
  readonly #listings = new SerialList<Listing>();
  readonly #byName = new Buckets();
  readonly #byPrefix = new Buckets();

  /** How many contents there are. */
  get fileCount(): number {
    return this.#files.size;
  }

  find(ref: FileRef): SwarmFile | undefined {
    return this.#files.get(refKey(ref));
  }

  add(file: SwarmFile): void {
    this.#files.set(refKey(file), file);
  }

  remove(file: SwarmFile): void {
    this.#files.delete(refKey(file));
  }

  addListing(listing: Listing): void {
    this.#listings.add(listing);
    this.#byName.add(listing.name, listing);
    this.#byPrefix.add(prefixOf(listing.file), listing);
  }

  /** Takes out a listing that is marked as gone. */
  removeListing({ name, file }: Listing): void {
    this.#listings.forget();
    this.#byName.forget(name);
    this.#byPrefix.forget(prefixOf(file));
  }

  /** Listings after serial number `after`: all of them when `match` is empty, or those that it names. */
  page(after: number, countMax: number, match: string): Page<Listing> {
    if (match === "") return this.#listings.page(after, countMax);
    const named = this.#byName.page(match, after, countMax);
    const digits = match.toLowerCase();
    if (!prefixPattern.test(digits)) return named;
    const accept = ({ file }: Listing) => toHex(file.id).startsWith(digits);
    const bucket = digits.slice(0, PREFIX_DIGITS);
    return merge(named, this.#byPrefix.page(bucket, after, countMax, accept), countMax);
  }
}

/** Lists under a key. A list that is empty is not kept. */
class Buckets {
  readonly #lists = new Map<string, SerialList<Listing>>();

  add(key: string, listing: Listing): void {
    let list = this.#lists.get(key);
    if (list === undefined) this.#lists.set(key, list = new SerialList());
    list.add(listing);
  }

  forget(key: string): void {
    const list = this.#lists.get(key);
    list?.forget();
    if (list?.size === 0) this.#lists.delete(key);
  }

  page(
    key: string,
    after: number,
    countMax: number,
    accept?: (listing: Listing) => boolean,
  ): Page<Listing> {
    return this.#lists.get(key)?.page(after, countMax, accept) ?? { items: [], next: 0 };
  }
}

/** One page of two, in order, each listing once. It reaches as far as both of them do. */
function merge(a: Page<Listing>, b: Page<Listing>, countMax: number): Page<Listing> {
  const reach = Math.min(a.next || Infinity, b.next || Infinity);
  const items = [...new Set([...a.items, ...b.items])]
    .filter(({ serial }) => serial <= reach)
    .sort((one, other) => one.serial - other.serial);
  if (items.length > countMax) {
    return { items: items.slice(0, countMax), next: items[countMax - 1]!.serial };
  }
  return { items, next: reach === Infinity ? 0 : reach };
}

function refKey({ id, size }: FileRef): string {
  return `${toHex(id)}:${size}`;
}

function prefixOf({ id }: FileRef): string {
  return toHex(id.subarray(0, PREFIX_DIGITS / 2));
}
