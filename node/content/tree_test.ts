import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { BLOCK_COUNT_MAX } from "../../protocol/bitfield.ts";
import { toHex } from "../../protocol/bytes.ts";
import vectors from "./bep52_vectors.json" with { type: "json" };
import {
  BLOCK_SIZE_MAX,
  blockCount,
  BlockHasher,
  blockSizeFor,
  FILE_SIZE_MAX,
  HASH_SIZE,
  hashesOfLeaves,
  isGeometry,
  LEAF_SIZE,
  leavesBelowBlock,
  rootOfBlocks,
  sizeOfBlock,
  TreeHasher,
} from "./tree.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const blockSizes = Array.from({ length: 9 }, (_, power) => LEAF_SIZE * 2 ** power);

const content = new Uint8Array(6 * MiB);
for (let i = 0; i < content.length; i++) content[i] = 31 * i + (i >> 8);

/** The content that the vectors were computed from. */
function vectorContent(size: number): Uint8Array {
  return content.subarray(0, size);
}

function treeOf(bytes: Uint8Array, blockSize: number) {
  const hasher = new TreeHasher(blockSize);
  hasher.update(bytes);
  return hasher.digest();
}

/** The root as BEP 52 words it, with no thought of speed: the reference for everything below. */
function plainRoot(bytes: Uint8Array): string {
  let layer: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += LEAF_SIZE) {
    layer.push(createHash("sha256").update(bytes.subarray(at, at + LEAF_SIZE)).digest());
  }
  while (Math.log2(layer.length) % 1 !== 0) layer.push(new Uint8Array(HASH_SIZE));
  while (layer.length > 1) {
    const above: Uint8Array[] = [];
    for (let i = 0; i < layer.length; i += 2) {
      above.push(createHash("sha256").update(layer[i]!).update(layer[i + 1]!).digest());
    }
    layer = above;
  }
  return toHex(layer[0]!);
}

for (const { size, sha256, pieces_root, layer_64KiB, layer_count } of vectors.cases) {
  Deno.test(`TreeHasher gives libtorrent's root and layer of ${size} bytes`, () => {
    const bytes = vectorContent(size);
    assertEquals(createHash("sha256").update(bytes).digest("hex"), sha256, "the content is wrong");
    for (const blockSize of blockSizes) {
      assertEquals(toHex(treeOf(bytes, blockSize).id), pieces_root, `block size ${blockSize}`);
    }
    if (layer_count === 0) return;
    const { hashes } = treeOf(bytes, 64 * KiB);
    assertEquals(hashes.length, layer_count * HASH_SIZE);
    layer_64KiB.forEach((hash, i) => {
      assertEquals(toHex(hashes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE)), hash);
    });
  });
}

Deno.test("TreeHasher gives the plain root for any length and block size", () => {
  const sizes = fc.oneof(fc.integer({ min: 1, max: 600 * KiB }), fc.constantFrom(...blockSizes));
  fc.assert(
    fc.property(sizes, fc.constantFrom(...blockSizes), (size, blockSize) => {
      const bytes = vectorContent(size);
      assertEquals(toHex(treeOf(bytes, blockSize).id), plainRoot(bytes));
    }),
    { numRuns: 40 },
  );
});

Deno.test("TreeHasher gives the same for any way of cutting the bytes", () => {
  const bytes = vectorContent(300 * KiB + 7);
  const cuts = fc.array(fc.nat({ max: bytes.length }), { maxLength: 12 });
  fc.assert(
    fc.property(cuts, fc.constantFrom(16 * KiB, 64 * KiB, 256 * KiB), (positions, blockSize) => {
      const hasher = new TreeHasher(blockSize);
      let start = 0;
      for (const end of [...positions.sort((a, b) => a - b), bytes.length]) {
        hasher.update(bytes.subarray(start, end));
        start = end;
      }
      assertEquals(hasher.digest(), treeOf(bytes, blockSize));
    }),
    { numRuns: 40 },
  );
});

Deno.test("TreeHasher gives an empty file no blocks and 32 zero bytes", () => {
  const tree = new TreeHasher(LEAF_SIZE).digest();
  assertEquals(tree, { id: new Uint8Array(32), size: 0, hashes: new Uint8Array(0) });
});

Deno.test("TreeHasher keeps more block hashes than it made room for at first", () => {
  const bytes = vectorContent(200 * LEAF_SIZE + 1);
  const { id, hashes } = treeOf(bytes, LEAF_SIZE);
  assertEquals(hashes.length, 201 * HASH_SIZE);
  assertEquals(toHex(id), plainRoot(bytes));
});

