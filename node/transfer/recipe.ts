/**
 * Recipes: the pieces that a content is cut into where its bytes say so (cutting.ts), so that an insertion
 * moves the pieces behind it without changing them. Two recipes tell which bytes two contents share.
 */

import { PIECE_SIZE } from "../../protocol/content_messages.ts";
import type { Bitfield } from "../../protocol/bitfield.ts";
import type { Geometry } from "../content/tree.ts";
import type { Recipe } from "./contents.ts";
import type { Range } from "./ranges.ts";
import type { Copying, LocalContent } from "./stage.ts";

/** What a range of a content is made of. */
export interface RecipePart {
  /** Where the first piece starts in the content. */
  readonly offset: number;
  readonly recipe: Recipe;
}

/** What a range of a local content is made of. */
export interface RecipeBase extends RecipePart {
  readonly content: LocalContent;
}

/** Where the pieces start in their content, and the last one ends. */
function offsetsOf({ offset, recipe }: RecipePart): Float64Array {
  const view = viewOf(recipe);
  const count = recipe.length / PIECE_SIZE;
  const offsets = new Float64Array(count + 1);
  offsets[0] = offset;
  for (let i = 0; i < count; i++) offsets[i + 1] = offsets[i]! + view.getUint32(i * PIECE_SIZE);
  return offsets;
}

/** One recipe of several, one behind the other. */
export function joined(recipes: readonly Recipe[]): Recipe {
  const whole = new Uint8Array(recipes.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const recipe of recipes) {
    whole.set(recipe, at);
    at += recipe.length;
  }
  return whole;
}

/** How many bytes of content the pieces have together. */
export function sizeOfPieces(recipe: Recipe): number {
  return offsetsOf({ offset: 0, recipe }).at(-1)!;
}

/**
 * Which bytes of a wanted content the bases have, judged by recipes: in the order of the wanted content, and as few
 * runs as that takes.
 *
 * @param wanted In order.
 */
export function planCopies(
  wanted: readonly RecipePart[],
  bases: readonly RecipeBase[],
): Copying[] {
  const known = new KnownPieces(bases);
  return wanted.flatMap((part) => copiesFor(part, known));
}

function copiesFor({ offset: start, recipe }: RecipePart, known: KnownPieces): Copying[] {
  const view = viewOf(recipe);
  const copies: Copying[] = [];
  let to = start;
  let run: Copying | undefined;
  let last: FoundPiece | undefined;
  for (let at = 0; at < recipe.length; at += PIECE_SIZE) {
    const length = view.getUint32(at);
    const found = known.find(recipe, at, last);
    const continues = found !== undefined && last !== undefined && isNext(last, found);
    if (!continues && run !== undefined) copies.push(run);
    if (found === undefined) run = undefined;
    else if (continues) run = { ...run!, length: run!.length + length };
    else {
      const { base, piece } = found;
      run = { from: base.content, offset: base.offsets[piece]!, length, to };
    }
    last = found;
    to += length;
  }
  if (run !== undefined) copies.push(run);
  return copies;
}

interface Base extends RecipeBase {
  readonly offsets: Float64Array;
}

/** The piece at a position of a base. */
interface FoundPiece {
  readonly base: Base;
  readonly piece: number;
}

function isNext(last: FoundPiece, found: FoundPiece): boolean {
  return found.base === last.base && found.piece === last.piece + 1;
}

/** The pieces of some contents, by fingerprint. Of equal ones the first counts. */
class KnownPieces {
  readonly #pieces = new Map<number, FoundPiece>();

  constructor(bases: readonly RecipeBase[]) {
    for (const part of bases) {
      const { recipe } = part;
      const base = { ...part, offsets: offsetsOf(part) };
      const view = viewOf(recipe);
      for (let at = 0; at < recipe.length; at += PIECE_SIZE) {
        const key = keyOf(view, at);
        if (!this.#pieces.has(key)) this.#pieces.set(key, { base, piece: at / PIECE_SIZE });
      }
    }
  }

  /** A piece that equals the one at `at` of `recipe`; if it can be, the one behind `last`. */
  find(recipe: Recipe, at: number, last: FoundPiece | undefined): FoundPiece | undefined {
    if (last !== undefined) {
      const next = { base: last.base, piece: last.piece + 1 };
      if (samePiece(recipe, at, next)) return next;
    }
    const found = this.#pieces.get(keyOf(viewOf(recipe), at));
    return found !== undefined && samePiece(recipe, at, found) ? found : undefined;
  }
}

function samePiece(recipe: Recipe, at: number, { base, piece }: FoundPiece): boolean {
  const start = piece * PIECE_SIZE;
  if (start >= base.recipe.length) return false;
  for (let i = 0; i < PIECE_SIZE; i++) {
    if (recipe[at + i] !== base.recipe[start + i]) return false;
  }
  return true;
}

/** As much of a fingerprint as a number holds exactly. */
function keyOf(view: DataView, at: number): number {
  return view.getUint32(at + 4) * 2 ** 21 + (view.getUint32(at + 8) >>> 11);
}

function viewOf(recipe: Recipe): DataView {
  return new DataView(recipe.buffer, recipe.byteOffset, recipe.length);
}

/** Blocks of which only a part is there, and what they lack. */
export interface Gaps {
  readonly blocks: number[];
  readonly ranges: Range[];
}

/**
 * What is missing in the blocks that copies have made up in part.
 *
 * @param copies In the order of their places, without overlaps.
 * @param have The blocks that need nothing.
 */
export function gapsOf(
  copies: readonly Copying[],
  { size, blockSize, have }: Geometry & { readonly have: Bitfield },
): Gaps {
  const gaps: Gaps = { blocks: [], ranges: [] };
  const inOrder = new CopiesInOrder(copies);
  for (let index = 0; index < have.count; index++) {
    const start = index * blockSize;
    const end = Math.min(start + blockSize, size);
    const inBlock = inOrder.within(start, end);
    if (have.has(index) || inBlock.length === 0) continue;
    gaps.blocks.push(index);
    let at = start;
    for (const copy of inBlock) {
      if (copy.to > at) gaps.ranges.push({ offset: at, length: copy.to - at });
      at = Math.min(end, endOf(copy));
    }
    if (at < end) gaps.ranges.push({ offset: at, length: end - at });
  }
  return gaps;
}

/** Hands out copies by the places that they go to, one stretch after the other. */
export class CopiesInOrder {
  readonly #copies: readonly Copying[];
  #next = 0;

  /** @param copies In the order of their places, without overlaps. */
  constructor(copies: readonly Copying[]) {
    this.#copies = copies;
  }

  /** Those that reach into a stretch, which starts behind the last one or at its end. */
  within(start: number, end: number): Copying[] {
    const copies = this.#copies;
    while (this.#next < copies.length && endOf(copies[this.#next]!) <= start) this.#next++;
    const found: Copying[] = [];
    for (let i = this.#next; i < copies.length && copies[i]!.to < end; i++) found.push(copies[i]!);
    return found;
  }
}

function endOf({ to, length }: Copying): number {
  return to + length;
}
