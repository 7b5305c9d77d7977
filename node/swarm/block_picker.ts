/**
 * Decides which block to ask for next: the rarest first, in random order among equals.
 *
 * Every block is in exactly one state: missing, requested or held. Missing blocks stand in one array,
 * grouped by how many partial holders are known to have them, so that a change of that number moves a
 * block past one border a group and a pick looks at the rarest first. Complete holders do not count:
 * they have everything, which makes nothing rarer. So a block that only seeders have comes first, and a
 * seeder sends few blocks twice while leechers have something to give each other.
 */

import type { Bitfield } from "../../protocol/bitfield.ts";
import type { Random } from "../../protocol/ports.ts";

/** Holders beyond this number make a block no less rare. */
const AVAILABILITY_MAX = 63;
const OUTSIDE = -1;

export class BlockPicker {
  /** Missing blocks, by group. */
  readonly #order: Uint32Array;
  /** Where a block stands in #order, or OUTSIDE when it is requested or held. */
  readonly #place: Int32Array;
  /** Where each group ends in #order; it starts where the one before it ends. */
  readonly #ends: number[] = new Array(AVAILABILITY_MAX + 1).fill(0);
  readonly #availability: Uint16Array;

  /** Every block that `held` does not have is missing. */
  constructor(held: Bitfield, random: Random) {
    const count = held.count;
    this.#order = new Uint32Array(count);
    this.#place = new Int32Array(count).fill(OUTSIDE);
    this.#availability = new Uint16Array(count);
    for (const index of shuffled(count, random)) {
      if (!held.has(index)) this.#insert(index);
    }
  }

  /** How many blocks are neither requested nor held. */
  get missingCount(): number {
    return this.#ends[AVAILABILITY_MAX]!;
  }

  /** One more partial holder has this block. */
  gained(index: number): void {
    this.#count(index, 1);
  }

  /** A partial holder that had this block is gone. */
  lost(index: number): void {
    this.#count(index, -1);
  }

  /**
   * Takes the rarest missing block that `have` holds: it is requested now. With `unshared`, only a block
   * that no partial holder has.
   */
  take(have: Bitfield, { unshared = false } = {}): number | undefined {
    const end = unshared ? this.#ends[0]! : this.missingCount;
    for (let place = 0; place < end; place++) {
      const index = this.#order[place]!;
      if (!have.has(index)) continue;
      this.#remove(index);
      return index;
    }
    return undefined;
  }

  /** Whether `have` holds a missing block. */
  offers(have: Bitfield): boolean {
    const missing = this.missingCount;
    for (let place = 0; place < missing; place++) {
      if (have.has(this.#order[place]!)) return true;
    }
    return false;
  }

  /** A requested block did not come: it is missing again. */
  release(index: number): void {
    if (this.#place[index] === OUTSIDE) this.#insert(index);
  }

  #count(index: number, change: 1 | -1): void {
    const missing = this.#place[index] !== OUTSIDE;
    if (missing) this.#remove(index);
    this.#availability[index]! += change;
    if (missing) this.#insert(index);
  }

  #group(index: number): number {
    return Math.min(this.#availability[index]!, AVAILABILITY_MAX);
  }

  #put(index: number, place: number): void {
    this.#order[place] = index;
    this.#place[index] = place;
  }

  /** Opens a gap at the end of the block's group: each later group gives its first place for a last one. */
  #insert(index: number): void {
    const group = this.#group(index);
    for (let later = AVAILABILITY_MAX; later > group; later--) {
      const end = this.#ends[later]!;
      const start = this.#ends[later - 1]!;
      if (end > start) this.#put(this.#order[start]!, end);
      this.#ends[later] = end + 1;
    }
    this.#put(index, this.#ends[group]!);
    this.#ends[group]!++;
  }

  /** Closes the gap in the same way: each group fills it with its last block and leaves it at its end. */
  #remove(index: number): void {
    let gap = this.#place[index]!;
    for (let group = this.#group(index); group <= AVAILABILITY_MAX; group++) {
      const last = this.#ends[group]! - 1;
      if (last > gap) {
        this.#put(this.#order[last]!, gap);
        gap = last;
      }
      this.#ends[group] = last;
    }
    this.#place[index] = OUTSIDE;
  }
}

/** The numbers below `count` in random order (Fisher and Yates, in Durstenfeld's form). */
function shuffled(count: number, random: Random): Uint32Array {
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const other = Math.floor(random() * (i + 1));
    order[i] = order[other]!;
    order[other] = i;
  }
  return order;
}
