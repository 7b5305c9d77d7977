/** Makes the recipe of a file, or of a range of it, in several threads at once: each cuts a part on its own. */

import type { DiskFailure } from "../store/disk.ts";
import type { Recipe } from "../transfer/contents.ts";
import { RecipeBuilder } from "../transfer/cutting.ts";
import type { Range } from "../transfer/ranges.ts";
import { inOrder } from "./in_order.ts";
import type { StageJobs } from "./stage_jobs.ts";
import type { WorkerPool } from "./worker_pool.ts";

/** Bytes that one job cuts. */
const PART_SIZE = 4 * 1024 * 1024;

/** The recipe of a range of a file as it is. Whoever asks sees to it that the file does not change meanwhile. */
export async function makeRecipe(
  path: string,
  range: Range,
  { pool, width }: { readonly pool: WorkerPool<StageJobs>; readonly width: number },
): Promise<Recipe | DiskFailure> {
  const builder = new RecipeBuilder(range);
  const cuts = inOrder(partsOf(range), width, (range) => pool.run("cutRange", { path, range }));
  for await (const cut of cuts) {
    if ("error" in cut) return cut;
    builder.add(cut);
  }
  const filled: Recipe[] = [];
  const runs = inOrder(builder.gaps(), width, (range) => pool.run("cutRun", { path, range }));
  for await (const run of runs) {
    if ("error" in run) return run;
    filled.push(run);
  }
  return builder.finish(filled);
}

function* partsOf({ offset, length }: Range): Generator<Range> {
  for (let done = 0; done < length; done += PART_SIZE) {
    yield { offset: offset + done, length: Math.min(PART_SIZE, length - done) };
  }
}
