import { assertEquals } from "@std/assert";
import { lineLengthMax, LineSplitter } from "./line_splitter.ts";

const utf8 = new TextEncoder();

function splitAll(pieces: Uint8Array[]): (string | undefined)[] {
  const splitter = new LineSplitter();
  return [...pieces.flatMap((piece) => splitter.split(piece)), ...splitter.end()];
}

Deno.test("LineSplitter gives the same lines wherever the bytes are split", () => {
  const bytes = utf8.encode("list\nget 日本\r\n\n🎉\nend");
  const lines = ["list", "get 日本", "", "🎉", "end"];
  for (let split = 0; split <= bytes.length; split++) {
    assertEquals(splitAll([bytes.subarray(0, split), bytes.subarray(split)]), lines);
  }
  assertEquals(splitAll(Array.from(bytes, (byte) => new Uint8Array([byte]))), lines);
  assertEquals(splitAll([utf8.encode("list\n")]), ["list"]);
  assertEquals(splitAll([]), []);
});

Deno.test("LineSplitter refuses a line that is too long, and only that one", () => {
  const long = "x".repeat(lineLengthMax + 1);
  assertEquals(splitAll([utf8.encode(`a\n${long}\nb`)]), ["a", undefined, "b"]);
  const pieces = ["a\n", ...Array.from({ length: 1000 }, () => long), "quit\nb\n", long];
  assertEquals(splitAll(pieces.map((piece) => utf8.encode(piece))), [
    "a",
    undefined,
    "b",
    undefined,
  ]);
  const longest = "x".repeat(lineLengthMax);
  assertEquals(splitAll([utf8.encode(longest)]), [longest]);
});
