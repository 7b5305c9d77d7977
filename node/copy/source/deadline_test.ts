import { assertEquals } from "@std/assert";
import { Deadline } from "./deadline.ts";

Deno.test("Deadline is over when nothing has grown for so long while it was waited for", () => {
  const deadline = new Deadline(100);
  const isOver = (nowMs: number, isWaiting: boolean, count = 0) =>
    deadline.isOver(nowMs, isWaiting, count);
  assertEquals([isOver(0, true), isOver(99, true), isOver(100, true)], [false, false, true]);
  // Whatever grows sets it back, and so does a time in which nobody waits.
  assertEquals([isOver(150, true, 1), isOver(249, true, 1), isOver(250, true, 1)], [
    false,
    false,
    true,
  ]);
  assertEquals([isOver(300, false, 1), isOver(350, true, 1), isOver(449, true, 1)], [
    false,
    false,
    false,
  ]);
  assertEquals(isOver(450, true, 1), true);
});
