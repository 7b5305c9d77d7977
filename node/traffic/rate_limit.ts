/**
 * Bounds how many bytes a second pass, over all connections together: the token bucket behind
 * `--up-limit` and `--down-limit` (J. S. Turner, "New directions in communications", 1986).
 *
 * Whoever wants to move bytes takes that many tokens first. A request passes whenever the bucket
 * owes nothing, however large the request is: the bucket is overdrawn, and the next one waits until
 * the debt is paid. So blocks larger than the burst pass as well, and the rate over time is exact.
 */

import type { Clock } from "../../protocol/ports.ts";

/**
 * How much time's worth of bytes may pass at once after a pause. Long enough that late timers lose
 * nothing, short enough that the limit looks smooth from outside.
 */
const burstSeconds = 0.1;

/** Shorter sleeps would only cost wake-ups; what they would have let pass goes out with the burst. */
const pauseMsMin = 5;

/** A request that waits for its turn. */
interface Waiter {
  readonly bytes: number;
  readonly pass: () => void;
}

/** A limit in bytes per second, shared by all who move bytes in one direction. */
export class RateLimit {
  /** In the order of their requests; a set, so that one that gives up leaves at once. */
  readonly #waiters = new Set<Waiter>();
  readonly #burst: number;
  #tokens: number;
  #filledAt: number;
  /** Ends the sleep of the loop that serves the waiters; undefined while nobody waits. */
  #serving: AbortController | undefined;

  /**
   * @param bytesPerSecond the limit, above 0; undefined lets everything pass.
   * Throws a `RangeError` for any other number.
   */
  constructor(readonly bytesPerSecond: number | undefined, private readonly clock: Clock) {
    if (bytesPerSecond !== undefined && !(bytesPerSecond > 0 && bytesPerSecond < Infinity)) {
      throw new RangeError(`Cannot limit to ${bytesPerSecond} bytes per second: must be above 0`);
    }
    this.#burst = (bytesPerSecond ?? 0) * burstSeconds;
    this.#tokens = this.#burst;
    this.#filledAt = clock.now();
  }

  /**
   * Asks to move `bytes` bytes. Returns undefined when they may go at once, else a promise that
   * resolves when they may. Requests pass in the order in which they were made. The promise rejects
   * with the signal's reason when `signal` is aborted; the bytes then do not count.
   */
  take(bytes: number, signal?: AbortSignal): Promise<void> | undefined {
    if (this.bytesPerSecond === undefined) return undefined;
    if (this.#waiters.size === 0 && this.#fill() >= 0) {
      this.#tokens -= bytes;
      return undefined;
    }
    return this.#wait(bytes, signal);
  }

  #wait(bytes: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted) {
      reject(signal.reason);
      return promise;
    }
    const giveUp = () => {
      this.#waiters.delete(waiter);
      if (this.#waiters.size === 0) this.#stopServing();
      reject(signal?.reason);
    };
    const pass = () => {
      signal?.removeEventListener("abort", giveUp);
      resolve();
    };
    const waiter: Waiter = { bytes, pass };
    signal?.addEventListener("abort", giveUp, { once: true });
    this.#waiters.add(waiter);
    if (this.#serving === undefined) this.#serve();
    return promise;
  }

  /** Lets the waiters pass one after the other, until none is left. */
  async #serve(): Promise<void> {
    const serving = new AbortController();
    this.#serving = serving;
    for (const waiter of this.#waiters) {
      while (this.#waiters.has(waiter) && this.#fill() < 0) {
        await this.clock.sleep(this.#debtMs(), serving.signal);
        if (serving.signal.aborted) return;
      }
      if (!this.#waiters.delete(waiter)) continue;
      this.#tokens -= waiter.bytes;
      waiter.pass();
    }
    this.#serving = undefined;
  }

  /** Ends the loop, so that no timer is left; the next waiter starts another one. */
  #stopServing(): void {
    this.#serving?.abort();
    this.#serving = undefined;
  }

  /** Adds the tokens of the time that has passed and returns how many there are now. */
  #fill(): number {
    const now = this.clock.now();
    const added = (now - this.#filledAt) / 1000 * this.bytesPerSecond!;
    this.#tokens = Math.min(this.#burst, this.#tokens + added);
    this.#filledAt = now;
    return this.#tokens;
  }

  /** How long to sleep until the debt is paid. */
  #debtMs(): number {
    return Math.max(pauseMsMin, Math.ceil(-this.#tokens / this.bytesPerSecond! * 1000));
  }
}
