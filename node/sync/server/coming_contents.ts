/**
 * Tells a user's devices of large contents that one of them sends at the moment, so that the others can fetch what
 * is here already instead of waiting until all of it is stored. Which content it will be decides nothing: no entry
 * is told before the content is stored.
 */

import type { Bitfield } from "../../../protocol/bitfield.ts";
import type { Connection } from "../../../protocol/connection.ts";
import type { ContentId } from "../../transfer/contents.ts";
import type { Stage } from "../../transfer/stage.ts";

/** So many more blocks are worth telling of. */
const STEP_COUNT = 4;

export interface ComingContentsOptions {
  readonly stage: Pick<Stage, "growing">;
  /** The devices that know of everything else and wait for news. */
  readonly listeners: () => Iterable<Connection>;
}

export class ComingContents {
  readonly #options: ComingContentsOptions;
  /** How many blocks from the start on were told of, by those that are there. */
  readonly #told = new WeakMap<Bitfield, number>();

  constructor(options: ComingContentsOptions) {
    this.#options = options;
  }

  /** More of a content has come from a device. */
  grown({ id, size }: ContentId, from: Connection): void {
    const have = this.#options.stage.growing({ id, size })?.have;
    if (have === undefined) return;
    const told = this.#told.get(have) ?? 0;
    let ready = told;
    while (ready < have.count && have.has(ready)) ready++;
    if (ready === told || ready < have.count && ready - told < STEP_COUNT) return;
    this.#told.set(have, ready);
    for (const connection of this.#options.listeners()) {
      if (connection === from || connection.congested) continue;
      connection.send({ type: "coming", id, size, ready });
    }
  }
}
