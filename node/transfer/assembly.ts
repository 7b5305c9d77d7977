/**
 * Makes what it can of a wanted content from files that are here and probably hold parts of it.
 *
 * First its blocks are looked for where an edit leaves them (shifts.ts): their hashes tell whether they are there,
 * and neither side cuts anything. Of the blocks around the edit their leaves are looked for at the same places
 * (leaf_search.ts). Where that leaves much missing, it is looked for piece by piece, among the bytes of the files that
 * no block was found in: the recipes of both tell which bytes they share. What was found is copied, and in the blocks
 * that it makes up in part only the bytes between are asked for.
 *
 * Each block is compared with its hash before it counts. What is not found, or turns out wrong, is fetched by whoever
 * asked for the assembly.
 */

import { PIECE_SIZE, RANGE_COUNT_MAX } from "../../protocol/content_messages.ts";
import { blockSizeFor, HASH_SIZE, LEAF_SIZE, sizeOfBlock } from "../content/tree.ts";
import { ask, askForBytes, NotFetched, wrongAnswer } from "./asking.ts";
import type { Asker, IncomingAnswer } from "./asking.ts";
import type { Recipe, WantedContent } from "./contents.ts";
import { PIECE_SIZE_MAX, pieceCountMax } from "./cutting.ts";
import { inWindow } from "./in_window.ts";
import { findLeaves } from "./leaf_search.ts";
import { inChunks, sizeOfRanges, uncovered, widened } from "./ranges.ts";
import type { Range } from "./ranges.ts";
import { gapsOf, joined, planCopies, sizeOfPieces } from "./recipe.ts";
import type { RecipeBase, RecipePart } from "./recipe.ts";
import { findShifted, likelyShifts } from "./shifts.ts";
import type { Copying, LocalContent, PartialContent, Stage } from "./stage.ts";
import { untilAllDone } from "./until_all_done.ts";

/** How many files are searched for similar bytes. */
const BASES_MAX = 8;
/** Bytes that are being cut, or asked for, at once. */
const WINDOW_SIZE = 16 * 1024 * 1024;
/** What each range costs the window besides its bytes, so that tiny ones are not asked for without end. */
const RANGE_COST = 16 * 1024;
/** The recipes of more bytes would take too much memory. */
const SEARCHED_SIZE_MAX = 64 * 1024 ** 3;
/** In a shorter stretch there is hardly a whole piece. */
const STRETCH_SIZE_MIN = 64 * 1024;
/** Bytes before and behind what is searched that are cut as well: the pieces that reach out of it end there. */
const MARGIN = PIECE_SIZE_MAX;

/** What an assembly takes. */
export interface AssemblyOptions {
  readonly connection: Asker;
  /** Reads the files. */
  readonly stage: Pick<Stage, "leafHashes" | "recipe">;
  /** The local path of what a base's `path` names. */
  readonly pathOf: (path: string) => string;
  /** Called when more blocks are right. */
  readonly progress: () => void;
  /** Whether the content is to be on the disk for good in the end. */
  readonly durable: boolean;
  readonly signal: AbortSignal;
}

/** A base in which blocks were looked for. */
interface SearchedBase {
  readonly content: LocalContent;
  /** The parts of it in which blocks were found. */
  readonly used: readonly Range[];
  /** The other ones. */
  readonly unused: readonly Range[];
}

/**
 * Fills a partial content from the bases of what is wanted, and the gaps from the other side.
 *
 * @throws {NotFetched} for what the other side or the disk refuses, and what `ask` throws.
 */
export async function assemble(
  part: PartialContent,
  want: WantedContent,
  options: AssemblyOptions,
): Promise<void> {
  const assembly = new Assembly(part, want, options);
  const bases = await assembly.findBlocks();
  if (!await assembly.findLeaves(bases)) await assembly.findPieces(bases);
}

class Assembly {
  readonly #part: PartialContent;
  readonly #want: WantedContent;
  readonly #options: AssemblyOptions;
  readonly #geometry: { readonly size: number; readonly blockSize: number };

  constructor(part: PartialContent, want: WantedContent, options: AssemblyOptions) {
    this.#part = part;
    this.#want = want;
    this.#options = options;
    this.#geometry = { size: want.size, blockSize: blockSizeFor(want.size) };
  }

