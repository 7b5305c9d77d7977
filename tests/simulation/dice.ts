/**
 * Chance for the simulation: a seeded generator with the few questions that a scenario asks of it. The
 * same seed gives the same answers, which is what makes a failing run repeatable.
 */

import type { Random } from "../../protocol/ports.ts";

export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A number in [0, 1), by mulberry32 (T. Ettinger). A field, so that it can be handed on. */
  readonly random: Random = () => {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };

  /** Dice of their own for one part of the simulation, so that parts do not change each other's luck. */
  fork(): Dice {
    return new Dice(this.below(2 ** 32));
  }

  /** An integer from 0 to `end - 1`. */
  below(end: number): number {
    return Math.floor(this.random() * end);
  }

  /** An integer from `first` to `last`. */
  between(first: number, last: number): number {
    return first + this.below(last - first + 1);
  }

  /** A number from `low` to `high` whose order of magnitude is random. */
  magnitude(low: number, high: number): number {
    return low * (high / low) ** this.random();
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** The items in random order (Fisher and Yates). */
  shuffled<T>(items: readonly T[]): T[] {
    const order = [...items];
    for (let i = order.length - 1; i > 0; i--) {
      const other = this.below(i + 1);
      [order[i], order[other]] = [order[other]!, order[i]!];
    }
    return order;
  }

  /** `count` bytes. */
  bytes(count: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: count }, () => this.below(256));
  }
}
