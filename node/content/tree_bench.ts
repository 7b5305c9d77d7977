/**
 * What names and proofs cost: the hash tree against plain SHA-256, and signatures. Aim: the tree of one
 * MiB takes no more than 1.2 times the plain hash.
 */

import { createHash } from "node:crypto";
import { KeyPair } from "./identity.ts";
import { hashPair } from "./sha256.ts";
import { signBlock, verifyBlock } from "./signing.ts";
import { BlockHasher, HASH_SIZE, LEAF_SIZE, TreeHasher } from "./tree.ts";

const mebibyte = new Uint8Array(1024 * 1024);
for (let at = 0; at < mebibyte.length; at += 65536) {
  crypto.getRandomValues(mebibyte.subarray(at, at + 65536));
}
const leaves = mebibyte.length / LEAF_SIZE;
const hasher = new BlockHasher();
const hash = new Uint8Array(HASH_SIZE);

Deno.bench("1 MiB: SHA-256", { group: "1 MiB", baseline: true }, () => {
  createHash("sha256").update(mebibyte).digest("hex");
});

Deno.bench("1 MiB: block hash", { group: "1 MiB" }, () => {
  hasher.update(mebibyte);
  hasher.digest(leaves, hash, 0);
});

Deno.bench("1 MiB: tree in slices of 10,000 bytes", { group: "1 MiB" }, () => {
  const tree = new TreeHasher(256 * 1024);
  for (let at = 0; at < mebibyte.length; at += 10_000) {
    tree.update(mebibyte.subarray(at, at + 10_000));
  }
  tree.digest();
});

const words = new Int32Array(24);

Deno.bench("pair: in place", { group: "pair", baseline: true }, () => {
  hashPair(words, 0, 16);
});

Deno.bench("pair: node:crypto", { group: "pair" }, () => {
  createHash("sha256").update(mebibyte.subarray(0, 64)).digest("hex");
});

const keys = KeyPair.generate();
const block = { id: hash, size: mebibyte.length, index: 0, hash };
const proof = { publisher: keys.nodeId, signature: signBlock(keys, block) };

Deno.bench("signature: sign", { group: "signature" }, () => {
  signBlock(keys, block);
});

Deno.bench("signature: verify", { group: "signature" }, () => {
  verifyBlock(block, proof);
});
