/**
 * Cuts contents into pieces where their bytes say so (after "A Framework for Analyzing and Improving
 * Content-Based Chunking Algorithms", K. Eshghi and H. K. Tang, 2005, with the gear hash of "Ddelta", W. Xia and
 * others, 2014).
 *
 * A candidate is a position at which the gear hash of the 32 bytes before it is very low. It becomes a cut when
 * no other candidate lies within `PIECE_SIZE_MIN` before it. So whether there is a cut somewhere depends on the
 * 16 KiB before it and on nothing else: bytes that were inserted change the cuts near them only, and the
 * parts of a file can be cut by several threads that know nothing of each other. What lies between two cuts is
 * a piece; one that would be longer than `PIECE_SIZE_MAX` is split every so many bytes from its start on.
 */

import { PIECE_SIZE } from "../../protocol/content_messages.ts";
import type { Recipe } from "./contents.ts";
import type { Range } from "./ranges.ts";
import { joined } from "./recipe.ts";

/** Bytes in a piece at least, but for the first one and the last one of a content and the rest of a split one. */
export const PIECE_SIZE_MIN = 16 * 1024;
/** Bytes in a piece at most. */
export const PIECE_SIZE_MAX = 256 * 1024;
/** Runs without a cut are split in parts of so many bytes, a multiple of the longest piece. */
const GAP_SIZE_MAX = 16 * PIECE_SIZE_MAX;

/** How many pieces `size` bytes of a content have at most. */
export function pieceCountMax(size: number): number {
  return Math.ceil(size / PIECE_SIZE_MIN) + 2;
}

/** The gear hash at a position is made of so many bytes before it: each byte moves it on by one of its bits. */
const WINDOW = 32;
/** So many bytes before a range decide on the cuts in it. */
export const CUT_LEAD = PIECE_SIZE_MIN + WINDOW;

/**
 * One in so many positions is a candidate. One in e^(16/45.5) of them has another one within 16 KiB, which
 * makes pieces of about 64 KiB.
 */
const CANDIDATE_DISTANCE = 45.5 * 1024;
/** Hashes below this are candidates. Signed, because that compares in one step. */
const CANDIDATE_BELOW = Math.round(2 ** 32 / CANDIDATE_DISTANCE) - 2 ** 31;

/** What each byte adds to the gear hash. Part of the protocol: two sides that differ here find nothing in common. */
const GEAR = gearTable();

function gearTable(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, i) => mixed(Math.imul(i + 1, 0x9e3779b9)));
}

/** The pieces of a range of a content that begin and end in it. */
export interface CutRange {
  /** The first cut in the range and the last one; undefined where there is none. */
  readonly cuts: { readonly first: number; readonly last: number } | undefined;
  /** What lies between them. */
  readonly pieces: Recipe;
}

/**
 * Cuts a range of a content.
 *
 * @param bytes The bytes of the range, after those `CUT_LEAD` bytes before it that there are.
 * @param range Cuts at its start belong to the range before, those at its end to this one.
 */
export function cutRange(bytes: Uint8Array<ArrayBuffer>, { offset, length }: Range): CutRange {
  const base = offset + length - bytes.length;
  const cuts = findCuts(bytes, offset - base);
  const first = cuts[0];
  const last = cuts.at(-1);
  if (first === undefined || last === undefined) return { cuts: undefined, pieces: NO_PIECES };
  const ranges = cuts.slice(1).flatMap((cut, i) => splitRun(cuts[i]!, cut));
  return {
    cuts: { first: base + first, last: base + last },
    pieces: piecesOf(bytes, ranges),
  };
}

const NO_PIECES: Recipe = new Uint8Array(0);

/** The pieces of a run of bytes without a cut in it. */
export function cutRun(bytes: Uint8Array<ArrayBuffer>): Recipe {
  return piecesOf(bytes, splitRun(0, bytes.length));
}

/** The cuts behind `from`, as positions in `bytes`. */
function findCuts(bytes: Uint8Array, from: number): number[] {
  const cuts: number[] = [];
  let last = -Infinity;
  for (let at = WINDOW; (at = nextCandidate(bytes, at)) !== -1; at++) {
    if (at > from && at - last >= PIECE_SIZE_MIN) cuts.push(at);
    last = at;
  }
  return cuts;
}

/** The first candidate at or behind `from`, which is at least `WINDOW`; -1 where there is none. */
function nextCandidate(bytes: Uint8Array, from: number): number {
  const gear = GEAR;
  const below = CANDIDATE_BELOW | 0;
  let hash = 0;
  let i = from - WINDOW;
  while (i < from - 1) hash = (hash << 1) + gear[bytes[i++]!]! | 0;
  // Two bytes a turn: the loop would cost more than its body.
  for (; i + 1 < bytes.length; i += 2) {
    const odd = (hash << 1) + gear[bytes[i]!]! | 0;
    hash = (odd << 1) + gear[bytes[i + 1]!]! | 0;
    if (odd < below) return i + 1;
    if (hash < below) return i + 2;
  }
  if (i < bytes.length && ((hash << 1) + gear[bytes[i]!]! | 0) < CANDIDATE_BELOW) return i + 1;
  return -1;
}

