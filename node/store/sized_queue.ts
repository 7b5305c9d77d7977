/**
 * A first-in first-out queue of things with a size, from which any item can be taken out: the body
 * of a cache. The links are fields of the items themselves, so that moving an item allocates
 * nothing.
 */

/** What an item needs to be in a `SizedQueue`. An item can be in one queue at a time. */
export interface Queued<Item> {
  /** Bytes that the item stands for; must not change while it is in a queue. */
  readonly size: number;
  /** The neighbour that was added after this item. Set by the queue. */
  newer: Item | undefined;
  /** The neighbour that was added before this item. Set by the queue. */
  older: Item | undefined;
}

/** Items in the order in which they were added. */
export class SizedQueue<Item extends Queued<Item>> {
  #newest: Item | undefined;
  #oldest: Item | undefined;
  #size = 0;
  #count = 0;

  /** The item that was added before all others. */
  get oldest(): Item | undefined {
    return this.#oldest;
  }

  /** The sizes of all items added up. */
  get size(): number {
    return this.#size;
  }

  /** How many items there are. */
  get count(): number {
    return this.#count;
  }

  /** Adds an item that is in no queue. */
  add(item: Item): void {
    item.newer = undefined;
    item.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = item;
    else this.#newest.newer = item;
    this.#newest = item;
    this.#size += item.size;
    this.#count++;
  }

  /** Takes out an item that is in this queue. */
  remove(item: Item): void {
    if (item.newer === undefined) this.#newest = item.older;
    else item.newer.older = item.older;
    if (item.older === undefined) this.#oldest = item.newer;
    else item.older.newer = item.newer;
    item.newer = undefined;
    item.older = undefined;
    this.#size -= item.size;
    this.#count--;
  }
}
