/**
 * Hashes and signatures that the simulation has computed before.
 *
 * Thousands of runs move the same few files about. What is hashed or verified is always the bytes at hand,
 * with the program's own functions; but a question that was asked before, byte for byte, gets the answer
 * that it got then. That makes runs cheap and changes no answer.
 */

import { Buffer } from "node:buffer";
import { toHex } from "../../protocol/bytes.ts";
import type { Manifest } from "../../node/content/manifest.ts";
import { verifyBlock } from "../../node/content/signing.ts";
import {
  BlockHasher,
  HASH_SIZE,
  leavesBelowBlock,
  sizeOfBlock,
  TreeHasher,
} from "../../node/content/tree.ts";
import type { HashTree } from "../../node/content/tree.ts";

const hasher = new BlockHasher();

/** Blocks that had the hash which their manifest says, by that hash and the leaves below it. */
const rightBlocks = new Map<string, Uint8Array>();
const trees = new Map<string, HashTree>();
const signatures = new Map<string, boolean>();

/** Whether these bytes are block `index` of the manifest's file. */
export function isRightBlock(manifest: Manifest, index: number, bytes: Uint8Array): boolean {
  if (bytes.length !== sizeOfBlock(manifest, index)) return false;
  const hash = manifest.hashes.subarray(index * HASH_SIZE, (index + 1) * HASH_SIZE);
  const leaves = leavesBelowBlock(manifest);
  const name = `${toHex(hash)}-${leaves}`;
  const known = rightBlocks.get(name);
  if (known !== undefined) return Buffer.compare(known, bytes) === 0;
  const found = new Uint8Array(HASH_SIZE);
  hasher.update(bytes);
  hasher.digest(leaves, found, 0);
  if (Buffer.compare(found, hash) !== 0) return false;
  rightBlocks.set(name, bytes.slice());
  return true;
}

/** The hash tree of a whole file. */
export function treeOf(bytes: Uint8Array, blockSize: number): HashTree {
  const name = `${blockSize} ${Buffer.from(bytes).toString("latin1")}`;
  let tree = trees.get(name);
  if (tree === undefined) {
    const hasher = new TreeHasher(blockSize);
    hasher.update(bytes);
    trees.set(name, tree = hasher.digest());
  }
  return tree;
}

/** Whether every block of the manifest is signed by its publisher. */
export function isSigned(manifest: Manifest): boolean {
  const { id, size, blockSize, publisher, hashes, signatures: signed } = manifest;
  const parts = [id, publisher, hashes, signed].map(toHex);
  const name = `${parts.join()} ${size} ${blockSize}`;
  let answer = signatures.get(name);
  if (answer === undefined) signatures.set(name, answer = verifyAll(manifest));
  return answer;
}

function verifyAll({ id, size, publisher, hashes, signatures }: Manifest): boolean {
  for (let index = 0; index * HASH_SIZE < hashes.length; index++) {
    const hash = hashes.subarray(index * HASH_SIZE, (index + 1) * HASH_SIZE);
    const signature = signatures.subarray(index * 64, (index + 1) * 64);
    if (!verifyBlock({ id, size, index, hash }, { publisher, signature })) return false;
  }
  return true;
}
