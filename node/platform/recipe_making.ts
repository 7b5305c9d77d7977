/** Makes the recipe of a file in several threads at once: each cuts a range on its own. */

import type { DiskFailure } from "../store/disk.ts";
import type { Recipe } from "../transfer/contents.ts";
import { RecipeBuilder } from "../transfer/cutting.ts";
import type { Range } from "../transfer/ranges.ts";
import type { LocalFile } from "../transfer/stage.ts";
import { inOrder } from "./in_order.ts";
import type { StageJobs } from "./stage_jobs.ts";
import type { WorkerPool } from "./worker_pool.ts";

/** Bytes that one job cuts. */
const RANGE_SIZE = 4 * 1024 * 1024;

/** The recipe of the file as it is found. Whoever asks sees to it that the file does not change meanwhile. */
export async function makeRecipe(
  { path, size }: LocalFile,
  { pool, width }: { readonly pool: WorkerPool<StageJobs>; readonly width: number },
): Promise<Recipe | DiskFailure> {
  const builder = new RecipeBuilder(size);
  const cuts = inOrder(rangesOf(size), width, (range) => pool.run("cutRange", { path, range }));
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

function* rangesOf(size: number): Generator<Range> {
  for (let offset = 0; offset < size; offset += RANGE_SIZE) {
    yield { offset, length: Math.min(RANGE_SIZE, size - offset) };
  }
}
