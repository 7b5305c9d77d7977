import { assertEquals } from "@std/assert";
import { RecentValues } from "./recent_values.ts";

Deno.test("RecentValues remembers the last values, and those that were asked for", () => {
  const values = new RecentValues<{ readonly n: number }>(2);
  for (const [n, key] of [..."abcd"].entries()) values.set(key, { n });
  assertEquals(values.get("a")?.n, 0);
  values.set("e", { n: 4 });
  values.set("f", { n: 5 });
  assertEquals(["a", "e", "f"].map((key) => values.get(key)?.n), [0, 4, 5]);
  assertEquals(["b", "c", "d"].map((key) => values.get(key)), [undefined, undefined, undefined]);
});

Deno.test("RecentValues answers the value that was set last", () => {
  const values = new RecentValues<{ readonly n: number }>(1);
  values.set("a", { n: 0 });
  values.set("b", { n: 1 });
  values.set("a", { n: 2 });
  assertEquals([values.get("a")?.n, values.get("b")?.n], [2, 1]);
  values.clear();
  assertEquals([values.get("a"), values.get("b")], [undefined, undefined]);
});
