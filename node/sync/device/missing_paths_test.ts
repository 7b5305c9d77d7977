import { assertEquals } from "@std/assert";
import type { KnownEntry } from "./device_index.ts";
import { MissingPaths } from "./missing_paths.ts";

const SETTLE_MS = 200;

function file(path: string): KnownEntry {
  return { path, kind: "file", stamp: "" };
}

/** The paths that are gone by the look at `nowMs` that misses these. */
function goneAt(missing: MissingPaths, nowMs: number, paths: readonly string[]): string[] {
  return missing.note(paths.map(file), [""], nowMs).gone.map(({ path }) => path);
}

Deno.test("MissingPaths takes a path that is missing for long enough as gone", () => {
  const missing = new MissingPaths(SETTLE_MS);
  const { gone, again } = missing.note([file("a")], ["a"], 0);
  assertEquals([gone, again], [[], [{ path: "a", atMs: SETTLE_MS }]]);
  assertEquals(goneAt(missing, SETTLE_MS, ["a"]), ["a"]);
});

Deno.test("MissingPaths takes what goes missing one by one as gone together", () => {
  const missing = new MissingPaths(SETTLE_MS);
  goneAt(missing, 0, ["a"]);
  goneAt(missing, 150, ["a", "b"]);
  assertEquals(goneAt(missing, 200, ["a", "b", "c"]), []);
  assertEquals(goneAt(missing, 799, ["a", "b", "c"]), []);
  assertEquals(goneAt(missing, 800, ["a", "b", "c"]), ["a", "b", "c"]);
});

Deno.test("MissingPaths asks for a look at all that is missing before some of it is gone", () => {
  const missing = new MissingPaths(SETTLE_MS);
  missing.note([file("a")], ["a"], 0);
  missing.note([file("b")], ["b"], 10);
  const { gone, again } = missing.note([file("a")], ["a"], 410);
  assertEquals(gone, []);
  assertEquals(again, [{ path: "a", atMs: 460 }, { path: "b", atMs: 460 }]);
  const tops = ["a", "b"];
  assertEquals(missing.note(tops.map(file), tops, 460).gone.map(({ path }) => path), tops);
});

Deno.test("MissingPaths takes what was in a folder that is missing now with the folder", () => {
  const missing = new MissingPaths(SETTLE_MS);
  goneAt(missing, 0, ["folder/file"]);
  goneAt(missing, 100, ["folder", "folder/file"]);
  assertEquals(goneAt(missing, 300, ["folder", "folder/file"]), ["folder", "folder/file"]);
});

Deno.test("MissingPaths waits no longer than some seconds for the last of many", () => {
  const missing = new MissingPaths(SETTLE_MS);
  const paths: string[] = [];
  let firstMs: number | undefined;
  for (let nowMs = 0; nowMs < 20 * SETTLE_MS && firstMs === undefined; nowMs += 100) {
    paths.push(`${nowMs}`);
    if (goneAt(missing, nowMs, paths).includes("0")) firstMs = nowMs;
  }
  assertEquals(firstMs, 10 * SETTLE_MS);
});

Deno.test("MissingPaths forgets what is found again", () => {
  const missing = new MissingPaths(SETTLE_MS);
  goneAt(missing, 0, ["a", "b"]);
  goneAt(missing, 100, ["b"]);
  assertEquals([missing.has("a"), missing.has("b")], [false, true]);
  assertEquals(goneAt(missing, 250, ["a", "b"]), []);
});
