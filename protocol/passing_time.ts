/** Lets time pass: the one loop of a server that looks at the clock. Everything else goes by the last tick. */

import type { Clock } from "./ports.ts";

/** A step that took longer counts as this: the process itself did not run, and no other side is to blame. */
const STEP_MAX_MS = 2000;

/** Something for which time passes. */
export interface Ticking {
  /** It is so many milliseconds after the start. */
  tick(nowMs: number): void;
}

/** How time passes, and for how long. */
export interface PassingTime {
  readonly clock: Clock;
  /** How long a step takes. */
  readonly stepMs: number;
  readonly signal: AbortSignal;
}

/** Ticks everything until `signal` is aborted, in order, with the time since the start. */
export async function passTime(
  { clock, stepMs, signal }: PassingTime,
  all: readonly Ticking[],
): Promise<void> {
  let nowMs = 0;
  let lastMs = clock.now();
  while (!signal.aborted) {
    await clock.sleep(stepMs, signal);
    const thisMs = clock.now();
    nowMs += Math.min(thisMs - lastMs, STEP_MAX_MS);
    lastMs = thisMs;
    for (const ticking of all) ticking.tick(nowMs);
  }
}
