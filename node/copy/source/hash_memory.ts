/**
 * Remembers which content a file had when it had a stamp, for very many files in little memory: 48 bytes each.
 *
 * Files are told apart by a fingerprint of path and stamp, 128 bits that depend on a secret, in a hash table
 * with open addressing (linear probing). If two files ever had the same one, the wrong content would be
 * listed for the second, and whoever copied it would find that out. When the table is full it becomes the old
 * one, which new ones are no longer added to, and the one that was old before is forgotten: what was asked for
 * lately stays.
 */

import type { Random } from "../../../protocol/ports.ts";
import { HASH_SIZE } from "../../content/tree.ts";

/** 32-bit words in a fingerprint. */
const WORDS = 4;
/** Slots of a table that has just been made. */
const SLOTS_START = 1024;
/** A table that is fuller than this gives way to one of twice the size. */
const LOAD_MAX = 0.75;

/** A file in one state. */
export interface FileVersion {
  readonly path: string;
  readonly stamp: string;
}

export interface HashMemoryOptions {
  /** How many files are remembered at most; a power of two. */
  readonly countMax: number;
  /** For the secret. */
  readonly random: Random;
}

export class HashMemory {
  readonly #countMax: number;
  readonly #seeds: Int32Array;
  readonly #print = new Int32Array(WORDS);
  #young = new Table(SLOTS_START);
  #old: Table | undefined;

  constructor({ countMax, random }: HashMemoryOptions) {
    this.#countMax = countMax;
    this.#seeds = Int32Array.from({ length: WORDS }, () => random() * 2 ** 32);
  }

  /** The id of the content that the file has, if that is known. */
  get(file: FileVersion): Uint8Array | undefined {
    this.#fingerprint(file);
    const id = this.#young.get(this.#print);
    if (id !== undefined) return id;
    const old = this.#old?.get(this.#print);
    if (old !== undefined) this.#add(old);
    return old;
  }

  /** Remembers the id of the file's content. */
  set(file: FileVersion, id: Uint8Array): void {
    this.#fingerprint(file);
    this.#add(id);
  }

  #add(id: Uint8Array): void {
    if (this.#young.count >= this.#countMax / 2) {
      this.#old = this.#young;
      this.#young = new Table(SLOTS_START);
    } else if (this.#young.isFull) this.#young = this.#young.grown();
    this.#young.set(this.#print, id);
  }

  /** Mixes the text into four words, each in a way of its own (as MurmurHash3 does, A. Appleby). */
  #fingerprint({ path, stamp }: FileVersion): void {
    let [a, b, c, d] = this.#seeds as unknown as [number, number, number, number];
    const add = (unit: number) => {
      a = Math.imul(a ^ unit, 0xcc9e2d51) ^ (d >>> 15);
      b = Math.imul(b ^ unit, 0x1b873593) ^ (a >>> 13);
      c = Math.imul(c + unit, 0x85ebca6b) ^ (b >>> 16);
      d = Math.imul(d + unit, 0xc2b2ae35) ^ (c >>> 14);
    };
    for (let i = 0; i < path.length; i++) add(path.charCodeAt(i));
    add(-1);
    for (let i = 0; i < stamp.length; i++) add(stamp.charCodeAt(i));
    for (let round = 0; round < WORDS; round++) add(path.length);
    // A slot that begins with 0 is empty.
    this.#print[0] = a === 0 ? 1 : a;
    this.#print[1] = b;
    this.#print[2] = c;
    this.#print[3] = d;
  }
}

/** Fingerprints and the ids that belong to them. */
class Table {
  count = 0;
  readonly #mask: number;
  readonly #prints: Int32Array;
  readonly #ids: Uint8Array;

  /** @param slots A power of two. */
  constructor(slots: number) {
    this.#mask = slots - 1;
    this.#prints = new Int32Array(slots * WORDS);
    this.#ids = new Uint8Array(slots * HASH_SIZE);
  }

  get isFull(): boolean {
    return this.count >= (this.#mask + 1) * LOAD_MAX;
  }

  get(print: Int32Array): Uint8Array | undefined {
    const slot = this.#find(print);
    if (this.#prints[slot * WORDS] === 0) return undefined;
    return this.#ids.slice(slot * HASH_SIZE, (slot + 1) * HASH_SIZE);
  }

  set(print: Int32Array, id: Uint8Array): void {
    const slot = this.#find(print);
    if (this.#prints[slot * WORDS] === 0) this.count++;
    this.#prints.set(print, slot * WORDS);
    this.#ids.set(id, slot * HASH_SIZE);
  }

  /** A table of twice the size with the same in it. */
  grown(): Table {
    const larger = new Table(2 * (this.#mask + 1));
    for (let slot = 0; slot <= this.#mask; slot++) {
      const print = this.#prints.subarray(slot * WORDS, (slot + 1) * WORDS);
      if (print[0] !== 0) {
        larger.set(print, this.#ids.subarray(slot * HASH_SIZE, (slot + 1) * HASH_SIZE));
      }
    }
    return larger;
  }

  /** The slot with the fingerprint, or the empty one where it would be. */
  #find(print: Int32Array): number {
    const prints = this.#prints;
    let slot = print[0]! & this.#mask;
    for (;; slot = (slot + 1) & this.#mask) {
      const at = slot * WORDS;
      if (prints[at] === 0) return slot;
      if (
        prints[at] === print[0] && prints[at + 1] === print[1] &&
        prints[at + 2] === print[2] && prints[at + 3] === print[3]
      ) return slot;
    }
  }
}