/** Splits a run of bytes without a cut in it into ranges that are not too long. */
function splitRun(start: number, end: number): Range[] {
  const ranges: Range[] = [];
  for (let offset = start; offset < end; offset += PIECE_SIZE_MAX) {
    ranges.push({ offset, length: Math.min(PIECE_SIZE_MAX, end - offset) });
  }
  return ranges;
}

function piecesOf(bytes: Uint8Array<ArrayBuffer>, ranges: readonly Range[]): Recipe {
  const recipe = new Uint8Array(ranges.length * PIECE_SIZE);
  const to = new DataView(recipe.buffer);
  const from = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  ranges.forEach((range, i) => {
    to.setUint32(i * PIECE_SIZE, range.length);
    writeFingerprint(from, range, { to, at: i * PIECE_SIZE + 4 });
  });
  return recipe;
}

/**
 * Writes 64 bits that tell one piece from another: four hashes in the manner of MurmurHash3, each over every
 * fourth word, as the processor works on all of them at once. Whoever wants to can make two pieces with the
 * same; then a block is fetched in vain.
 */
function writeFingerprint(
  from: DataView,
  { offset, length }: Range,
  { to, at }: { to: DataView; at: number },
): void {
  let [a, b, c, d] = [length, ~length, 0, 0];
  let i = offset;
  const end = offset + length;
  for (; i + 16 <= end; i += 16) {
    a = Math.imul(a ^ from.getInt32(i), 0x9e3779b1);
    b = Math.imul(b ^ from.getInt32(i + 4), 0x85ebca6b);
    c = Math.imul(c ^ from.getInt32(i + 8), 0xc2b2ae35);
    d = Math.imul(d ^ from.getInt32(i + 12), 0x27d4eb2f);
    a = a << 13 | a >>> 19;
    b = b << 15 | b >>> 17;
    c = c << 13 | c >>> 19;
    d = d << 15 | d >>> 17;
  }
  for (; i < end; i++) {
    a = Math.imul(a ^ from.getUint8(i), 0x9e3779b1);
    b = Math.imul(b ^ a >>> 15, 0x85ebca6b);
  }
  to.setInt32(at, mixed(a ^ mixed(c)));
  to.setInt32(at + 4, mixed(b ^ mixed(d)));
}

/** Spreads each bit over all of them: the finalizer of MurmurHash3 (A. Appleby). */
function mixed(value: number): number {
  value = Math.imul(value ^ value >>> 16, 0x85ebca6b);
  value = Math.imul(value ^ value >>> 13, 0xc2b2ae35);
  return value ^ value >>> 16;
}

/**
 * Puts the recipe of a content, or of a range of it, together from ranges that were cut on their own. What is
 * before the first cut in the range, and behind the last one, is cut as if the content began and ended there.
 */
export class RecipeBuilder {
  /** Where the whole range ends. */
  readonly #limit: number;
  /** Pieces that are known, and the runs between them that no range had to itself. */
  readonly #parts: (Recipe | Range)[] = [];
  #end: number;

  constructor({ offset, length }: Range) {
    this.#end = offset;
    this.#limit = offset + length;
  }

  /** Adds the next range; they come in order and leave nothing out. */
  add({ cuts, pieces }: CutRange): void {
    if (cuts === undefined) return;
    this.#parts.push({ offset: this.#end, length: cuts.first - this.#end }, pieces);
    this.#end = cuts.last;
  }

  /** Which runs are still to be cut by `cutRun`, when all ranges were added. Each is `GAP_SIZE_MAX` at most. */
  *gaps(): Generator<Range> {
    for (const part of [...this.#parts, this.#rest]) {
      if (!isRun(part)) continue;
      const end = part.offset + part.length;
      for (let offset = part.offset; offset < end; offset += GAP_SIZE_MAX) {
        yield { offset, length: Math.min(GAP_SIZE_MAX, end - offset) };
      }
    }
  }

  /** The recipe, with the pieces of the gaps in their order. */
  finish(filled: readonly Recipe[]): Recipe {
    const fillings = [...filled];
    const parts = [...this.#parts, this.#rest].flatMap((part) =>
      isRun(part) ? fillings.splice(0, Math.ceil(part.length / GAP_SIZE_MAX)) : [part]
    );
    return joined(parts);
  }

  get #rest(): Range {
    return { offset: this.#end, length: this.#limit - this.#end };
  }
}

function isRun(part: Recipe | Range): part is Range {
  return "offset" in part;
}
