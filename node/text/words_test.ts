import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { quoteWord, splitWords, wordAtEnd } from "./words.ts";

Deno.test("splitWords() reads blanks, quotes and backslashes as a shell does", () => {
  const lines: [string, string[]][] = [
    ["", []],
    ["  \t ", []],
    ["get a b", ["get", "a", "b"]],
    ["  get   a  ", ["get", "a"]],
    ['get "my file"', ["get", "my file"]],
    ["get 'my \"file\" \\'", ["get", 'my "file" \\']],
    ["get my\\ file", ["get", "my file"]],
    ['a"b c"d', ["ab cd"]],
    ["\"\" ''", ["", ""]],
    ['"a\\"b" "c\\\\d" "e\\f"', ['a"b', "c\\d", "e\\f"]],
    ["$HOME *.txt ~", ["$HOME", "*.txt", "~"]],
    ["get 日本語\u3000🎉", ["get", "日本語", "🎉"]],
  ];
  for (const [line, words] of lines) assertEquals(splitWords(line), words, line);
});

Deno.test("splitWords() refuses an open quote and a backslash at the end", () => {
  assertThrows(() => splitWords('get "my'), Error, 'the quote " is not closed');
  assertThrows(() => splitWords("get 'my"), Error, "the quote ' is not closed");
  assertThrows(() => splitWords('get "a\\"'), Error, 'the quote " is not closed');
  assertThrows(() => splitWords("get a\\"), Error, "ends in a backslash");
});

Deno.test("wordAtEnd() finds the word that is being typed", () => {
  const lines: [string, string[], string, number][] = [
    ["", [], "", 0],
    ["ge", [], "ge", 0],
    ["get ", ["get"], "", 4],
    ["get mov", ["get"], "mov", 4],
    ['get "a b', ["get"], "a b", 4],
    ['get "a b" x', ["get", "a b"], "x", 10],
    ["get a\\ ", ["get"], "a ", 4],
    ["get a\\", ["get"], "a", 4],
  ];
  for (const [line, before, text, start] of lines) {
    assertEquals(wordAtEnd(line), { before, text, start }, line);
  }
});

Deno.test("quoteWord() quotes only where needed", () => {
  assertEquals(quoteWord("a/b.txt"), "a/b.txt");
  assertEquals(quoteWord("my file"), '"my file"');
  assertEquals(quoteWord(""), '""');
});

Deno.test("splitWords() gives back every word that quoteWord() wrote", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom(..."ab \t\n\"'\\$é🎉\u3000") })),
      (words) => {
        assertEquals(splitWords(words.map(quoteWord).join(" ")), words);
      },
    ),
    { seed: 1 },
  );
});
