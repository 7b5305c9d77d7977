/**
 * A clock for tests whose time moves only when the test says so, so that nothing waits and every
 * run is the same.
 */

import { setImmediate } from "node:timers";
import type { Clock } from "../protocol/ports.ts";

interface Sleeper {
  readonly wakeAt: number;
  readonly wake: () => void;
}

/** A `Clock` that starts at 0 and stands still until `advance` is called. */
export class ManualClock implements Clock {
  readonly #sleepers = new Set<Sleeper>();
  #now = 0;

  now(): number {
    return this.#now;
  }

  /** How many sleeps have not ended. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const sleeper = { wakeAt: this.#now + ms, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", wake);
    });
  }

  /**
   * Moves the time on by `ms`, ending each sleep at its own moment and letting what waited for it
   * run before time moves on.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let next = this.#next(); next !== undefined && next.wakeAt <= end; next = this.#next()) {
      this.#now = Math.max(this.#now, next.wakeAt);
      next.wake();
      await settle();
    }
    this.#now = end;
  }

  /** The sleep that ends first; of several at the same moment the one that began first. */
  #next(): Sleeper | undefined {
    let first: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      if (first === undefined || sleeper.wakeAt < first.wakeAt) first = sleeper;
    }
    return first;
  }
}

/** Lets everything run that is ready to run: one turn of the event loop. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
