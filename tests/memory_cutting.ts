/** Cuts contents that are in memory, in one go: what the threads of a stage must come to as well. */

import type { Recipe } from "../node/transfer/contents.ts";
import { CUT_LEAD, cutRange, cutRun, RecipeBuilder } from "../node/transfer/cutting.ts";
import type { Range } from "../node/transfer/ranges.ts";

/** Cuts a whole content that is in memory. */
export function cutWhole(bytes: Uint8Array<ArrayBuffer>): Recipe {
  return cutPart(bytes, { offset: 0, length: bytes.length });
}

/** Cuts a range of a content that is in memory, with what is left over at its ends. */
export function cutPart(bytes: Uint8Array<ArrayBuffer>, range: Range): Recipe {
  const { offset, length } = range;
  const builder = new RecipeBuilder(range);
  const from = Math.max(0, offset - CUT_LEAD);
  builder.add(cutRange(bytes.subarray(from, offset + length), range));
  return builder.finish(
    [...builder.gaps()].map(({ offset, length }) =>
      cutRun(bytes.subarray(offset, offset + length))
    ),
  );
}