  /**
   * Looks for whole blocks in one base after the other, until more than half of them are there. Answers the bases in
   * which the rest is to be looked for: those that had blocks, or all where none had any.
   */
  async findBlocks(): Promise<SearchedBase[]> {
    const searched: SearchedBase[] = [];
    const enough = this.#missingBlocks().length / 2;
    for (const base of this.#want.bases.slice(0, BASES_MAX)) {
      const missing = this.#missingBlocks();
      if (searched.length > 0 && missing.length < enough) break;
      const content = { ...base, path: this.#options.pathOf(base.path) };
      const shifts = likelyShifts(this.#geometry.size, content.size);
      const tryBlocks = (indexes: readonly number[], shift: number) =>
        this.#tryBlocks(content, indexes, shift);
      const found = await findShifted(missing, { shifts, tryBlocks });
      const used = Array.from(found, ([index, shift]) => this.#placeOf(index, shift));
      searched.push({ content, used, unused: uncovered(used, content.size) });
    }
    const similar = searched.filter(({ used }) => used.length > 0);
    return similar.length > 0 ? similar : searched;
  }

  async #tryBlocks(
    from: LocalContent,
    indexes: readonly number[],
    shift: number,
  ): Promise<readonly number[]> {
    const within = indexes.filter((index) => {
      const { offset, length } = this.#placeOf(index, shift);
      return offset >= 0 && offset + length <= from.size;
    });
    await this.#copy(within.map((index) => {
      const { offset, length } = this.#placeOf(index, shift);
      return { from, offset, length, to: offset + shift };
    }));
    return within.filter((index) => this.#part.have.has(index));
  }

