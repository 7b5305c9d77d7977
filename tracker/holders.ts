/**
 * Who holds one file: counts, and random samples of bounded size.
 *
 * The nodes that hold at least one block stand in an array in no order, so that one is added, removed or
 * drawn in constant time. A sample is the front of a shuffle that is broken off early (Fisher and Yates,
 * in the form of Durstenfeld), done in place: each sample leaves the array in another order, and no
 * order is better than another. Nodes without a block are only counted: nobody could fetch from them.
 */

import { BODY_SIZE_MAX, HEADER_SIZE } from "../protocol/header.ts";
import { frameSize } from "../protocol/messages.ts";
import type { BodyOf } from "../protocol/messages.ts";
import type { Random } from "../protocol/ports.ts";
import type { Have } from "./have.ts";

/** A node that holds a file, and what it holds of it. */
export interface Holder {
  readonly node: { readonly nodeId: Uint8Array; readonly host: string; readonly port: number };
  /** The block size that the node's bitfields are counted in. Usually the file's. */
  blockSize: number;
  have: Have;
  /** Where it stands among the file's holders; -1 when it has no block. */
  place: number;
}

/** A holder as an answer lists it. */
export type HolderEntry = BodyOf<"holders">["holders"][number];

/** For each that a sample may hold, so many are drawn at most, whatever is wrong with those. */
const DRAWN_PER_PLACE = 4;

const EMPTY_ANSWER_SIZE = frameSize({ type: "holders", seeders: 0, leechers: 0, holders: [] });
/** Bytes that one holder takes in an answer, besides its host and its bitfield. */
const ENTRY_SIZE = frameSize({
  type: "holders",
  seeders: 0,
  leechers: 0,
  holders: [{ nodeId: new Uint8Array(32), host: "", port: 0, have: new Uint8Array(0) }],
}) - EMPTY_ANSWER_SIZE;
/** Bytes that all holders of an answer may take. The longest bitfield fits, so there is always one. */
const SAMPLE_SIZE_MAX = HEADER_SIZE + BODY_SIZE_MAX - EMPTY_ANSWER_SIZE;

export interface SampleOptions {
  /** Left out: it does not need to be told about itself. */
  readonly asker: Holder["node"] | undefined;
  /** The block size in which the asker reads bitfields. */
  readonly blockSize: number;
  /** How many holders are wanted. */
  readonly countMax: number;
  readonly random: Random;
}

export class Holders {
  /** Those who hold at least one block; each knows its place here. */
  #sources: Holder[] = [];
  #seederCount = 0;
  #idleCount = 0;

  /** How many hold every block. */
  get seederCount(): number {
    return this.#seederCount;
  }

  /** How many hold some of the blocks, or none yet. */
  get leecherCount(): number {
    return this.count - this.#seederCount;
  }

  get count(): number {
    return this.#sources.length + this.#idleCount;
  }

  add(holder: Holder): void {
    if (holder.have.extent === "none") {
      this.#idleCount++;
      return;
    }
    if (holder.have.extent === "all") this.#seederCount++;
    holder.place = this.#sources.length;
    // Most files have few holders, and the first `push` would make room for seventeen.
    if (holder.place === 0) this.#sources = [holder];
    else this.#sources.push(holder);
  }

  /** The last one takes the place of the one that goes. */
  remove(holder: Holder): void {
    if (holder.have.extent === "none") {
      this.#idleCount--;
      return;
    }
    if (holder.have.extent === "all") this.#seederCount--;
    const last = this.#sources.pop()!;
    if (last !== holder) {
      this.#sources[holder.place] = last;
      last.place = holder.place;
    }
    holder.place = -1;
  }

  /** A node has told what it holds by now. */
  update(holder: Holder, have: Have): void {
    this.remove(holder);
    holder.have = have;
    this.add(holder);
  }

  /**
   * Holders chosen at random, as many as are wanted and an answer takes. One whose bitfield has no room any
   * more is passed over for others, so a large file's answer has few partial holders and many complete ones.
   */
  sample({ asker, blockSize, countMax, random }: SampleOptions): HolderEntry[] {
    const chosen: HolderEntry[] = [];
    let room = SAMPLE_SIZE_MAX;
    const drawnMax = Math.min(this.#sources.length, DRAWN_PER_PLACE * countMax);
    for (let drawn = 0; drawn < drawnMax && chosen.length < countMax; drawn++) {
      const { node, have, blockSize: unit } = this.#draw(drawn, random);
      // A bitfield that counts in other blocks than the asker's would say the wrong thing.
      if (node === asker || (have.extent === "some" && unit !== blockSize)) continue;
      const size = ENTRY_SIZE + node.host.length + have.bits.length;
      if (size > room) continue;
      room -= size;
      chosen.push({ nodeId: node.nodeId, host: node.host, port: node.port, have: have.bits });
    }
    return chosen;
  }

  /** Picks one from `place` on at random and puts it there. */
  #draw(place: number, random: Random): Holder {
    const from = place + Math.floor(random() * (this.#sources.length - place));
    const picked = this.#sources[from]!;
    const other = this.#sources[place]!;
    this.#sources[from] = other;
    other.place = from;
    this.#sources[place] = picked;
    picked.place = place;
    return picked;
  }
}
