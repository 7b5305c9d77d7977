/**
 * Notices when this process itself changes a folder so often that to be told of each change costs more than to
 * look at everything afterwards.
 */

import type { Clock } from "../../protocol/ports.ts";

/** So many changes in a window of time are the beginning of a burst. */
const COUNT_MIN = 512;
const WINDOW_MS = 1_000;
/** A burst is over when nothing was changed for this long. */
const CALM_MS = 1_000;

export class ChangeBursts {
  readonly #clock: Pick<Clock, "now">;
  #windowStartMs = -Infinity;
  #count = 0;
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
    return Math.max(0, this.#endMs - this.#clock.now());
  }

  /** So many changes are being made. */
  note(count: number): void {
    const nowMs = this.#clock.now();
    if (nowMs - this.#windowStartMs > WINDOW_MS) {
      this.#windowStartMs = nowMs;
      this.#count = 0;
    }
    this.#count += count;
    const isOn = this.#endMs > nowMs;
    if (!isOn && this.#count < COUNT_MIN) return;
    this.#endMs = nowMs + CALM_MS;
    if (isOn) return;
    this.#next.abort();
    this.#next = new AbortController();
  }
}
