/**
 * Finds leaves of a block in an older version of its content, where an edit leaves them.
 *
 * Of a block that an edit has changed most leaves are what they were: those before the edit where they were, those
 * behind it moved by as much as the content grew. Their hashes tell which, and nothing is cut into pieces.
 */

import { sameBytes } from "../../protocol/bytes.ts";
import { HASH_SIZE, LEAF_SIZE } from "../content/tree.ts";
import type { Range } from "./ranges.ts";
import type { Copying, LocalContent, Stage } from "./stage.ts";
import { untilAllDone } from "./until_all_done.ts";

/** A block, and where its leaves are looked for. */
export interface LeafSearch {
  /** The place of the block in its content. */
  readonly block: Range;
  readonly base: LocalContent;
  /** By how many bytes leaves may be shifted in the base. */
  readonly shifts: readonly number[];
  /** Reads the base. One that cannot be read has no leaves. */
  readonly stage: Pick<Stage, "leafHashes">;
}

/** Leaves of a block that are in the base at a certain shift, if all of the base's bytes are what they should be. */
interface Candidates {
  readonly shift: number;
  /** Number of the first leaf within the block. */
  readonly first: number;
  readonly hashes: Uint8Array;
}

/**
 * Looks for the leaves of a block.
 *
 * @param hashes Theirs, 32 bytes each; may come later than the base is read.
 * @returns Which bytes the base has, in order, as few runs as that takes.
 */
export async function findLeaves(
  search: LeafSearch,
  hashes: Promise<Uint8Array>,
): Promise<Copying[]> {
  const reading = search.shifts.map((shift) => candidatesAt(search, shift));
  const [wanted, ...candidates] = await untilAllDone([hashes, ...reading]);
  return copiesOf(search, shiftsOf(wanted, candidates));
}

async function candidatesAt(
  { block, base, stage }: LeafSearch,
  shift: number,
): Promise<Candidates> {
  const start = block.offset - shift;
  const first = Math.ceil(Math.max(0, -start) / LEAF_SIZE);
  const offset = start + first * LEAF_SIZE;
  const isWhole = start + block.length <= base.size;
  const end = isWhole ? start + block.length : base.size - (base.size - offset) % LEAF_SIZE;
  if (end <= offset) return { shift, first, hashes: new Uint8Array(0) };
  const hashes = await stage.leafHashes(base, { offset, length: end - offset });
  return { shift, first, hashes: "error" in hashes ? new Uint8Array(0) : hashes };
}

/** By how much each leaf is shifted in the base; undefined where it was not found. */
function shiftsOf(
  wanted: Uint8Array,
  candidates: readonly Candidates[],
): (number | undefined)[] {
  return Array.from({ length: wanted.length / HASH_SIZE }, (_, leaf) => {
    const expected = hashAt(wanted, leaf);
    return candidates.find(({ first, hashes }) =>
      leaf >= first && sameBytes(hashAt(hashes, leaf - first), expected)
    )?.shift;
  });
}

/** The hash of a leaf; empty where there is none. */
function hashAt(hashes: Uint8Array, leaf: number): Uint8Array {
  return hashes.subarray(leaf * HASH_SIZE, (leaf + 1) * HASH_SIZE);
}

function copiesOf(
  { block, base }: LeafSearch,
  shifts: readonly (number | undefined)[],
): Copying[] {
  const copies: Copying[] = [];
  for (const [leaf, shift] of shifts.entries()) {
    if (shift === undefined) continue;
    const to = block.offset + leaf * LEAF_SIZE;
    const length = Math.min(LEAF_SIZE, block.offset + block.length - to);
    const last = copies.at(-1);
    const continues = last !== undefined && last.to + last.length === to &&
      last.offset + last.length === to - shift;
    if (continues) copies[copies.length - 1] = { ...last, length: last.length + length };
    else copies.push({ from: base, offset: to - shift, length, to });
  }
  return copies;
}
