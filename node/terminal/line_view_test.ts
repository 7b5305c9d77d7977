import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { displayWidth } from "../text/width.ts";
import { viewLine } from "./line_view.ts";

Deno.test("viewLine() shows the whole line where it fits", () => {
  const view = viewLine({ prompt: "> ", text: "get 日本", cursor: 5 }, 80);
  assertEquals(view, { text: "> get 日本", cursorColumn: 8 });
});

Deno.test("viewLine() scrolls sideways so that the cursor is in view", () => {
  const line = { prompt: "> ", text: "0123456789" };
  assertEquals(viewLine({ ...line, cursor: 10 }, 10), { text: "> 456789", cursorColumn: 8 });
  assertEquals(viewLine({ ...line, cursor: 0 }, 10), { text: "> 0123456", cursorColumn: 2 });
  assertEquals(viewLine({ ...line, cursor: 5 }, 10), { text: "> 0123456", cursorColumn: 7 });
});

Deno.test("viewLine() shows unsafe characters as escapes and measures them so", () => {
  const view = viewLine({ prompt: "> ", text: "a\u202eb", cursor: 2 }, 80);
  assertEquals(view, { text: "> a\\u{202e}b", cursorColumn: 11 });
});

Deno.test("viewLine() leaves the last column free and keeps the cursor on the screen", () => {
  const line = fc.string({ unit: "grapheme", maxLength: 60 });
  fc.assert(
    fc.property(line, line, fc.integer({ min: 2, max: 50 }), (before, after, columns) => {
      const typed = { prompt: "> ", text: before + after, cursor: before.length };
      const view = viewLine(typed, columns);
      assert(displayWidth(view.text) < columns);
      assert(view.cursorColumn < columns);
    }),
    { seed: 1 },
  );
});
