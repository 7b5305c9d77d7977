/**
 * The time by which old versions expire: a clock that runs no faster than time passes for this process, so
 * that no jump of the system's clock empties a trash.
 *
 * It shows the earliest time that the system's clock and the time passed since then lead to: a jump ahead
 * changes nothing, one back makes it late. What a system's clock shows right after a start is not believed for
 * an hour, in which it is usually put right.
 */

/** So much time must have passed before anything expires by its age. */
const TRUST_AFTER_MS = 60 * 60 * 1000;

export class ExpiryClock {
  readonly #wallClock: () => number;
  /** What the system's clock was ahead of the passing time, at the least. */
  #offsetMs = Infinity;
  #startMs: number | undefined;
  #passedMs = 0;

  /** @param wallClock Milliseconds since 1970, which may jump. */
  constructor(wallClock: () => number) {
    this.#wallClock = wallClock;
  }

  /** Lets time pass: `nowMs` is of a clock that never jumps. */
  tick(nowMs: number): void {
    this.#startMs ??= nowMs;
    this.#passedMs = nowMs - this.#startMs;
    this.#offsetMs = Math.min(this.#offsetMs, this.#wallClock() - this.#passedMs);
  }

  /** Milliseconds since 1970, not later than it is; 0 as long as nobody can know. */
  now(): number {
    return this.#passedMs < TRUST_AFTER_MS ? 0 : this.#offsetMs + this.#passedMs;
  }
}
