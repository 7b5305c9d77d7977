/**
 * Virtual time: the clock of a simulated world, which moves on to the next timer when nothing is left to
 * run at this moment.
 *
 * What runs in the simulation waits for promises only, and all promises that can be settled without more
 * time are settled within one turn of the real event loop. So the loop here is: end what is due, take one
 * turn, look again. Timers of the same moment end in random order, as those of different machines would.
 */

import { setImmediate } from "node:timers";
import type { Random } from "../../protocol/ports.ts";

interface Timer {
  readonly atMs: number;
  /** Decides among timers of the same moment. */
  readonly rank: number;
  /** Emptied when the timer is cancelled. */
  action: (() => void) | undefined;
}

export class VirtualTime {
  readonly #timers: Timer[] = [];
  readonly #random: Random;
  #nowMs = 0;
  #turns = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Milliseconds since the simulation began; always an integer. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Turns of the event loop taken so far: what a run costs. */
  get turns(): number {
    return this.#turns;
  }

  /** Calls `action` after at least `ms` milliseconds. Answers how to cancel that. */
  after(ms: number, action: () => void): () => void {
    const atMs = this.#nowMs + Math.max(0, Math.ceil(ms));
    const timer: Timer = { atMs, rank: this.#random(), action };
    this.#push(timer);
    return () => timer.action = undefined;
  }

  /** Lets time pass until `isOver`, or `limitMs` is reached, or nothing is left that could happen. */
  async run(isOver: () => boolean, limitMs: number): Promise<void> {
    await this.#turn();
    while (!isOver()) {
      const next = this.#timers[0];
      if (next === undefined || next.atMs > limitMs) return;
      this.#nowMs = next.atMs;
      let acted = false;
      while (this.#timers[0]?.atMs === this.#nowMs) {
        const { action } = this.#pop();
        action?.();
        acted ||= action !== undefined;
      }
      if (acted) await this.#turn();
    }
  }

  #turn(): Promise<void> {
    this.#turns++;
    return new Promise((resolve) => void setImmediate(resolve));
  }

  // A binary heap, the timer that ends first at its root.

  #push(timer: Timer): void {
    const timers = this.#timers;
    let place = timers.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(timer, timers[parent]!)) break;
      timers[place] = timers[parent]!;
      place = parent;
    }
    timers[place] = timer;
  }

  #pop(): Timer {
    const timers = this.#timers;
    const first = timers[0]!;
    const last = timers.pop()!;
    if (timers.length === 0) return first;
    let place = 0;
    while (true) {
      let child = 2 * place + 1;
      if (child >= timers.length) break;
      if (child + 1 < timers.length && isBefore(timers[child + 1]!, timers[child]!)) child++;
      if (!isBefore(timers[child]!, last)) break;
      timers[place] = timers[child]!;
      place = child;
    }
    timers[place] = last;
    return first;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.rank < b.rank);
}
