/**
 * A list in the order of serial numbers, to be handed out in pages.
 *
 * A page goes on after the serial number where the last one ended, so items that come and go in between
 * neither repeat nor hide others, and finding that place is a binary search. An item that is gone stays in
 * its place, skipped, until as many are gone as are there; then the list is compacted. Both adding and
 * removing thus take constant time on average.
 */

/** What a `SerialList` can hold. */
export interface Listed {
  /** Greater than that of every item made before. At least 1: a page after 0 is the first one. */
  readonly serial: number;
  /** The item is in no list any more. */
  readonly gone: boolean;
}

/** Some items of a list, and where it goes on. */
export interface Page<T> {
  readonly items: readonly T[];
  /** The next page starts after this serial number; 0 on the last page. */
  readonly next: number;
}

/** A page looks at no more items than this, so that nobody can make one page take long. */
const EXAMINED_MAX = 4096;
/** A list with fewer items than this that are gone is not worth compacting. */
const GONE_COUNT_MIN = 32;

export class SerialList<T extends Listed> {
  #items: T[] = [];
  #goneCount = 0;

  /** How many items are there, without those that are gone. */
  get size(): number {
    return this.#items.length - this.#goneCount;
  }

  /** Adds an item whose serial number is greater than all that are here. */
  add(item: T): void {
    // Most lists of a large index hold one item, and `push` would make room for seventeen.
    if (this.#items.length === 0) this.#items = [item];
    else this.#items.push(item);
  }

  /** Takes note that one of the items is gone. */
  forget(): void {
    this.#goneCount++;
    if (this.#goneCount < GONE_COUNT_MIN || this.#goneCount * 2 < this.#items.length) return;
    this.#items = this.#items.filter((item) => !item.gone);
    this.#goneCount = 0;
  }

  /**
   * The items after serial number `after` that `accept` takes, `countMax` at most. There may be fewer, even
   * none, on a page that is not the last.
   */
  page(after: number, countMax: number, accept: (item: T) => boolean = () => true): Page<T> {
    const items: T[] = [];
    let place = this.#placeAfter(after);
    const end = Math.min(this.#items.length, place + EXAMINED_MAX);
    for (; place < end && items.length < countMax; place++) {
      const item = this.#items[place]!;
      if (!item.gone && accept(item)) items.push(item);
    }
    return { items, next: place < this.#items.length ? this.#items[place - 1]!.serial : 0 };
  }

  /** Where the first item with a greater serial number stands. */
  #placeAfter(serial: number): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#items[middle]!.serial <= serial) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
