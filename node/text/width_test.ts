import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { displayWidth, padEndToWidth, padStartToWidth, truncateToWidth } from "./width.ts";

Deno.test("displayWidth() counts columns, not code units", () => {
  const widths: [string, number][] = [
    ["", 0],
    ["plain", 5],
    ["Größe", 5],
    ["e\u0301", 1],
    ["日本語", 6],
    ["한국어", 6],
    ["Ｆｕｌｌ", 8],
    ["🎉", 2],
    ["⌚", 2],
    ["☂", 1],
    ["🇩🇪", 2],
    ["𝒳", 1],
    ["…", 1],
    ["\u200b\x1b", 0],
    ["a\x1b", 1],
  ];
  for (const [text, width] of widths) assertEquals(displayWidth(text), width, text);
});

Deno.test("truncateToWidth() cuts at whole characters and marks the cut", () => {
  assertEquals(truncateToWidth("abcdef", 6), "abcdef");
  assertEquals(truncateToWidth("abcdefg", 6), "abcde…");
  assertEquals(truncateToWidth("日本語", 6), "日本語");
  assertEquals(truncateToWidth("日本語", 5), "日本…");
  assertEquals(truncateToWidth("日本語", 4), "日…");
  assertEquals(truncateToWidth("🎉🎉", 2), "…");
  assertEquals(truncateToWidth("abc", 1), "…");
  assertEquals(truncateToWidth("abc", 0), "");
});

Deno.test("truncateToWidth() never exceeds the width and never splits a surrogate pair", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.nat({ max: 20 }), (text, columns) => {
      const cut = truncateToWidth(text, columns);
      assert(displayWidth(cut) <= columns);
      assert(cut.isWellFormed());
    }),
    { seed: 1 },
  );
});

Deno.test("padding fills up to the width", () => {
  assertEquals(padEndToWidth("日本", 6), "日本  ");
  assertEquals(padStartToWidth("日本", 6), "  日本");
  assertEquals(padEndToWidth("too long", 3), "too long");
  assertEquals(padStartToWidth("too long", 3), "too long");
});
