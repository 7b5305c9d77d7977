/**
 * The hash tree that names a file and proves its parts: BEP 52 (BitTorrent v2).
 *
 * A file is cut into leaves of 16 KiB. The leaf hashes are SHA-256 of the bytes (the last leaf is as short
 * as the file leaves it), the tree above them is binary, and leaves missing from a power of two are 32
 * zero bytes. The root is the file's id, whatever block size is used.
 *
 * A block is a power-of-two run of leaves, so its hash is a node of that tree. In a file of several blocks
 * the last one is padded with zero leaves to the width of the others. A file of a single block is
 * padded only to the next power of two, so its block hash is the root. An empty file has no leaf and no
 * root in BEP 52; its id here is 32 zero bytes.
 */

import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { BLOCK_COUNT_MAX } from "../../protocol/bitfield.ts";
import { DIGEST_WORDS, hashPair } from "./sha256.ts";

/** Bytes in a leaf (BEP 52). */
export const LEAF_SIZE = 16 * 1024;
/** Bytes in a SHA-256 digest. */
export const HASH_SIZE = 32;
/** Bytes in the smallest block that is accepted: a single leaf. */
export const BLOCK_SIZE_MIN = LEAF_SIZE;
/** Bytes in the largest block. */
export const BLOCK_SIZE_MAX = 4 * 1024 * 1024;
/** Bytes in the largest file that can be described: 1 TiB. */
export const FILE_SIZE_MAX = BLOCK_COUNT_MAX * BLOCK_SIZE_MAX;

/** Bytes in the block of a small file. */
const BLOCK_SIZE_USUAL = 256 * 1024;
/** A larger file has one block for every so many bytes of its block size: 512 blocks of 2 MiB for 1 GiB. */
const BLOCK_SIZE_PER_BLOCK = 4 * 1024;

/** How a file is cut into blocks. */
export interface Geometry {
  /** Length of the file in bytes. */
  readonly size: number;
  /** Bytes in each block but the last. */
  readonly blockSize: number;
}

/**
 * The block size to publish a file with: 256 KiB up to 16 MiB, then blocks grow with the square root of
 * the file, and their number alike, to the 4 MiB that all files beyond 1 GiB have.
 *
 * Small blocks are passed on sooner, but each costs both sides some tenths of a millisecond whatever its
 * size: for 256 MiB in a quarter of the blocks, a download takes a quarter less of the processor.
 */
export function blockSizeFor(size: number): number {
  let blockSize = BLOCK_SIZE_USUAL;
  while (blockSize < BLOCK_SIZE_MAX && size > blockSize * (blockSize / BLOCK_SIZE_PER_BLOCK)) {
    blockSize *= 2;
  }
  return blockSize;
}

/** Whether files may be cut like this: a length in range and a power of two for the block size. */
export function isGeometry({ size, blockSize }: Geometry): boolean {
  return Number.isSafeInteger(size) && size >= 0 &&
    blockSize >= BLOCK_SIZE_MIN && blockSize <= BLOCK_SIZE_MAX &&
    Number.isInteger(Math.log2(blockSize)) && blockCount(size, blockSize) <= BLOCK_COUNT_MAX;
}

/** How many blocks a file of `size` bytes has; an empty file has none. */
export function blockCount(size: number, blockSize: number): number {
  return Math.ceil(size / blockSize);
}

/** Bytes in the block at `index`: `blockSize`, or what is left for the last one. */
export function sizeOfBlock({ size, blockSize }: Geometry, index: number): number {
  return Math.min(blockSize, size - index * blockSize);
}

/** How many leaves lie below a block hash, zero leaves included. */
export function leavesBelowBlock({ size, blockSize }: Geometry): number {
  const leaves = Math.min(size, blockSize) / LEAF_SIZE;
  return leaves <= 1 ? 1 : 2 ** levelsAbove(Math.ceil(leaves));
}

/**
 * The root over the block hashes of a whole file.
 *
 * @param hashes `blockCount(size, blockSize)` hashes of 32 bytes.
 */
