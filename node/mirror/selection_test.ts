import { assertEquals } from "@std/assert";
import { selectionOf } from "./selection.ts";

const PATHS = ["a", "a/b", "a/b/c", "x/a/b", "x/a/b/c", "a/bc", "xa/b", "a/x/b", "b"];

Deno.test("selectionOf() takes every path that contains the requested one on component boundaries", () => {
  const selects = selectionOf("a/b", { strict: false });
  assertEquals(PATHS.filter(selects), ["a/b", "a/b/c", "x/a/b", "x/a/b/c"]);
});

Deno.test("selectionOf() that is strict takes exactly the requested path and what is below", () => {
  assertEquals(PATHS.filter(selectionOf("a/b", { strict: true })), ["a/b", "a/b/c"]);
  assertEquals(PATHS.filter(selectionOf("b", { strict: true })), ["b"]);
});

Deno.test("selectionOf() takes everything where nothing special is asked for", () => {
  for (const strict of [true, false]) {
    assertEquals(PATHS.filter(selectionOf("", { strict })), PATHS);
  }
});
