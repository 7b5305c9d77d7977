import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ManualClock } from "../../tests/manual_clock.ts";
import { RateLimit } from "./rate_limit.ts";

Deno.test("take() without a limit never waits", () => {
  const limit = new RateLimit(undefined, new ManualClock());
  for (let count = 0; count < 1000; count++) assertEquals(limit.take(1e9), undefined);
});

Deno.test("a limit must be a number above 0", () => {
  for (const rate of [0, -1, NaN, Infinity]) {
    assertThrows(() => new RateLimit(rate, new ManualClock()), RangeError, "Cannot limit to");
  }
});

Deno.test("take() keeps the rate over time, for small and large requests alike", async () => {
  for (const size of [10, 1000, 50_000]) {
    const clock = new ManualClock();
    const limit = new RateLimit(10_000, clock);
    let moved = 0;
    const stop = new AbortController();
    const moving = (async () => {
      while (!stop.signal.aborted) {
        await limit.take(size, stop.signal);
        moved += size;
      }
    })().catch(() => {});
    await clock.advance(60_000);
    stop.abort();
    await moving;
    // At the end one request may be overdrawn, and the burst of the start came on top.
    assert(moved >= 600_000 - size && moved <= 601_000 + size, `${size}: ${moved}`);
    assertEquals(clock.sleeping, 0);
  }
});

Deno.test("take() saves up no more than a tenth of a second", async () => {
  const clock = new ManualClock();
  const limit = new RateLimit(1000, clock);
  await clock.advance(3_600_000);
  let passed = 0;
  while (limit.take(10) === undefined) passed += 10;
  assertEquals(passed, 110);
  await clock.advance(10_000);
});

Deno.test("take() serves requests in the order in which they came", async () => {
  const clock = new ManualClock();
  const limit = new RateLimit(1000, clock);
  assertEquals(limit.take(1100), undefined);
  const order: string[] = [];
  const requests = [
    limit.take(5000)!.then(() => order.push("large")),
    limit.take(1)!.then(() => order.push("small")),
    limit.take(1)!.then(() => order.push("last")),
  ];
  await clock.advance(999);
  assertEquals(order, []);
  await clock.advance(1);
  assertEquals(order, ["large"]);
  await clock.advance(4999);
  assertEquals(order, ["large"]);
  await clock.advance(10);
  await Promise.all(requests);
  assertEquals(order, ["large", "small", "last"]);
});

Deno.test("a request that gives up takes nothing and does not hold up the others", async () => {
  const clock = new ManualClock();
  const limit = new RateLimit(1000, clock);
  limit.take(600);
  const stop = new AbortController();
  const given = limit.take(1_000_000, stop.signal)!;
  let passed = false;
  const next = limit.take(1)!.then(() => passed = true);
  stop.abort(new Error("the peer is gone"));
  await assertRejects(() => given, Error, "the peer is gone");
  await clock.advance(501);
  await next;
  assert(passed);
  assertEquals(clock.sleeping, 0);
});

Deno.test("the last request that gives up leaves no timer behind", async () => {
  const clock = new ManualClock();
  const limit = new RateLimit(1, clock);
  limit.take(1000);
  const stop = new AbortController();
  const given = limit.take(1, stop.signal)!;
  assertEquals(clock.sleeping, 1);
  stop.abort();
  assertEquals(clock.sleeping, 0);
  // A request right after that is served all the same.
  const next = limit.take(1)!;
  await assertRejects(() => given, DOMException);
  await assertRejects(() => limit.take(1, stop.signal)!, DOMException);
  await clock.advance(1_000_000);
  await next;
  assertEquals(clock.sleeping, 0);
});