export function rootOfBlocks(
  hashes: Uint8Array,
  blockSize: number,
  size: number,
): Uint8Array<ArrayBuffer> {
  const root = new Uint8Array(HASH_SIZE);
  const count = blockCount(size, blockSize);
  // Without any block the root is zero; a single block's hash is the root itself.
  if (count <= 1) {
    root.set(hashes.subarray(0, count * HASH_SIZE));
    return root;
  }
  const words = new Int32Array((count + 1) * DIGEST_WORDS);
  const view = new DataView(hashes.buffer, hashes.byteOffset, count * HASH_SIZE);
  for (let i = 0; i < count * DIGEST_WORDS; i++) words[i] = view.getInt32(4 * i);
  reduce(words, count, { level: levelsAbove(blockSize / LEAF_SIZE), height: levelsAbove(count) });
  writeDigest(words, root, 0);
  return root;
}

/**
 * The hashes of leaves, 32 bytes each.
 *
 * @param bytes The leaves one behind the other; the last one may be shorter than the others.
 */
export function hashesOfLeaves(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const hashes = new Uint8Array(Math.ceil(bytes.length / LEAF_SIZE) * HASH_SIZE);
  for (let leaf = 0; leaf * LEAF_SIZE < bytes.length; leaf++) {
    const part = bytes.subarray(leaf * LEAF_SIZE, (leaf + 1) * LEAF_SIZE);
    hashes.set(createHash("sha256").update(part).digest(), leaf * HASH_SIZE);
  }
  return hashes;
}

/**
 * Hashes one block after the other. Takes their bytes in any slices, fastest in whole leaves, and keeps
 * no more than the hashes of one block's leaves.
 */
export class BlockHasher {
  /** Hashes of the leaves so far, with room for one node of padding. */
  readonly #words = new Int32Array((BLOCK_SIZE_MAX / LEAF_SIZE + 1) * DIGEST_WORDS);
  #leafCount = 0;
  /** The leaf that a slice ended in, and how many of its bytes have come. */
  #leaf: Hash | undefined;
  #leafSize = 0;

