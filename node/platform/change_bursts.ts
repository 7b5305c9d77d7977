/**
 * Notices when this process itself changes a folder so often that to be told of each change costs more than to
 * look at everything afterwards.
 */

import type { Clock } from "../../protocol/ports.ts";

/** So many changes in a window of time are the beginning of a burst. */
const COUNT_MIN = 512;
const WINDOW_MS = 1_000;
/**
 * A burst is over when nothing was changed for twice the longest pause in it, within these bounds: its end is
 * waited for, and to take each pause of a slow one for its end costs much.
 */
const CALM_MIN_MS = 250;
const CALM_MAX_MS = 1_000;

export class ChangeBursts {
  readonly #clock: Pick<Clock, "now">;
  #windowStartMs = -Infinity;
  #count = 0;
  /** Calls that make changes at the moment, and when the last one was over. */
  #underWay = 0;
  #lastMs = -Infinity;
  #calmMs = CALM_MIN_MS;
  /** When the burst is over, as far as is known; not before what is under way is. */
  #endMs = -Infinity;
  #next = new AbortController();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Aborted when the next burst begins. */
  get beginning(): AbortSignal {
    return this.#next.signal;
  }

  /** How long the burst lasts if nothing else is changed; 0 where there is none. */
  get leftMs(): number {
    return this.#endMs === Infinity ? this.#calmMs : Math.max(0, this.#endMs - this.#clock.now());
  }

  /** So many changes begin to be made. */
  begin(count: number): void {
    const nowMs = this.#clock.now();
    const idleMs = this.#underWay === 0 ? nowMs - this.#lastMs : 0;
    // What was longer ago has nothing to do with a burst that begins now.
    const pauseMs = idleMs <= WINDOW_MS ? idleMs : 0;
    this.#underWay++;
    if (nowMs - this.#windowStartMs > WINDOW_MS) {
      this.#windowStartMs = nowMs;
      this.#count = 0;
    }
    this.#count += count;
    const isOn = this.#endMs > nowMs;
    if (!isOn && this.#count < COUNT_MIN) return;
    const calmMs = Math.min(CALM_MAX_MS, Math.max(CALM_MIN_MS, 2 * pauseMs));
    this.#calmMs = isOn ? Math.max(this.#calmMs, calmMs) : calmMs;
    this.#endMs = Infinity;
    // What belongs to this burst does not begin another one.
    this.#count = 0;
    if (isOn) return;
    this.#next.abort();
    this.#next = new AbortController();
  }

  /** The changes of a call are made. */
  end(): void {
    this.#underWay--;
    this.#lastMs = this.#clock.now();
    if (this.#underWay === 0 && this.#endMs === Infinity) this.#endMs = this.#lastMs + this.#calmMs;
  }
}
