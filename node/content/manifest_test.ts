import { assertEquals, assertThrows } from "@std/assert";
import { checkManifest } from "./manifest.ts";
import type { Manifest } from "./manifest.ts";
import { LEAF_SIZE, TreeHasher } from "./tree.ts";

function manifestOf(size: number, blockSize = LEAF_SIZE): Manifest {
  const hasher = new TreeHasher(blockSize);
  hasher.update(new Uint8Array(size).fill(5));
  const { id, hashes } = hasher.digest();
  const publisher = new Uint8Array(32).fill(9);
  const signatures = new Uint8Array(hashes.length * 2);
  return { id, name: "a/b", size, blockSize, publisher, hashes, signatures };
}

function assertRefused(change: Partial<Manifest>, reason: string): void {
  const manifest = { ...manifestOf(3 * LEAF_SIZE + 1), ...change };
  assertThrows(() => checkManifest(manifest), Error, reason);
}

Deno.test("checkManifest() answers a manifest whose parts belong together", () => {
  for (const size of [0, 1, LEAF_SIZE, LEAF_SIZE + 1, 9 * LEAF_SIZE]) {
    for (const blockSize of [LEAF_SIZE, 4 * LEAF_SIZE, 256 * LEAF_SIZE]) {
      const manifest = manifestOf(size, blockSize);
      assertEquals(checkManifest(manifest), manifest);
    }
  }
});

Deno.test("checkManifest() refuses lengths and block sizes that make no file", () => {
  for (const size of [-1, 1.5, NaN, Infinity, 2 ** 60]) {
    assertRefused({ size }, "is no way to cut a file");
  }
  for (const blockSize of [0, 1, LEAF_SIZE + 1, 3 * LEAF_SIZE, 512 * LEAF_SIZE, NaN]) {
    assertRefused({ blockSize }, "is no way to cut a file");
  }
});

Deno.test("checkManifest() refuses parts of the wrong length", () => {
  const { hashes, signatures } = manifestOf(3 * LEAF_SIZE + 1);
  assertRefused({ id: new Uint8Array(31) }, "an id of 31 bytes");
  assertRefused({ publisher: new Uint8Array(33) }, "a publisher's key of 33 bytes");
  assertRefused({ hashes: hashes.subarray(1) }, "127 bytes of block hashes for 4 blocks");
  assertRefused({ hashes: new Uint8Array(0) }, "0 bytes of block hashes for 4 blocks");
  assertRefused({ signatures: signatures.subarray(64) }, "192 bytes of signatures for 4 blocks");
  assertRefused({ size: 5 * LEAF_SIZE }, "128 bytes of block hashes for 5 blocks");
});

Deno.test("checkManifest() refuses block hashes of another file", () => {
  const { hashes, id } = manifestOf(3 * LEAF_SIZE + 1);
  const changed = hashes.slice();
  changed[40]! ^= 1;
  assertRefused({ hashes: changed }, "do not belong to the file");
  assertRefused({ id: new Uint8Array(32) }, "do not belong to the file 0000");
  const empty = { size: 0, hashes: new Uint8Array(0), signatures: new Uint8Array(0) };
  assertRefused({ ...empty, id }, "do not belong to the file");
});
