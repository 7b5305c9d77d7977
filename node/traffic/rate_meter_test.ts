import { assertAlmostEquals, assertEquals } from "@std/assert";
import { ManualClock } from "../../tests/manual_clock.ts";
import { RateMeter } from "./rate_meter.ts";

Deno.test("rate() settles at a steady rate and stays there", async () => {
  const clock = new ManualClock();
  await clock.advance(12_345);
  const meter = new RateMeter(clock);
  for (let step = 1; step <= 300; step++) {
    await clock.advance(50);
    meter.add(500);
    if (step > 20) assertAlmostEquals(meter.rate(), 10_000, 1500);
  }
  assertEquals(meter.total, 150_000);
});

Deno.test("rate() falls to 0 within seconds when nothing moves", async () => {
  const clock = new ManualClock();
  const meter = new RateMeter(clock);
  assertEquals(meter.rate(), 0);
  meter.add(4000);
  assertEquals(meter.rate(), 16_000);
  await clock.advance(2000);
  assertEquals(meter.rate(), 2000);
  await clock.advance(2100);
  assertEquals(meter.rate(), 0);
  await clock.advance(1e9);
  meter.add(1000);
  assertAlmostEquals(meter.rate(), 1000 / 3.75, 20);
});
