/** The real clock: the runtime's monotonic time and its timers. */

import type { Clock } from "../../protocol/ports.ts";

/** Milliseconds since the process began, which no change of the date moves. */
export const systemClock: Clock = {
  now: () => performance.now(),

  sleep(ms, signal) {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal?.addEventListener("abort", wake);
    });
  },
};
