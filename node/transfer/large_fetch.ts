/**
 * Fetches one large content into a partial file.
 *
 * First its block hashes, which must lead to its id. Then, where this side has files that may be similar, it is made
 * of these as far as possible (assembly.ts). Whatever blocks are then still not right are fetched whole. Each
 * block is compared with its hash before it counts, wherever its bytes came from.
 */

import type { Bitfield } from "../../protocol/bitfield.ts";
import { sameBytes } from "../../protocol/bytes.ts";
import {
  blockCount,
  blockSizeFor,
  HASH_SIZE,
  isGeometry,
  rootOfBlocks,
  sizeOfBlock,
} from "../content/tree.ts";
import type { DiskFailure } from "../store/disk.ts";
import { askForBytes, NotFetched } from "./asking.ts";
import type { Asker } from "./asking.ts";
import { assemble } from "./assembly.ts";
import type { ArrivedContent, FetchOptions, MissingContent, WantedContent } from "./contents.ts";
import type { Growth } from "./growth.ts";
import { inWindow } from "./in_window.ts";
import type { PartialContent, Stage } from "./stage.ts";

/** Bytes of one content that are asked for, or are being verified, at once. */
const WINDOW_SIZE = 16 * 1024 * 1024;

/** What fetching a content takes. */
export interface LargeFetchContext extends FetchOptions {
  readonly connection: Asker;
  readonly stage: Stage;
  /** The local path of what a base's `path` names. */
  readonly pathOf: (path: string) => string;
}

/** Fetches a large content. Throws what ended the connection, or the signal's reason. */
export async function fetchLarge(
  want: WantedContent,
  context: LargeFetchContext,
): Promise<ArrivedContent | MissingContent> {
  try {
    return await new LargeFetch(want, context).run();
  } catch (error) {
    if (error instanceof NotFetched) return { want, reason: error.reason };
    throw error;
  }
}

/**
 * Fetches the blocks of a large content as it grows at the other side, until all are here or the growth has
 * ended. They stay in the partial file, from which `fetchLarge` goes on. Throws why it cannot go on.
 */
export async function fetchGrowing(
  want: WantedContent,
  context: LargeFetchContext,
  growth: Growth,
): Promise<void> {
  await new LargeFetch(want, context).runAhead(growth);
}

class LargeFetch {
  readonly #want: WantedContent;
  readonly #context: LargeFetchContext;
  readonly #blockSize: number;
  /** Buffers of a whole block that wait for the next one. */
  readonly #spare: ArrayBuffer[] = [];
  #bytesDone = 0;

  constructor(want: WantedContent, context: LargeFetchContext) {
    this.#want = want;
    this.#context = context;
    this.#blockSize = blockSizeFor(want.size);
  }

  async run(): Promise<ArrivedContent | MissingContent> {
    await using part = await this.#openPart();
    this.#noteBlocks(part);
    if (this.#want.bases.length > 0 && !part.have.complete) {
      const progress = () => this.#noteBlocks(part);
      await assemble(part, this.#want, { ...this.#context, progress });
    }
    await this.#fetchBlocks(part);
    const { durable } = this.#context;
    const { staged } = orThrow(await part.finish({ durable }));
    return { want: this.#want, staged };
  }

  async runAhead(growth: Growth): Promise<void> {
    await using part = await this.#openPart();
    await this.#fetchBlocks(part, growth);
  }

  async #openPart(): Promise<PartialContent> {
    const { stage, signal } = this.#context;
    const { id, size } = this.#want;
    const asked = this.#askForHashes();
    stage.expectPart({ id, size });
    return orThrow(await stage.openPart({ id, size }, await asked, signal));
  }

  async #askForHashes(): Promise<Uint8Array> {
    const { connection, signal } = this.#context;
    const { id, size } = this.#want;
    if (!isGeometry({ size, blockSize: this.#blockSize })) {
      throw new NotFetched({ error: "Cannot fetch the content: it is too large", code: "failed" });
    }
    const hashes = new Uint8Array(blockCount(size, this.#blockSize) * HASH_SIZE);
    const message = { type: "getHashes", id, size } as const;
    await askForBytes(connection, message, { type: "hashes", into: hashes, signal });
    // A content whose hashes are wrong is not there, whatever the other side has under its name.
    if (!sameBytes(rootOfBlocks(hashes, this.#blockSize, size), id)) throw new NotFetched("absent");
    return hashes;
  }

  /** Fetches what is missing; with a growth, each block as soon as it can be asked for. */
  async #fetchBlocks(part: PartialContent, growth?: Growth): Promise<void> {
    const geometry = { size: this.#want.size, blockSize: this.#blockSize };
    const sizeOf = (index: number) => sizeOfBlock(geometry, index);
    const missing = missingBlocks(part.have);
    await inWindow(growth === undefined ? missing : asTheyGrow(missing, growth), {
      windowSize: WINDOW_SIZE,
      sizeOf,
      run: async (index, signal) => {
        try {
          await this.#askForBlock(part, index, { length: sizeOf(index), signal });
        } catch (error) {
          growth?.end();
          throw error;
        }
        this.#bytesDone += sizeOf(index);
        this.#tellProgress();
      },
      signal: this.#context.signal,
    });
  }

  async #askForBlock(
    part: PartialContent,
    index: number,
    { length, signal }: { readonly length: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const { durable } = this.#context;
    const { id, size } = this.#want;
    const into = new Uint8Array(this.#spare.pop() ?? new ArrayBuffer(this.#blockSize), 0, length);
    const message = { type: "getBlock", id, size, index } as const;
    await askForBytes(this.#context.connection, message, { type: "blockData", into, signal });
    const { buffer, outcome } = await part.land(index, into.buffer, { durable });
    this.#spare.push(buffer);
    if (outcome === "bad-hash") throw new NotFetched("absent");
    if (outcome !== "landed") throw new NotFetched(outcome);
  }

  #noteBlocks({ have }: PartialContent): void {
    this.#bytesDone = have.held * this.#blockSize;
    const last = have.count - 1;
    if (have.has(last)) this.#bytesDone -= have.count * this.#blockSize - this.#want.size;
    this.#tellProgress();
  }

  #tellProgress(): void {
    this.#context.progress?.(this.#want, this.#bytesDone);
  }
}

function* missingBlocks(have: Bitfield): Generator<number> {
  for (let index = 0; index < have.count; index++) if (!have.has(index)) yield index;
}

async function* asTheyGrow(indexes: Iterable<number>, growth: Growth): AsyncGenerator<number> {
  for (const index of indexes) {
    if (!await growth.until(index)) return;
    yield index;
  }
}

function orThrow<T extends object>(result: T | DiskFailure): T {
  if ("error" in result) throw new NotFetched(result);
  return result as T;
}
