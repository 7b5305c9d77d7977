/** A time after which something has been waited for in vain for too long. Goes by ticks: it has no clock. */

/** Whether one thing has been waited for too long. */
export class Deadline {
  readonly #lengthMs: number;
  #sinceMs: number | undefined;
  #last = 0;

  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs;
  }

  /** Whether `count` has not grown for so long while it was waited for. Where nobody waits, there is no deadline. */
  isOver(nowMs: number, isWaiting: boolean, count = 0): boolean {
    if (!isWaiting || count !== this.#last) this.#sinceMs = undefined;
    this.#last = count;
    if (!isWaiting) return false;
    this.#sinceMs ??= nowMs;
    return nowMs - this.#sinceMs >= this.#lengthMs;
  }
}
