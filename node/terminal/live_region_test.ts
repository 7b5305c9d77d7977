import { assert, assertEquals } from "@std/assert";
import { FakeScreen } from "../../tests/fake_terminal.ts";
import { LiveRegion } from "./live_region.ts";

const regionOf = (...lines: string[]) => ({ lines, cursorColumn: 0 });

Deno.test("draw() replaces the lines that it drew before", () => {
  const screen = new FakeScreen();
  const region = new LiveRegion(screen);
  region.draw(regionOf("one", "two", "three"));
  region.draw(regionOf("1"));
  assertEquals(screen.lines, ["1"]);
  region.draw(regionOf("a", "b"));
  assertEquals(screen.lines, ["a", "b"]);
  region.draw(regionOf());
  assertEquals(screen.lines, []);
});

Deno.test("draw() prints lines above for good, however long they are", () => {
  const screen = new FakeScreen(true, 10);
  const region = new LiveRegion(screen);
  region.draw(regionOf("bar 1", "bar 2"), ["first"]);
  region.draw(regionOf("bar 1"), ["0123456789", "0123456789ab"]);
  region.draw(regionOf("bar 3"), []);
  assertEquals(screen.lines, ["first", "0123456789", "0123456789", "ab", "bar 3"]);
});

Deno.test("draw() is one write, and puts the cursor into the last line", () => {
  const screen = new FakeScreen();
  const region = new LiveRegion(screen);
  region.draw({ lines: ["bar", "> get 日本"], cursorColumn: 8 }, ["log"]);
  assertEquals(screen.writes.length, 1);
  assertEquals(screen.beforeCursor, "> get 日");
  region.draw({ lines: ["bar", "> get"], cursorColumn: 2 });
  assertEquals([screen.lines, screen.beforeCursor], [["log", "bar", "> get"], "> "]);
});

Deno.test("draw() goes up over lines that a narrower terminal has wrapped", () => {
  const screen = new FakeScreen(true, 20);
  const region = new LiveRegion(screen);
  region.draw({ lines: ["012345678901234", "", "> 345678901"], cursorColumn: 11 });
  screen.columns = 10;
  region.draw(regionOf("narrow"));
  // Two rows of the first line, one empty one, and one of the last, as the cursor is in its second.
  assert(screen.writes[1]!.startsWith("\r\x1b[4A"));
});

Deno.test("draw() erases all rows when the terminal has another width, and only then", () => {
  const screen = new FakeScreen(true, 20);
  const region = new LiveRegion(screen);
  for (const columns of [20, 20, 10, 10, 30]) {
    screen.columns = columns;
    region.draw(regionOf("bar", "> "));
  }
  const erases = screen.writes.map((text) => text.indexOf("\x1b[J") < text.indexOf("bar"));
  assertEquals(erases, [false, false, true, false, true]);
});

Deno.test("clear() leaves only the region", () => {
  const screen = new FakeScreen();
  const region = new LiveRegion(screen);
  region.draw(regionOf("bar"), ["one", "two"]);
  region.clear();
  assertEquals(screen.lines, ["bar"]);
  region.draw(regionOf("bar 2"), ["three"]);
  assertEquals(screen.lines, ["three", "bar 2"]);
});
