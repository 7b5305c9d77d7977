import { assertEquals } from "@std/assert";
import { ExpiryClock } from "./expiry_clock.ts";

const HOUR_MS = 60 * 60 * 1000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const START_MS = 1_790_000_000_000;

/** A clock, and what it shows after each hour in which the system's clock is so much ahead. */
function hours(...aheadMs: readonly number[]): number[] {
  let hour = 0;
  const clock = new ExpiryClock(() => START_MS + hour * HOUR_MS + aheadMs[hour]!);
  return aheadMs.map((_, at) => {
    hour = at;
    clock.tick(77 + at * HOUR_MS);
    return clock.now() === 0 ? 0 : (clock.now() - START_MS) / HOUR_MS;
  });
}

Deno.test("ExpiryClock goes with the system's clock after an hour", () => {
  assertEquals(hours(0, 0, 0), [0, 1, 2]);
});

Deno.test("ExpiryClock makes no jump ahead", () => {
  assertEquals(hours(0, YEAR_MS, YEAR_MS, 0), [0, 1, 2, 3]);
});

Deno.test("ExpiryClock is late after a jump back", () => {
  assertEquals(hours(0, 0, -HOUR_MS, 0), [0, 1, 1, 2]);
});

Deno.test("ExpiryClock forgets a wrong time of the start", () => {
  assertEquals(hours(YEAR_MS, 0, 0), [0, 1, 2]);
});
