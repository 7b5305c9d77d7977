/**
 * Fetches one large content into a partial file.
 *
 * First its block hashes, which must lead to its id. Then, where this side has files that may be similar, the
 * recipes of both tell which bytes they share; these are copied here, and in the blocks that they make up in
 * part only the bytes between them are asked for. Whatever blocks are then still not right are fetched whole.
 * Each block is compared with its hash before it counts, wherever its bytes came from.
 */

import { AnySignal } from "../../protocol/any_signal.ts";
import type { Bitfield } from "../../protocol/bitfield.ts";
import { sameBytes } from "../../protocol/bytes.ts";
import { PIECE_SIZE, RANGE_COUNT_MAX } from "../../protocol/content_messages.ts";
import {
  blockCount,
  blockSizeFor,
  HASH_SIZE,
  isGeometry,
  rootOfBlocks,
  sizeOfBlock,
} from "../content/tree.ts";
import type { DiskFailure } from "../store/disk.ts";
import { ask, askForBytes, NotFetched, wrongAnswer } from "./asking.ts";
import type { Asker, IncomingAnswer } from "./asking.ts";
import { ByteBudget } from "./byte_budget.ts";
import type {
  ArrivedContent,
  FetchOptions,
  MissingContent,
  Recipe,
  WantedContent,
} from "./contents.ts";
import { pieceCountMax } from "./cutting.ts";
import { inChunks, sizeOfRanges } from "./ranges.ts";
import type { Range } from "./ranges.ts";
import { gapsOf, joined, planCopies, sizeOfPieces } from "./recipe.ts";
import type { RecipeBase } from "./recipe.ts";
import type { Copying, LocalContent, PartialContent, Stage } from "./stage.ts";
import { untilAllDone } from "./until_all_done.ts";

/** Bytes of one content that are asked for, or are being verified, at once. */
const WINDOW_SIZE = 16 * 1024 * 1024;
/** What each range costs the window besides its bytes, so that tiny ones are not asked for without end. */
const RANGE_COST = 16 * 1024;
/** The recipes of larger contents would take too much memory. */
const RECIPE_CONTENT_SIZE_MAX = 64 * 1024 ** 3;
/** How many files are searched for similar bytes. */
const BASES_MAX = 8;

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
    const { stage, signal, durable } = this.#context;
    const hashes = await this.#askForHashes();
    await using part = orThrow(await stage.openPart(this.#idOfWant, hashes, signal));
    this.#noteBlocks(part);
    if (this.#want.bases.length > 0 && !part.have.complete) await this.#assemble(part);
    await this.#fetchBlocks(part);
    const { staged } = orThrow(await part.finish({ durable }));
    return { want: this.#want, staged };
  }

  get #idOfWant() {
    const { id, size } = this.#want;
    return { id, size };
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

  /** Makes what it can of bytes that are here, and of the bytes between them. */
  async #assemble(part: PartialContent): Promise<void> {
    const { signal } = this.#context;
    if (this.#want.size > RECIPE_CONTENT_SIZE_MAX) return;
    const [wanted, bases] = await untilAllDone([this.#askForRecipe(), this.#baseRecipes()]);
    if (wanted === undefined) return;
    const copies = planCopies(wanted, bases);
    const failure = await part.assemble(copies, signal);
    if (failure !== undefined) throw new NotFetched(failure);
    this.#noteBlocks(part);
    await this.#fillGaps(part, copies);
  }

  /** The recipe of the wanted content, or undefined where what came is none of it. */
  async #askForRecipe(): Promise<Recipe | undefined> {
    const { connection, signal } = this.#context;
    const { id, size } = this.#want;
    const parts: Recipe[] = [];
    let [sizeSoFar, countSoFar] = [0, 0];
    const take = async ({ message, chunk, chunkSize }: IncomingAnswer) => {
      if (message.type !== "recipe" || chunkSize === 0 || chunkSize % PIECE_SIZE !== 0) {
        throw wrongAnswer(message.type);
      }
      countSoFar += chunkSize / PIECE_SIZE;
      if (countSoFar > pieceCountMax(size)) throw wrongAnswer("so long a recipe");
      const part = new Uint8Array(chunkSize);
      await chunk.readChunk(part);
      parts.push(part);
      sizeSoFar += sizeOfPieces(part);
      return sizeSoFar >= size;
    };
    await ask(connection, { type: "getRecipe", id, size }, { take, signal });
    return sizeSoFar === size ? joined(parts) : undefined;
  }

  /** Bases that cannot be read are none. */
  async #baseRecipes(): Promise<RecipeBase[]> {
    const { stage, pathOf } = this.#context;
    const bases = this.#want.bases.slice(0, BASES_MAX).filter(({ size }) =>
      size <= RECIPE_CONTENT_SIZE_MAX
    );
    const recipes = await untilAllDone(bases.map(async (base) => {
      const content: LocalContent = { ...base, path: pathOf(base.path) };
      return { content, recipe: await stage.recipe(content) };
    }));
    return recipes.flatMap(({ content, recipe }) => "error" in recipe ? [] : [{ content, recipe }]);
  }

  /** Asks for what is missing in blocks of which a part was copied. */
  async #fillGaps(part: PartialContent, copies: readonly Copying[]): Promise<void> {
    const { size } = this.#want;
    const geometry = { size, blockSize: this.#blockSize, have: part.have };
    const { blocks, ranges } = gapsOf(copies, geometry);
    await this.#inWindow(
      inChunks(ranges, { countMax: RANGE_COUNT_MAX }),
      (group) => sizeOfRanges(group) + group.length * RANGE_COST,
      (group, signal) => this.#askForRanges(part, group, signal),
    );
    await part.verify(blocks, this.#context.signal);
    this.#noteBlocks(part);
  }

  async #askForRanges(
    part: PartialContent,
    ranges: readonly Range[],
    signal: AbortSignal,
  ): Promise<void> {
    const { id, size } = this.#want;
    const into = new Uint8Array(sizeOfRanges(ranges));
    const message = { type: "getRanges", id, size, ranges } as const;
    await askForBytes(this.#context.connection, message, { type: "rangeData", into, signal });
    const { failure } = await part.write(ranges, into.buffer);
    if (failure !== undefined) throw new NotFetched(failure);
  }

  async #fetchBlocks(part: PartialContent): Promise<void> {
    const geometry = { size: this.#want.size, blockSize: this.#blockSize };
    const sizeOf = (index: number) => sizeOfBlock(geometry, index);
    await this.#inWindow(missingBlocks(part.have), sizeOf, async (index, signal) => {
      await this.#askForBlock(part, index, { length: sizeOf(index), signal });
      this.#bytesDone += sizeOf(index);
      this.#tellProgress();
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

  /** Does something for each item, as many at once as the window holds. The first failure ends the others. */
  async #inWindow<T>(
    items: Iterable<T>,
    sizeOf: (item: T) => number,
    run: (item: T, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const budget = new ByteBudget(WINDOW_SIZE);
    const failed = new AbortController();
    using stopping = new AnySignal([this.#context.signal, failed.signal]);
    const { signal } = stopping;
    const running = new Set<Promise<void>>();
    try {
      for (const item of items) {
        const size = sizeOf(item);
        await budget.take(size, signal);
        const task = run(item, signal).catch((error) => failed.abort(error)).finally(() => {
          running.delete(task);
          budget.give(size);
        });
        running.add(task);
      }
    } finally {
      await Promise.all(running);
    }
    signal.throwIfAborted();
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

function orThrow<T extends object>(result: T | DiskFailure): T {
  if ("error" in result) throw new NotFetched(result);
  return result as T;
}
