import { assertEquals } from "@std/assert";
import type { Range } from "./ranges.ts";
import { uncovered, widened } from "./ranges.ts";

function ranges(...bounds: readonly (readonly [start: number, end: number])[]): Range[] {
  return bounds.map(([start, end]) => ({ offset: start, length: end - start }));
}

Deno.test("uncovered() names what ranges leave out, in whatever order they come", () => {
  assertEquals(uncovered([], 10), ranges([0, 10]));
  assertEquals(uncovered([], 0), []);
  assertEquals(uncovered(ranges([0, 10]), 10), []);
  assertEquals(uncovered(ranges([6, 8], [1, 3], [2, 5]), 10), ranges([0, 1], [5, 6], [8, 10]));
  assertEquals(uncovered(ranges([2, 9], [3, 4]), 10), ranges([0, 2], [9, 10]));
});

Deno.test("widened() keeps to the content, and joins what touches", () => {
  const limits = { by: 5, size: 100 };
  assertEquals(widened(ranges([2, 4], [97, 99]), limits), ranges([0, 9], [92, 100]));
  assertEquals(widened(ranges([10, 20], [30, 40], [51, 60]), limits), ranges([5, 45], [46, 65]));
  assertEquals(widened(ranges([10, 20], [15, 18]), limits), ranges([5, 25]));
});
