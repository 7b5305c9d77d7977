import { assertEquals } from "@std/assert";
import { settled } from "../../protocol/testing.ts";
import { Growth } from "./growth.ts";

Deno.test("until() waits for its block, however it comes", async () => {
  const growth = new Growth();
  const seen: number[] = [];
  const waits = [0, 1, 5].map(async (index) => {
    if (await growth.until(index)) seen.push(index);
  });
  growth.reach(1);
  await settled();
  assertEquals(seen, [0]);
  growth.reach(0);
  growth.reach(5);
  await settled();
  assertEquals(seen, [0, 1]);
  growth.reach(6);
  await Promise.all(waits);
  assertEquals(seen, [0, 1, 5]);
  assertEquals(await growth.until(3), true);
});

Deno.test("until() is false for all blocks once the growth has ended", async () => {
  const growth = new Growth();
  growth.reach(2);
  const waiting = growth.until(7);
  growth.end();
  assertEquals([await waiting, await growth.until(0)], [false, false]);
});
