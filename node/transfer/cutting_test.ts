import { assert, assertEquals } from "@std/assert";
import { PIECE_SIZE } from "../../protocol/content_messages.ts";
import { concat, seededRandom } from "../../protocol/testing.ts";
import { randomBytes } from "../../tests/files.ts";
import { cutPart, cutWhole } from "../../tests/memory_cutting.ts";
import {
  CUT_LEAD,
  cutRange,
  cutRun,
  PIECE_SIZE_MAX,
  pieceCountMax,
  RecipeBuilder,
} from "./cutting.ts";
import { planCopies, sizeOfPieces } from "./recipe.ts";

const MIB = 1024 * 1024;
const SIZE = 4 * MIB;

/** Bytes of a wanted content that a plan finds in a base, after looking at each of them. */
function sharedSize(wanted: Uint8Array<ArrayBuffer>, base: Uint8Array<ArrayBuffer>): number {
  const content = { id: new Uint8Array(32), size: base.length, path: "base", stamp: "" };
  const copies = planCopies([{ offset: 0, recipe: cutWhole(wanted) }], [
    { content, offset: 0, recipe: cutWhole(base) },
  ]);
  let shared = 0;
  for (const { offset, length, to } of copies) {
    assertEquals(
      wanted.subarray(to, to + length),
      base.subarray(offset, offset + length),
      "bytes that a plan calls the same",
    );
    shared += length;
  }
  return shared;
}

function pieceLengths(bytes: Uint8Array<ArrayBuffer>): number[] {
  const recipe = cutWhole(bytes);
  assertEquals(sizeOfPieces(recipe), bytes.length);
  const view = new DataView(recipe.buffer);
  return Array.from(
    { length: recipe.length / PIECE_SIZE },
    (_, i) => view.getUint32(i * PIECE_SIZE),
  );
}

/** Where each piece starts, how long it is, and its fingerprint. */
function piecesOf(recipe: Uint8Array<ArrayBuffer>, offset: number): string[] {
  const view = new DataView(recipe.buffer);
  const pieces: string[] = [];
  for (let at = 0; at < recipe.length; at += PIECE_SIZE) {
    pieces.push(`${offset} ${view.getUint32(at)} ${view.getBigUint64(at + 4)}`);
    offset += view.getUint32(at);
  }
  return pieces;
}

/** What cutting gives when every range between `bounds` is cut on its own, as threads do. */
function cutInRanges(bytes: Uint8Array<ArrayBuffer>, bounds: readonly number[]) {
  const builder = new RecipeBuilder({ offset: 0, length: bytes.length });
  let offset = 0;
  for (const end of [...bounds, bytes.length]) {
    const lead = Math.max(0, offset - CUT_LEAD);
    builder.add(cutRange(bytes.slice(lead, end), { offset, length: end - offset }));
    offset = end;
  }
  return builder.finish(
    [...builder.gaps()].map(({ offset, length }) => cutRun(bytes.slice(offset, offset + length))),
  );
}

/** Contents of every sort, from runs without a cut to candidates all over. */
function samples(): [name: string, bytes: Uint8Array<ArrayBuffer>][] {
  const random = randomBytes(SIZE, 1);
  const periodic = (period: number) =>
    Uint8Array.from({ length: SIZE }, (_, i) => random[i % period]!);
  const mixed = random.slice();
  mixed.fill(0, MIB, 3 * MIB + 12_345);
  return [
    ["nothing", new Uint8Array(0)],
    ["one byte", random.slice(0, 1)],
    ["random", random],
    ["zeros", new Uint8Array(SIZE + 5)],
    ["zeros amid random", mixed],
    ...[1, 31, 100, 5000, 20_000, 100_000, 300_000].map((period) =>
      [`period ${period}`, periodic(period)] as [string, Uint8Array<ArrayBuffer>]
    ),
  ];
}

