/** What a source of trees works with, on the local disk: what it offers, and the threads that read and hash it. */

import type { ServedFolder } from "../command/world.ts";
import { StageWorkers } from "./local_stage.ts";
import { openSourceFolder } from "./source_folder.ts";

/** Threads that start before anybody can connect: while one starts, nobody is answered. Others start with the work. */
const READY_COUNT = 2;

/**
 * Opens the folder or file at `path` to be served.
 *
 * @param workerCount How many threads there are at most; if not given one for each processor.
 * @throws {Error} `Cannot serve PATH: reason`.
 */
export async function openServedFolder(
  path: string,
  workerCount = navigator.hardwareConcurrency,
): Promise<ServedFolder> {
  const folder = await openSourceFolder(path);
  const workers = new StageWorkers({ size: workerCount });
  workers.warmUp(READY_COUNT);
  return {
    folder,
    contents: workers.openReader(folder.root),
    workerCount,
    [Symbol.dispose]: () => workers[Symbol.dispose](),
  };
}
