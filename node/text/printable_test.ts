import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { anyCharacter } from "../../protocol/testing.ts";
import { printable } from "./printable.ts";

Deno.test("printable() leaves ordinary names of all scripts as they are", () => {
  for (const name of ["a file.txt", "Übergröße", "日本語", "файл", "🎉", "ملف", "é", "C:\\x", ""]) {
    assertEquals(printable(name), name);
  }
});

Deno.test("printable() shows controls, bidirectional overrides and invisible characters", () => {
  const names: [string, string][] = [
    ["\x1b[2J", "\\x1b[2J"],
    ["a\nb\tc\rd", "a\\nb\\tc\\rd"],
    ["\0\x7f", "\\x00\\x7f"],
    ["\x9b31m", "\\x9b31m"],
    ["a\u202Etxt.exe", "a\\u{202e}txt.exe"],
    ["\u2066x\u2069", "\\u{2066}x\\u{2069}"],
    ["zero\u200Bwidth\uFEFF", "zero\\u{200b}width\\u{feff}"],
    ["filler\u3164", "filler\\u{3164}"],
    ["\u2028\u2029\u0085", "\\u{2028}\\u{2029}\\x85"],
    ["tag\u{E0041}", "tag\\u{e0041}"],
    ["lone \uD800 and \uDC00", "lone \\u{d800} and \\u{dc00}"],
  ];
  for (const [name, shown] of names) assertEquals(printable(name), shown);
});

Deno.test("printable() is stable, one line, and free of controls for any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter, maxLength: 60 }), (text) => {
      const shown = printable(text);
      assertEquals(printable(shown), shown);
      // deno-lint-ignore no-control-regex
      assert(!/[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f]/.test(shown));
      assert(shown.isWellFormed());
    }),
    { seed: 1 },
  );
});
