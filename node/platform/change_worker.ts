/** The thread that changes synced folders: makes the changes of a call in order, some hundred in a message. */

import type { Change, ChangeOutcome } from "../sync/folder.ts";
import type { ChangeJobs } from "./change_jobs.ts";
import { WorkerPool } from "./worker_pool.ts";

/** What is known of a folder is believed for so many changes. */
const BATCH_COUNT_MAX = 256;

/** Changes any number of folders in a thread of its own, which starts with the first change. */
export class ChangeWorker implements Disposable {
  readonly #pool = new WorkerPool<ChangeJobs>({
    script: new URL("./change_thread.ts", import.meta.url),
    setup: "start",
    size: 1,
    name: "change worker",
  });

  /** Starts the thread ahead of the first change. */
  warmUp(): void {
    this.#pool.warmUp();
  }

  /** Makes changes in the folder at `root`, one after the other. Rejects where the thread crashes. */
  async change(root: string, changes: readonly Change[]): Promise<ChangeOutcome[]> {
    const batches: Promise<ChangeOutcome[]>[] = [];
    for (let start = 0; start < changes.length; start += BATCH_COUNT_MAX) {
      const batch = changes.slice(start, start + BATCH_COUNT_MAX);
      batches.push(this.#pool.run("change", { root, changes: batch }));
    }
    return (await Promise.all(batches)).flat();
  }

  /** Stops the thread at once; what is under way is rejected. */
  [Symbol.dispose](): void {
    this.#pool[Symbol.dispose]();
  }
}
