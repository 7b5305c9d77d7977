/** Tests of the log that leaves lines out when there are too many. */

import { assertEquals } from "@std/assert";
import { LimitedLog } from "./limited_log.ts";

Deno.test("LimitedLog writes a few lines a second and tells how many it left out", () => {
  const lines: string[] = [];
  const log = new LimitedLog((line) => lines.push(line));
  for (let i = 0; i < 50; i++) log.write(`line ${i}`);
  assertEquals(lines, Array.from({ length: 20 }, (_, i) => `line ${i}`));
  log.tick(999);
  assertEquals(lines.length, 20);
  log.tick(1000);
  assertEquals(lines.splice(0).at(-1), "30 more lines were left out");
  log.tick(2000);
  log.write("again");
  assertEquals(lines, ["again"]);
});
