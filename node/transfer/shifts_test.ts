import { assert, assertEquals } from "@std/assert";
import { findShifted, likelyShifts } from "./shifts.ts";

/** A content of so many blocks, and which of them are in its base at which shift. */
interface Truth {
  readonly count: number;
  readonly isAt: (index: number, shift: number) => boolean;
  readonly shifts: readonly number[];
}

async function find({ count, isAt, shifts }: Truth) {
  let tried = 0;
  const tryBlocks = (indexes: readonly number[], shift: number) => {
    tried += indexes.length;
    return Promise.resolve(indexes.filter((index) => isAt(index, shift)));
  };
  const wanted = Array.from({ length: count }, (_, index) => index);
  const found = await findShifted(wanted, { shifts, tryBlocks });
  return { found, tried };
}

for (const count of [1, 2, 15, 16, 17, 129, 1000]) {
  Deno.test(`findShifted() finds all of ${count} blocks around an insertion`, async () => {
    for (const at of [0, 1, Math.floor(count / 2), count - 1]) {
      const { found, tried } = await find({
        count,
        isAt: (index, shift) => index !== at && shift === (index < at ? 0 : 7),
        shifts: [0, 7],
      });
      const expected = Array.from({ length: count }, (_, i) => [i, i < at ? 0 : 7] as const)
        .filter(([index]) => index !== at);
      assertEquals(Array.from(found).sort(([a], [b]) => a - b), expected, `block ${at}`);
      // In vain: the samples on the other side, the block itself, and a part of what is between two samples.
      assert(tried <= count + 2 * Math.sqrt(count) + 4, `${tried} tries, block ${at}`);
    }
  });
}

Deno.test("findShifted() tries next to nothing in vain where the edit is at one of the ends", async () => {
  for (const at of [0, 1000]) {
    const isAt = (index: number, shift: number) => index !== at && shift === (index < at ? 0 : 7);
    const { found, tried } = await find({ count: 1001, isAt, shifts: [0, 7] });
    assertEquals(found.size, 1000);
    assert(tried <= 1001 + 4, `${tried} tries, block ${at}`);
  }
});

Deno.test("findShifted() finds all blocks that were not changed in their places", async () => {
  const changed = new Set([3, 77, 500]);
  const isAt = (index: number) => !changed.has(index);
  const { found, tried } = await find({ count: 512, isAt, shifts: [0] });
  assertEquals([found.size, tried], [509, 512]);
});

Deno.test("findShifted() tries few blocks of a stranger", async () => {
  const { found, tried } = await find({ count: 1000, isAt: () => false, shifts: [0, 5] });
  assertEquals(found.size, 0);
  assert(tried <= 2 * (Math.sqrt(1000) + 2), `${tried} tries`);
});

Deno.test("findShifted() has nothing to do where nothing is wanted", async () => {
  const { found, tried } = await find({ count: 0, isAt: () => true, shifts: [0, 5] });
  assertEquals([found.size, tried], [0, 0]);
});

Deno.test("likelyShifts() names each shift once", () => {
  assertEquals(likelyShifts(10, 10), [0]);
  assertEquals(likelyShifts(12, 10), [0, 2]);
  assertEquals(likelyShifts(8, 10), [0, -2]);
});
