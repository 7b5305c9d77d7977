/**
 * The files that are shared in the simulation, and their publishers with real keys.
 *
 * There are only so many, made when they are first needed and kept for all runs: to hash and sign them
 * anew for each run would be most of its work.
 */

import { KeyPair } from "../../node/content/identity.ts";
import type { Manifest } from "../../node/content/manifest.ts";
import { signBlock } from "../../node/content/signing.ts";
import { HASH_SIZE, LEAF_SIZE, TreeHasher } from "../../node/content/tree.ts";
import { randomBytes } from "../files.ts";
import type { Dice } from "./dice.ts";

/** The smallest block there is, so that a file of many blocks is still small. */
export const BLOCK_SIZE = LEAF_SIZE;

/** Edges of leaves and blocks, and a few dozen blocks; up to one block a file travels whole. */
const SIZES = [
  [0, 1, 100, LEAF_SIZE - 1, LEAF_SIZE],
  [LEAF_SIZE + 1, 2 * LEAF_SIZE, 50_000, 5 * LEAF_SIZE, 100_001],
  [12 * LEAF_SIZE - 1, 16 * LEAF_SIZE, 300_000, 33 * LEAF_SIZE + 7, 40 * LEAF_SIZE],
] as const;
const PUBLISHER_COUNT = 4;

const NAMES = [
  "a",
  "notes.txt",
  "disk image.iso",
  "films/intro.mkv",
  "a/b/c/d.bin",
  "Größe.dat",
  "🌲",
];

/** A file of the library. */
export interface LibraryFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly id: Uint8Array;
  readonly hashes: Uint8Array;
}

/** A file as a scenario shares it. */
export interface SharedFile extends LibraryFile {
  readonly name: string;
  readonly blockSize: number;
}

const library = new Map<number, LibraryFile>();
const publishers: KeyPair[] = [];
const signatures = new Map<string, Uint8Array>();

/** Up to three different files under different names, most of them of several blocks. */
export function pickFiles(dice: Dice): SharedFile[] {
  const names = dice.shuffled(NAMES);
  const sizes = new Set<number>();
  const count = dice.pick([1, 1, 2, 3]);
  while (sizes.size < count) sizes.add(dice.pick(dice.pick([...SIZES, SIZES[2]])));
  return [...sizes].map((size, i) => ({ ...libraryFileOf(size), name: names[i]! }));
}

/** The file of that size, under a name that tells it. */
export function libraryFileOf(size: number): SharedFile {
  return { ...libraryFile(size), name: `${size} bytes`, blockSize: BLOCK_SIZE };
}

/** The file's manifest as a publisher signs it. */
export function publish(file: SharedFile, publisherNumber: number): Manifest {
  const publisher = publisherKey(publisherNumber);
  const { id, name, hashes, blockSize } = file;
  const size = file.bytes.length;
  return {
    id,
    name,
    size,
    blockSize,
    publisher: publisher.nodeId,
    hashes,
    signatures: signaturesOf(file, publisherNumber),
  };
}

/** The number of a random publisher, for `publish`. */
export function pickPublisher(dice: Dice): number {
  return dice.below(PUBLISHER_COUNT);
}

function libraryFile(size: number): LibraryFile {
  let file = library.get(size);
  if (file === undefined) {
    const bytes = randomBytes(size, size);
    const hasher = new TreeHasher(BLOCK_SIZE);
    hasher.update(bytes);
    const { id, hashes } = hasher.digest();
    library.set(size, file = { bytes, id, hashes });
  }
  return file;
}

function publisherKey(number: number): KeyPair {
  return publishers[number] ??= KeyPair.fromSeed(new Uint8Array(32).fill(number + 1));
}

function signaturesOf({ id, bytes, hashes }: LibraryFile, publisherNumber: number): Uint8Array {
  const key = `${publisherNumber} ${bytes.length}`;
  let all = signatures.get(key);
  if (all === undefined) {
    const publisher = publisherKey(publisherNumber);
    const count = hashes.length / HASH_SIZE;
    all = new Uint8Array(count * 64);
    for (let index = 0; index < count; index++) {
      const hash = hashes.subarray(index * HASH_SIZE, (index + 1) * HASH_SIZE);
      all.set(signBlock(publisher, { id, size: bytes.length, index, hash }), index * 64);
    }
    signatures.set(key, all);
  }
  return all;
}
