/**
 * Finds the blocks of a content in an older version of it, by how far they moved.
 *
 * Most edits leave the bytes before them where they were, and move those behind them by as much as the content grew.
 * Whether the bytes at such a place are a block of the content its hash tells, so nobody has to cut anything into
 * pieces to find them. Some blocks are tried first, as samples. What lies between two of them is tried only where
 * one of the two was found, so a base that has nothing in common with the content costs little.
 */

/**
 * Tries whether blocks are in the base `shift` bytes before their place in the content, and answers which are.
 * Those need not be looked for any more.
 */
export type TryBlocks = (indexes: readonly number[], shift: number) => Promise<readonly number[]>;

/**
 * Looks for blocks in a base.
 *
 * @param wanted Which blocks, in order.
 * @param shifts By how many bytes they may be shifted.
 * @returns The shift of each block that was found.
 */
export async function findShifted(
  wanted: readonly number[],
  { shifts, tryBlocks }: { readonly shifts: readonly number[]; readonly tryBlocks: TryBlocks },
): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  const tryAt = async (shift: number, indexes: readonly number[]) => {
    const left = indexes.filter((index) => !found.has(index));
    if (left.length === 0) return;
    for (const index of await tryBlocks(left, shift)) found.set(index, shift);
  };
  const last = wanted.length - 1;
  // As many samples as there are blocks between two of them: where there was one edit, both are tried in vain.
  const distance = Math.ceil(Math.sqrt(wanted.length));
  const isSample = (at: number) => at % distance === 0 || at === last;
  const isNear = (at: number, shift: number) => {
    const before = at - at % distance;
    const behind = Math.min(before + distance, last);
    return [before, behind].some((sample) => found.get(wanted[sample]!) === shift);
  };
  // Where one in the middle is most of the others are. What is tried elsewhere first is read and hashed in vain.
  const middle = distance * Math.floor(wanted.length / 2 / distance);
  for (const shift of shifts) await tryAt(shift, wanted.slice(middle, middle + 1));
  const likely = found.get(wanted[middle]!);
  const ordered = shifts.toSorted((a, b) => Number(b === likely) - Number(a === likely));
  const others = wanted.filter((_, at) => isSample(at) && at !== middle);
  for (const shift of ordered) await tryAt(shift, others);
  for (const shift of ordered) {
    await tryAt(shift, wanted.filter((_, at) => !isSample(at) && isNear(at, shift)));
  }
  return found;
}

/** By how many bytes blocks are shifted in an older version that had `baseSize` bytes, if there was one edit. */
export function likelyShifts(size: number, baseSize: number): number[] {
  return size === baseSize ? [0] : [0, size - baseSize];
}
