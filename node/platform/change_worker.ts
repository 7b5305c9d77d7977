/** Who changes synced folders: a thread that makes the changes of a call in order, some hundred in a message. */

import type { Change, ChangeOutcome } from "../folder/live_folder.ts";
import type { ChangeJobs } from "./change_jobs.ts";
import { makeChanges } from "./change_making.ts";
import { WorkerPool } from "./worker_pool.ts";

/** What is known of a folder is believed for so many changes. */
const BATCH_COUNT_MAX = 256;

/** To start the thread takes longer than so many changes. A folder with its files is one: each of these takes a look only. */
const FEW = 32;

/**
 * Changes any number of folders in a thread of its own. It starts with the first changes that are more than a few; until
 * then they are made at once, in the thread of the caller.
 */
export class ChangeWorker implements Disposable {
  readonly #pool = new WorkerPool<ChangeJobs>({
    script: new URL("./change_thread.ts", import.meta.url),
    setup: "start",
    size: 1,
    name: "change worker",
  });
  #isClosed = false;

  /** Starts the thread ahead of the first change. */
  warmUp(): void {
    this.#pool.warmUp();
  }

  /** Makes changes in the folder at `root`, one after the other. Rejects where the thread crashes. */
  async change(root: string, changes: readonly Change[]): Promise<ChangeOutcome[]> {
    const isNeeded = this.#isClosed || this.#pool.isRunning || changes.length > FEW;
    if (!isNeeded) return makeChanges({ root, changes });
    const batches: Promise<ChangeOutcome[]>[] = [];
    for (let start = 0; start < changes.length; start += BATCH_COUNT_MAX) {
      const batch = changes.slice(start, start + BATCH_COUNT_MAX);
      batches.push(this.#pool.run("change", { root, changes: batch }));
    }
    return (await Promise.all(batches)).flat();
  }

  /** Stops the thread at once; what is under way is rejected. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#pool[Symbol.dispose]();
  }
}