for (const [name, bytes] of samples()) {
  Deno.test(`cutWhole() keeps to the limits of pieces: ${name}`, () => {
    const lengths = pieceLengths(bytes);
    assert(lengths.every((length) => length > 0 && length <= PIECE_SIZE_MAX));
    assert(lengths.length <= pieceCountMax(bytes.length), `${lengths.length} pieces`);
  });

  Deno.test(`RecipeBuilder gives the same in ranges as in one piece: ${name}`, () => {
    const whole = cutWhole(bytes);
    for (let seed = 1; seed <= 6; seed++) {
      const random = seededRandom(seed);
      const bounds = Array.from({ length: 7 }, () => Math.floor(random() * bytes.length)).sort(
        (a, b) => a - b,
      );
      assertEquals(cutInRanges(bytes, bounds), whole, `seed ${seed}, ranges end at ${bounds}`);
    }
  });
}

Deno.test("cutPart() finds the pieces of the whole content that lie within the range", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const bytes = randomBytes(SIZE, seed);
    const random = seededRandom(seed);
    const offset = Math.floor(random() * SIZE / 2);
    const length = MIB + Math.floor(random() * MIB);
    const part = piecesOf(cutPart(bytes, { offset, length }), offset);
    const missing = piecesOf(cutWhole(bytes), 0).filter((piece) => !part.includes(piece))
      .map((piece) => Number(piece.split(" ")[0]))
      .filter((at) => at >= offset + PIECE_SIZE_MAX && at < offset + length - PIECE_SIZE_MAX);
    assertEquals(missing, [], `seed ${seed}`);
    assertEquals(sizeOfPieces(cutPart(bytes, { offset, length })), length);
  }
});

Deno.test("cutWhole() makes pieces of about 64 KiB", () => {
  const bytes = randomBytes(16 * MIB, 7);
  const average = bytes.length / pieceLengths(bytes).length;
  assert(average > 48 * 1024 && average < 84 * 1024, `${average} bytes on average`);
});

Deno.test("recipes find what an edit left: insertion, deletion, append, change, move", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const base = randomBytes(SIZE, seed);
    const random = seededRandom(seed);
    const at = Math.floor(random() * SIZE);
    const size = 1 + Math.floor(random() * 5000);
    const added = randomBytes(size, seed + 1000);
    const changed = base.slice();
    changed[at]! ^= 1;
    const edits = {
      insertion: concat([base.subarray(0, at), added, base.subarray(at)]),
      deletion: concat([base.subarray(0, at), base.subarray(at + size)]),
      append: concat([base, added]),
      prepend: concat([added, base]),
      change: changed,
      move: concat([base.subarray(at), base.subarray(0, at)]),
    };
    for (const [name, wanted] of Object.entries(edits)) {
      const missing = wanted.length - sharedSize(wanted, base);
      assert(missing <= size + 3 * PIECE_SIZE_MAX, `seed ${seed}, ${name}: ${missing} bytes`);
    }
  }
});

Deno.test("recipes find zeros behind an insertion", () => {
  for (const [name, base] of samples().filter(([name]) => /zeros/.test(name))) {
    const wanted = concat([randomBytes(12_345, 9), base]);
    const missing = wanted.length - sharedSize(wanted, base);
    assert(missing <= 12_345 + 5 * PIECE_SIZE_MAX, `${name}: ${missing} bytes`);
  }
});

Deno.test("recipes of strangers share nothing", () => {
  assertEquals(sharedSize(randomBytes(SIZE, 3), randomBytes(SIZE, 4)), 0);
});

Deno.test("a fingerprint changes with every byte of its piece", () => {
  const bytes = randomBytes(1003, 5);
  const before = cutRun(bytes);
  for (let i = 0; i < bytes.length; i++) {
    for (const bit of [1, 128]) {
      bytes[i]! ^= bit;
      assert(cutRun(bytes).some((byte, at) => byte !== before[at]), `byte ${i}, bit ${bit}`);
      bytes[i]! ^= bit;
    }
  }
});
