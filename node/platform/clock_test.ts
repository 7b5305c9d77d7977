/** Tests of the real clock. They wait for milliseconds at most, and never for an upper bound. */

import { assert, assertEquals } from "@std/assert";
import { systemClock } from "./clock.ts";

/** Longer than any test runs. */
const FOREVER_MS = 600_000;

Deno.test("now() never goes backwards", () => {
  const first = systemClock.now();
  assert(systemClock.now() >= first);
});

Deno.test("sleep() takes as long as it says", async () => {
  const start = systemClock.now();
  await systemClock.sleep(20);
  // Timers count whole milliseconds, so one may end a fraction of a millisecond early.
  assert(systemClock.now() - start >= 19);
});

Deno.test("sleep() ends when it is aborted, and leaves no timer behind", async () => {
  const controller = new AbortController();
  const sleeping = systemClock.sleep(FOREVER_MS, controller.signal);
  controller.abort();
  await sleeping;
});

Deno.test("sleep() does not start when it is aborted already", async () => {
  await systemClock.sleep(FOREVER_MS, AbortSignal.abort());
});

Deno.test("sleep() keeps no listener on a signal that outlives it", async () => {
  const listeners = new Set<unknown>();
  const signal = {
    aborted: false,
    addEventListener: (_: string, listener: unknown) => listeners.add(listener),
    removeEventListener: (_: string, listener: unknown) => listeners.delete(listener),
  } as unknown as AbortSignal;
  await systemClock.sleep(1, signal);
  assertEquals(listeners.size, 0);
});