  /** Adds the next bytes of the block: in all at least one and at most `BLOCK_SIZE_MAX`. */
  update(bytes: Uint8Array): void {
    let offset = 0;
    while (offset < bytes.length) {
      const end = Math.min(bytes.length, offset + LEAF_SIZE - this.#leafSize);
      const part = bytes.subarray(offset, end);
      if (part.length === LEAF_SIZE) this.#addLeaf(createHash("sha256").update(part));
      else this.#addPart(part);
      offset = end;
    }
  }

  /**
   * Writes the hash of the block to `into` at `offset` and starts the next block.
   *
   * @param leaves How many leaves the hash covers, see `leavesBelowBlock`; those that did not come are zero.
   */
  digest(leaves: number, into: Uint8Array, offset: number): void {
    if (this.#leaf !== undefined) this.#endLeaf(this.#leaf);
    reduce(this.#words, this.#leafCount, { level: 0, height: levelsAbove(leaves) });
    writeDigest(this.#words, into, offset);
    this.reset();
  }

  /** Forgets the bytes since the last digest. */
  reset(): void {
    this.#leafCount = 0;
    this.#leaf = undefined;
    this.#leafSize = 0;
  }

  #addPart(part: Uint8Array): void {
    this.#leaf ??= createHash("sha256");
    this.#leaf.update(part);
    this.#leafSize += part.length;
    if (this.#leafSize === LEAF_SIZE) this.#endLeaf(this.#leaf);
  }

  #endLeaf(leaf: Hash): void {
    this.#addLeaf(leaf);
    this.#leaf = undefined;
    this.#leafSize = 0;
  }

  #addLeaf(leaf: Hash): void {
    // As text, because a digest as bytes allocates a Buffer, which costs more than reading the digits.
    readDigits(leaf.digest("hex"), this.#words, this.#leafCount * DIGEST_WORDS);
    this.#leafCount++;
  }
}

/** What a `TreeHasher` found. */
export interface HashTree {
  /** BEP 52 root, 32 bytes. */
  readonly id: Uint8Array<ArrayBuffer>;
  /** Length of the file in bytes. */
  readonly size: number;
  /** Block hashes, 32 bytes each. */
  readonly hashes: Uint8Array<ArrayBuffer>;
}

/** Hashes a file whose bytes come in order, in any slices, and whose length need not be known before. */
export class TreeHasher {
  readonly #blockSize: number;
  readonly #hasher = new BlockHasher();
  #hashes = new Uint8Array(64 * HASH_SIZE);
  #size = 0;

  constructor(blockSize: number) {
    this.#blockSize = blockSize;
  }

  /** Adds the next bytes of the file. Throws a `RangeError` when there are too many blocks. */
  update(bytes: Uint8Array): void {
    let offset = 0;
    while (offset < bytes.length) {
      const room = this.#blockSize - this.#size % this.#blockSize;
      const end = Math.min(bytes.length, offset + room);
      this.#hasher.update(bytes.subarray(offset, end));
      this.#size += end - offset;
      if (end - offset === room) this.#endBlock();
      offset = end;
    }
  }

  /** The result; call it once, after the last byte. */
  digest(): HashTree {
    if (this.#size % this.#blockSize !== 0) this.#endBlock();
    const size = this.#size;
    const hashes = this.#hashes.slice(0, blockCount(size, this.#blockSize) * HASH_SIZE);
    return { id: rootOfBlocks(hashes, this.#blockSize, size), size, hashes };
  }

  #endBlock(): void {
    const geometry = { size: this.#size, blockSize: this.#blockSize };
    const count = blockCount(geometry.size, geometry.blockSize);
    if (count > BLOCK_COUNT_MAX) {
      throw new RangeError(`Cannot hash file: more than ${BLOCK_COUNT_MAX} blocks`);
    }
    if (count * HASH_SIZE > this.#hashes.length) {
      const longer = new Uint8Array(2 * this.#hashes.length);
      longer.set(this.#hashes);
      this.#hashes = longer;
    }
    this.#hasher.digest(leavesBelowBlock(geometry), this.#hashes, (count - 1) * HASH_SIZE);
  }
}

/** Height of the smallest binary tree over `count` nodes: the binary logarithm, rounded up. */
function levelsAbove(count: number): number {
  return 32 - Math.clz32(count - 1);
}

/** Hashes of the trees of zero leaves, by their height. No tree is higher than the largest file's. */
const zeroNodes = new Int32Array(
  (levelsAbove(FILE_SIZE_MAX / LEAF_SIZE) + 2) * DIGEST_WORDS,
);
for (let at = 0; at + 2 * DIGEST_WORDS < zeroNodes.length; at += DIGEST_WORDS) {
  // The pair is this node twice; the result takes the place of its second half.
  zeroNodes.copyWithin(at + DIGEST_WORDS, at, at + DIGEST_WORDS);
  hashPair(zeroNodes, at, at + DIGEST_WORDS);
}

/**
 * Reduces the `count` nodes at the front of `words` to their common ancestor, in place. The nodes are
 * roots of trees of height `level`, the ancestor is `height` levels above them, and nodes missing on the
 * right are trees of zero leaves. There must be room for one node more than `count`.
 */
function reduce(
  words: Int32Array,
  count: number,
  { level, height }: { level: number; height: number },
): void {
  for (let reached = level; reached < level + height; reached++) {
    if (count % 2 === 1) {
      const zero = reached * DIGEST_WORDS;
      words.set(zeroNodes.subarray(zero, zero + DIGEST_WORDS), count * DIGEST_WORDS);
      count++;
    }
    count /= 2;
    for (let i = 0; i < count; i++) hashPair(words, 2 * i * DIGEST_WORDS, i * DIGEST_WORDS);
  }
}

/** Reads the 64 lower-case digits of a digest into eight words. */
function readDigits(digits: string, words: Int32Array, offset: number): void {
  for (let word = 0; word < DIGEST_WORDS; word++) {
    let value = 0;
    for (let i = 8 * word; i < 8 * word + 8; i++) {
      const code = digits.charCodeAt(i);
      // "0" is 0x30 and "a" is 0x61: bit 6 tells letters, whose low bits start at 1, from digits.
      value = value << 4 | (code & 15) + (code >> 6) * 9;
    }
    words[offset + word] = value;
  }
}

/** Writes the digest in the first eight words as bytes. */
function writeDigest(words: Int32Array, into: Uint8Array, offset: number): void {
  for (let i = 0; i < DIGEST_WORDS; i++) {
    const word = words[i]!;
    into[offset + 4 * i] = word >>> 24;
    into[offset + 4 * i + 1] = word >>> 16;
    into[offset + 4 * i + 2] = word >>> 8;
    into[offset + 4 * i + 3] = word;
  }
}
