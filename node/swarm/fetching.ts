/**
 * The blocks of a file that is being fetched: which are held, which are missing, and who has them.
 *
 * The numbers behind "rarest first" are kept here: each partial holder's blocks count from when it joins
 * until it leaves. Complete holders do not count, see block_picker.ts.
 */

import type { Bitfield } from "../../protocol/bitfield.ts";
import type { Random } from "../../protocol/ports.ts";
import { sizeOfBlock } from "../content/tree.ts";
import { BlockPicker } from "./block_picker.ts";
import type { HeldFile } from "./catalog.ts";

/** A block that was asked for is asked for a second time when it has kept us waiting for this long. */
const OVERDUE_MS = 500;
const OVERDUE_GROWTH = 4;

/** What can be asked for blocks, as far as counting them goes. */
export interface BlockHolder {
  readonly have: Bitfield;
  /** When block `index` was asked for here, or `undefined`. */
  askedMs(index: number): number | undefined;
}

export class Fetching {
  readonly file: HeldFile;
  readonly #picker: BlockPicker;
  #heldBytes = 0;

  constructor(file: HeldFile, random: Random) {
    this.file = file;
    this.#picker = new BlockPicker(file.have, random);
    for (let index = 0; index < file.have.count; index++) {
      if (file.have.has(index)) this.landed(index);
    }
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Whether a holder of `have` has a block that nobody was asked for. */
  offers(have: Bitfield): boolean {
    return this.#picker.offers(have);
  }

  /** Takes the rarest missing block that `have` holds; with `unshared`, one that no partial holder has. */
  take(have: Bitfield, options: { readonly unshared: boolean }): number | undefined {
    return this.#picker.take(have, options);
  }

  /** A block is verified and written. */
  landed(index: number): void {
    this.#heldBytes += sizeOfBlock(this.file.manifest, index);
  }

  /** Nobody is asked for this block any more, so it is missing unless it has landed. */
  release(index: number): void {
    if (!this.file.have.has(index)) this.#picker.release(index);
  }

  joined({ have }: BlockHolder): void {
    if (!have.complete) this.#count(have, 1);
  }

  left({ have }: BlockHolder): void {
    if (!have.complete) this.#count(have, -1);
  }

  /** A holder has one more block. Throws a `ProtocolError` when there is no such block. */
  gained({ have }: BlockHolder, index: number): void {
    if (!have.add(index)) return;
    this.#picker.gained(index);
    if (have.complete) this.#count(have, -1);
  }

  /**
   * A block that `holder` has and that those who were asked for it have kept us waiting for. The more were
   * asked in vain, the longer is the wait: a block that comes twice costs others their share.
   */
  overdue(
    holder: BlockHolder,
    { others, nowMs }: { others: readonly BlockHolder[]; nowMs: number },
  ): number | undefined {
    const { have } = this.file;
    for (let index = 0; index < have.count; index++) {
      if (have.has(index) || !holder.have.has(index)) continue;
      const asked = others.map((other) => other.askedMs(index)).filter((ms) => ms !== undefined);
      if (asked.length === 0) continue;
      const waitMs = OVERDUE_MS * OVERDUE_GROWTH ** (asked.length - 1);
      if (nowMs - Math.max(...asked) >= waitMs) return index;
    }
    return undefined;
  }

  #count(have: Bitfield, change: 1 | -1): void {
    for (let index = 0; index < have.count; index++) {
      if (!have.has(index)) continue;
      if (change > 0) this.#picker.gained(index);
      else this.#picker.lost(index);
    }
  }
}
