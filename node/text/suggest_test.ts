import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { editDistance, suggestWord } from "./suggest.ts";

const commands = ["tracker", "peer", "get", "ls", "sync", "sync-server", "demo", "help", "version"];

Deno.test("editDistance() counts each kind of slip as one", () => {
  assertEquals(editDistance("tracker", "tracker"), 0);
  assertEquals(editDistance("traker", "tracker"), 1);
  assertEquals(editDistance("trackker", "tracker"), 1);
  assertEquals(editDistance("trecker", "tracker"), 1);
  assertEquals(editDistance("tarcker", "tracker"), 1);
  assertEquals(editDistance("", "abc"), 3);
  assertEquals(editDistance("abc", ""), 3);
  assertEquals(editDistance("kitten", "sitting"), 3);
});

Deno.test("editDistance() is symmetric and bounded by the lengths", () => {
  const word = fc.string({ maxLength: 12, unit: fc.constantFrom("a", "b", "c") });
  fc.assert(
    fc.property(word, word, (left, right) => {
      const distance = editDistance(left, right);
      return distance === editDistance(right, left) &&
        distance >= Math.abs(left.length - right.length) &&
        distance <= Math.max(left.length, right.length) &&
        (distance === 0) === (left === right);
    }),
    { seed: 1 },
  );
});

Deno.test("suggestWord() finds the word that was meant", () => {
  const slips: [string, string | undefined][] = [
    ["tarcker", "tracker"],
    ["per", "peer"],
    ["gte", "get"],
    ["sl", "ls"],
    ["sync-srever", "sync-server"],
    ["vers", "version"],
    ["syn", "sync"],
    ["download", undefined],
    ["x", undefined],
    ["zz", undefined],
    ["", undefined],
    ["t".repeat(10_000), undefined],
  ];
  for (const [word, meant] of slips) assertEquals(suggestWord(word, commands), meant, word);
});

Deno.test("suggestWord() completes a long beginning only when one word has it", () => {
  assertEquals(suggestWord("down", ["down-limit", "up-limit"]), "down-limit");
  assertEquals(suggestWord("announce", ["announce-every", "announce-first"]), undefined);
});
