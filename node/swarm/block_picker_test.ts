import { assert, assertEquals } from "@std/assert";
import { Bitfield } from "../../protocol/bitfield.ts";
import { seededRandom } from "../../protocol/testing.ts";
import { BlockPicker } from "./block_picker.ts";

function fieldOf(count: number, indexes: Iterable<number>): Bitfield {
  const field = Bitfield.none(count);
  for (const index of indexes) field.add(index);
  return field;
}

function randomField(count: number, share: number, random: () => number): Bitfield {
  const field = Bitfield.none(count);
  for (let index = 0; index < count; index++) if (random() < share) field.add(index);
  return field;
}

Deno.test("take() gives every missing block once, the rarest first", () => {
  const picker = new BlockPicker(fieldOf(5, [2]), seededRandom(1));
  for (const index of [0, 0, 0, 1, 3, 3]) picker.gained(index);
  const all = Bitfield.all(5);
  assertEquals(picker.missingCount, 4);
  assertEquals([0, 0, 0, 0].map(() => picker.take(all)), [4, 1, 3, 0]);
  assertEquals(picker.take(all), undefined);
  assertEquals(picker.missingCount, 0);
});

Deno.test("take() gives only what the holder has, and what is unshared only if that is asked for", () => {
  const picker = new BlockPicker(Bitfield.none(4), seededRandom(1));
  for (const index of [0, 1, 2]) picker.gained(index);
  assertEquals(picker.take(fieldOf(4, [1])), 1);
  assertEquals(picker.take(fieldOf(4, [1])), undefined);
  assertEquals(picker.take(Bitfield.all(4), { unshared: true }), 3);
  assertEquals(picker.take(Bitfield.all(4), { unshared: true }), undefined);
  assertEquals(picker.offers(fieldOf(4, [1, 3])), false);
  assertEquals(picker.offers(fieldOf(4, [0])), true);
});

Deno.test("take() gives equally rare blocks in another order to everybody", () => {
  const all = Bitfield.all(50);
  const orderOf = (seed: number) => {
    const picker = new BlockPicker(Bitfield.none(50), seededRandom(seed));
    return Array.from({ length: 50 }, () => picker.take(all));
  };
  assertEquals(orderOf(1), orderOf(1));
  assert(String(orderOf(1)) !== String(orderOf(2)));
});

Deno.test("release() of a block that is missing already changes nothing", () => {
  const picker = new BlockPicker(Bitfield.none(2), seededRandom(1));
  const all = Bitfield.all(2);
  picker.release(0);
  assertEquals(picker.missingCount, 2);
  const taken = picker.take(all)!;
  picker.release(taken);
  picker.release(taken);
  assertEquals(picker.missingCount, 2);
});

/** The same by looking at every block each time. */
class NaivePicker {
  readonly missing = new Set<number>();
  readonly availability: number[];

  constructor(held: Bitfield) {
    this.availability = new Array(held.count).fill(0);
    for (let index = 0; index < held.count; index++) if (!held.has(index)) this.missing.add(index);
  }

  /** How rare the rarest block is that `have` offers. */
  rarest(have: Bitfield): number | undefined {
    const offered = [...this.missing].filter((index) => have.has(index));
    if (offered.length === 0) return undefined;
    return Math.min(...offered.map((index) => this.rarity(index)));
  }

  /** More holders than this make a block no less rare. */
  rarity(index: number): number {
    return Math.min(this.availability[index]!, 63);
  }
}

Deno.test("a picker agrees with a naive one over random histories", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seededRandom(seed);
    const count = 1 + Math.floor(random() * 60);
    const held = randomField(count, random() * 0.5, random);
    const picker = new BlockPicker(held, random);
    const naive = new NaivePicker(held);
    const taken = new Set<number>();
    for (let step = 0; step < 400; step++) {
      const where = `seed ${seed}, step ${step}`;
      const index = Math.floor(random() * count);
      const choice = random();
      if (choice < 0.4) {
        picker.gained(index);
        naive.availability[index]!++;
      } else if (choice < 0.6 && naive.availability[index]! > 0) {
        picker.lost(index);
        naive.availability[index]!--;
      } else if (choice < 0.8) {
        const have = randomField(count, random(), random);
        const rarest = naive.rarest(have);
        assertEquals(picker.offers(have), rarest !== undefined, where);
        const got = picker.take(have);
        assertEquals(got === undefined ? undefined : naive.rarity(got), rarest, where);
        if (got !== undefined) {
          assert(naive.missing.delete(got) && have.has(got), where);
          taken.add(got);
        }
      } else if (taken.delete(index)) {
        picker.release(index);
        naive.missing.add(index);
      }
      assertEquals(picker.missingCount, naive.missing.size, where);
    }
  }
});
