import { assertEquals } from "@std/assert";
import { ChangeBursts } from "./change_bursts.ts";

/** Bursts on a clock that the test sets. */
function burstsAt(startMs: number) {
  let nowMs = startMs;
  const bursts = new ChangeBursts({ now: () => nowMs });
  const change = (count: number) => {
    bursts.begin(count);
    bursts.end();
  };
  return { bursts, change, pass: (ms: number) => void (nowMs += ms) };
}

Deno.test("ChangeBursts takes many changes within a second for a burst", () => {
  const { bursts, pass, change } = burstsAt(5_000);
  const { beginning } = bursts;
  change(256);
  pass(100);
  assertEquals([beginning.aborted, bursts.leftMs], [false, 0]);
  change(256);
  assertEquals([beginning.aborted, bursts.leftMs], [true, 250]);
  assertEquals(bursts.beginning.aborted, false);
});

Deno.test("ChangeBursts does not take as many in more time for one", () => {
  const { bursts, pass, change } = burstsAt(0);
  for (let i = 0; i < 10; i++) {
    change(256);
    pass(1_001);
  }
  assertEquals([bursts.beginning.aborted, bursts.leftMs], [false, 0]);
});

Deno.test("ChangeBursts lets a burst last until nothing is changed for a while", () => {
  const { bursts, pass, change } = burstsAt(0);
  change(256);
  pass(10);
  change(256);
  const { beginning } = bursts;
  pass(100);
  change(1);
  assertEquals(bursts.leftMs, 250);
  pass(250);
  assertEquals(bursts.leftMs, 0);
  change(1);
  assertEquals([bursts.leftMs, beginning.aborted], [0, false]);
  change(511);
  assertEquals([bursts.leftMs, beginning.aborted], [250, true]);
});

Deno.test("ChangeBursts waits longer for the end of a burst that has longer pauses", () => {
  const { bursts, pass, change } = burstsAt(0);
  change(256);
  pass(200);
  change(256);
  assertEquals(bursts.leftMs, 400);
  pass(10);
  change(1);
  assertEquals(bursts.leftMs, 400);
  pass(390);
  change(1);
  assertEquals(bursts.leftMs, 780);
  pass(770);
  change(1);
  assertEquals(bursts.leftMs, 1_000);
});

Deno.test("ChangeBursts ends no burst while changes are being made", () => {
  const { bursts, pass } = burstsAt(0);
  bursts.begin(512);
  pass(5_000);
  bursts.begin(1);
  bursts.end();
  assertEquals(bursts.leftMs, 250);
  pass(5_000);
  assertEquals(bursts.leftMs, 250);
  bursts.end();
  pass(200);
  assertEquals(bursts.leftMs, 50);
  pass(50);
  assertEquals(bursts.leftMs, 0);
});