  /** Where a block is in a base in which it is shifted. */
  #placeOf(index: number, shift: number): Range {
    const { blockSize } = this.#geometry;
    return { offset: index * blockSize - shift, length: sizeOfBlock(this.#geometry, index) };
  }

  /**
   * Looks for the leaves of the blocks around an edit, if all that was found is in one base, and asks for what lies
   * between them. Answers false, and changes nothing, where that would leave much that may be found as pieces.
   */
  async findLeaves([base, ...others]: readonly SearchedBase[]): Promise<boolean> {
    if (base === undefined || base.used.length === 0 || others.length > 0) return false;
    const ends = this.#missingEnds(sizeOfRanges(base.unused));
    if (sizeOfRanges(ends) > SEARCHED_SIZE_MAX) return false;
    const copies = await this.#leavesIn(base.content, this.#blocksOf(ends));
    const isLong = ({ length }: Range) => length >= STRETCH_SIZE_MIN;
    const missing = uncovered([...this.#heldRanges(), ...copies.map(placeOf)], this.#geometry.size);
    const unused = uncovered([...base.used, ...copies], base.content.size);
    if (missing.some(isLong) && unused.some(isLong)) return false;
    await this.#copy(copies);
    await this.#fillGaps(copies);
    return true;
  }

  /** Which leaves of some blocks are in a base, in their order. */
  async #leavesIn(base: LocalContent, indexes: Iterable<number>): Promise<Copying[]> {
    const { stage, signal } = this.#options;
    const shifts = likelyShifts(this.#geometry.size, base.size);
    const copies: Copying[] = [];
    await inWindow(indexes, {
      windowSize: WINDOW_SIZE,
      sizeOf: (index) => sizeOfBlock(this.#geometry, index),
      run: async (index, signal) => {
        const block = this.#placeOf(index, 0);
        const hashes = this.#askForLeaves(index, signal);
        copies.push(...await findLeaves({ block, base, shifts, stage }, hashes));
      },
      signal,
    });
    return copies.sort((a, b) => a.to - b.to);
  }

  async #askForLeaves(index: number, signal: AbortSignal): Promise<Uint8Array> {
    const { id, size } = this.#want;
    const count = Math.ceil(sizeOfBlock(this.#geometry, index) / LEAF_SIZE);
    const into = new Uint8Array(count * HASH_SIZE);
    const message = { type: "getLeaves", id, size, index } as const;
    await askForBytes(this.#options.connection, message, { type: "hashes", into, signal });
    return into;
  }

  /** Looks for the pieces of what is missing in what is unused, and asks for what lies between them. */
  async findPieces(bases: readonly SearchedBase[]): Promise<void> {
    const unusedSize = bases.reduce((sum, { unused }) => sum + sizeOfRanges(unused), 0);
    const { size } = this.#geometry;
    const wanted = widened(this.#missingEnds(unusedSize), { by: MARGIN, size });
    if (wanted.length === 0 || unusedSize === 0) return;
    if (unusedSize + sizeOfRanges(wanted) > SEARCHED_SIZE_MAX) return;
    const recipes = await untilAllDone([this.#askForRecipes(wanted), this.#baseRecipes(bases)]);
    const copies = planCopies(...recipes);
    await this.#copy(copies);
    await this.#fillGaps(copies);
  }

  /**
   * The runs of missing blocks. Of a long one both ends, as far as the bytes reach that may be found: around what was
   * inserted there is what was there before.
   */
  #missingEnds(reach: number): Range[] {
    const runs = uncovered(this.#heldRanges(), this.#geometry.size);
    return runs.flatMap(({ offset, length }) =>
      length <= 2 * reach
        ? [{ offset, length }]
        : [{ offset, length: reach }, { offset: offset + length - reach, length: reach }]
    );
  }

  /** The recipes of ranges of the wanted content, as far as what comes makes sense. */
  async #askForRecipes(ranges: readonly Range[]): Promise<RecipePart[]> {
    const parts: RecipePart[] = [];
    await inWindow(ranges, {
      windowSize: WINDOW_SIZE,
      sizeOf: ({ length }) => length,
      run: async (range, signal) => {
        const recipe = await this.#askForRecipe(range, signal);
        if (recipe !== undefined) parts.push({ offset: range.offset, recipe });
      },
      signal: this.#options.signal,
    });
    return parts.sort((a, b) => a.offset - b.offset);
  }

  /** The recipe of a range, or undefined where what came is none of it. */
  async #askForRecipe({ offset, length }: Range, signal: AbortSignal): Promise<Recipe | undefined> {
    const { id, size } = this.#want;
    const parts: Recipe[] = [];
    let [sizeSoFar, countSoFar] = [0, 0];
    const take = async ({ message, chunk, chunkSize }: IncomingAnswer) => {
      if (message.type !== "recipe" || chunkSize === 0 || chunkSize % PIECE_SIZE !== 0) {
        throw wrongAnswer(message.type);
      }
      countSoFar += chunkSize / PIECE_SIZE;
      if (countSoFar > pieceCountMax(length)) throw wrongAnswer("so long a recipe");
      const part = new Uint8Array(chunkSize);
      await chunk.readChunk(part);
      parts.push(part);
      sizeSoFar += sizeOfPieces(part);
      return sizeSoFar >= length;
    };
    const message = { type: "getRecipe", id, size, offset, length } as const;
    await ask(this.#options.connection, message, { take, signal });
    return sizeSoFar === length ? joined(parts) : undefined;
  }

  /** The recipes of what is unused. Bases that cannot be read have none. */
  async #baseRecipes(bases: readonly SearchedBase[]): Promise<RecipeBase[]> {
    const { stage, signal } = this.#options;
    const recipes: RecipeBase[] = [];
    const ranges = bases.flatMap(({ content, unused }) =>
      widened(unused, { by: MARGIN, size: content.size }).map((range) => ({ content, range }))
    );
    await inWindow(ranges, {
      windowSize: WINDOW_SIZE,
      sizeOf: ({ range }) => range.length,
      run: async ({ content, range }) => {
        const recipe = await stage.recipe(content, range);
        if (!("error" in recipe)) recipes.push({ content, offset: range.offset, recipe });
      },
      signal,
    });
    return recipes;
  }

  /** Asks for what is missing in blocks of which a part was copied. */
  async #fillGaps(copies: readonly Copying[]): Promise<void> {
    const { blocks, ranges } = gapsOf(copies, { ...this.#geometry, have: this.#part.have });
    await inWindow(inChunks(ranges, { countMax: RANGE_COUNT_MAX }), {
      windowSize: WINDOW_SIZE,
      sizeOf: (group) => sizeOfRanges(group) + group.length * RANGE_COST,
      run: (group, signal) => this.#askForRanges(group, signal),
      signal: this.#options.signal,
    });
    await this.#part.verify(blocks, this.#options.signal);
    this.#options.progress();
  }

  async #askForRanges(ranges: readonly Range[], signal: AbortSignal): Promise<void> {
    const { id, size } = this.#want;
    const into = new Uint8Array(sizeOfRanges(ranges));
    const message = { type: "getRanges", id, size, ranges } as const;
    await askForBytes(this.#options.connection, message, { type: "rangeData", into, signal });
    const { failure } = await this.#part.write(ranges, into.buffer);
    if (failure !== undefined) throw new NotFetched(failure);
  }

  async #copy(copies: readonly Copying[]): Promise<void> {
    if (copies.length === 0) return;
    const failure = await this.#part.assemble(copies, this.#options);
    if (failure !== undefined) throw new NotFetched(failure);
    this.#options.progress();
  }

  /** The blocks that ranges reach into, in order. */
  #blocksOf(ranges: readonly Range[]): Set<number> {
    const { blockSize } = this.#geometry;
    const blocks = new Set<number>();
    for (const { offset, length } of ranges) {
      for (let at = offset - offset % blockSize; at < offset + length; at += blockSize) {
        blocks.add(at / blockSize);
      }
    }
    return blocks;
  }

  #missingBlocks(): number[] {
    return this.#blocks((index) => !this.#part.have.has(index));
  }

  #heldRanges(): Range[] {
    return this.#blocks((index) => this.#part.have.has(index))
      .map((index) => this.#placeOf(index, 0));
  }

  #blocks(isMeant: (index: number) => boolean): number[] {
    const blocks: number[] = [];
    for (let index = 0; index < this.#part.have.count; index++) {
      if (isMeant(index)) blocks.push(index);
    }
    return blocks;
  }
}

/** Where what is copied goes. */
function placeOf({ to, length }: Copying): Range {
  return { offset: to, length };
}
