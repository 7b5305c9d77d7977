import { assertEquals } from "@std/assert";
import { Bitfield } from "../../protocol/bitfield.ts";
import { gapsOf } from "./recipe.ts";
import type { Copying } from "./stage.ts";

const from = { id: new Uint8Array(32), size: 1000, path: "base", stamp: "" };

function copy(to: number, length: number): Copying {
  return { from, offset: 0, length, to };
}

Deno.test("gapsOf() names what blocks lack that were made up in part", () => {
  const have = Bitfield.none(5);
  have.add(4);
  const gaps = gapsOf([copy(10, 20), copy(50, 120), copy(410, 5)], {
    size: 490,
    blockSize: 100,
    have,
  });
  // Block 0 has two gaps, block 1 its end, blocks 2 and 3 nothing at all, and block 4 is right.
  assertEquals(gaps.blocks, [0, 1]);
  assertEquals(gaps.ranges, [
    { offset: 0, length: 10 },
    { offset: 30, length: 20 },
    { offset: 170, length: 30 },
  ]);
});

Deno.test("gapsOf() has a look at whole blocks whose bytes turned out wrong", () => {
  const gaps = gapsOf([copy(0, 150)], { size: 150, blockSize: 100, have: Bitfield.none(2) });
  assertEquals(gaps, { blocks: [0, 1], ranges: [] });
});