Deno.test("BlockHasher gives the hash of each block of a file, whichever came before", () => {
  const geometry = { size: 5 * 64 * KiB + 20_000, blockSize: 64 * KiB };
  const bytes = vectorContent(geometry.size);
  const { hashes } = treeOf(bytes, geometry.blockSize);
  const hasher = new BlockHasher();
  const hash = new Uint8Array(HASH_SIZE);
  for (const index of [5, 0, 3, 5, 1, 2, 4]) {
    const start = index * geometry.blockSize;
    hasher.update(bytes.subarray(start, start + sizeOfBlock(geometry, index)));
    hasher.digest(leavesBelowBlock(geometry), hash, 0);
    assertEquals(hash, hashes.slice(index * HASH_SIZE, (index + 1) * HASH_SIZE), `block ${index}`);
  }
});

Deno.test("hashesOfLeaves() gives what blocks of one leaf have", () => {
  for (const size of [0, 1, LEAF_SIZE, LEAF_SIZE + 1, 5 * LEAF_SIZE - 1]) {
    const bytes = vectorContent(size);
    assertEquals(hashesOfLeaves(bytes), treeOf(bytes, LEAF_SIZE).hashes);
  }
});

Deno.test("rootOfBlocks() of the only block is its hash, and of none zero", () => {
  const { id, hashes } = treeOf(vectorContent(50_000), 256 * KiB);
  assertEquals(id, hashes);
  assertEquals(rootOfBlocks(new Uint8Array(0), 256 * KiB, 0), new Uint8Array(HASH_SIZE));
});

Deno.test("rootOfBlocks() takes the hashes of the largest file", () => {
  const hashes = new Uint8Array(BLOCK_COUNT_MAX * HASH_SIZE).fill(1);
  const root = rootOfBlocks(hashes, BLOCK_SIZE_MAX, FILE_SIZE_MAX);
  const oneLess = hashes.subarray(HASH_SIZE);
  const other = rootOfBlocks(oneLess, BLOCK_SIZE_MAX, FILE_SIZE_MAX - BLOCK_SIZE_MAX);
  assert(toHex(root) !== toHex(other));
});

Deno.test("leavesBelowBlock() is the power of two that holds the only block, or the full width", () => {
  const leaves = (size: number, blockSize: number) => leavesBelowBlock({ size, blockSize });
  assertEquals(leaves(1, 256 * KiB), 1);
  assertEquals(leaves(LEAF_SIZE, 256 * KiB), 1);
  assertEquals(leaves(LEAF_SIZE + 1, 256 * KiB), 2);
  assertEquals(leaves(5 * LEAF_SIZE, 256 * KiB), 8);
  assertEquals(leaves(256 * KiB, 256 * KiB), 16);
  assertEquals(leaves(256 * KiB + 1, 256 * KiB), 16);
  assertEquals(leaves(40 * MiB, 4 * MiB), 256);
  assertEquals(leaves(100, LEAF_SIZE), 1);
});

Deno.test("blockSizeFor() lets size and number of blocks grow alike", () => {
  assertEquals(blockSizeFor(0), 256 * KiB);
  assertEquals(blockSizeFor(16 * MiB), 256 * KiB);
  assertEquals(blockSizeFor(16 * MiB + 1), 512 * KiB);
  assertEquals(blockSizeFor(256 * MiB), MiB);
  assertEquals(blockSizeFor(1024 * MiB), 2 * MiB);
  assertEquals(blockSizeFor(1024 * MiB + 1), 4 * MiB);
  assertEquals(blockSizeFor(FILE_SIZE_MAX), 4 * MiB);
});

Deno.test("blockCount() and sizeOfBlock() cut a file without rest", () => {
  const sizes = fc.integer({ min: 0, max: FILE_SIZE_MAX });
  fc.assert(fc.property(sizes, fc.constantFrom(...blockSizes), (size, blockSize) => {
    const count = blockCount(size, blockSize);
    if (count === 0) return assertEquals(size, 0);
    const last = sizeOfBlock({ size, blockSize }, count - 1);
    assert(last > 0 && last <= blockSize);
    assertEquals((count - 1) * blockSize + last, size);
    if (count > 1) assertEquals(sizeOfBlock({ size, blockSize }, 0), blockSize);
  }));
});

Deno.test("isGeometry() accepts powers of two and as many blocks as the limit", () => {
  for (const blockSize of blockSizes) {
    assert(isGeometry({ size: 0, blockSize }));
    assert(isGeometry({ size: blockSize * BLOCK_COUNT_MAX, blockSize }));
    assert(!isGeometry({ size: blockSize * BLOCK_COUNT_MAX + 1, blockSize }));
    assert(!isGeometry({ size: 1, blockSize: blockSize + 1 }));
  }
  for (const blockSize of [0, -LEAF_SIZE, NaN, Infinity, LEAF_SIZE / 2, BLOCK_SIZE_MAX * 2]) {
    assert(!isGeometry({ size: 1, blockSize }));
  }
  for (const size of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
    assert(!isGeometry({ size, blockSize: BLOCK_SIZE_MAX }));
  }
});
