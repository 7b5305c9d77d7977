/**
 * Watches a folder in a thread of its own, so that watching can end.
 *
 * To close a watcher has no effect on what Deno 2.7 does: it still takes each event from the system, and resolves
 * some paths for it. That costs more than the change that the event tells of, and ends with the thread.
 */

import type { Hint } from "../folder/live_folder.ts";
import type { WatchJobs } from "./watch_jobs.ts";
import { WorkerPool } from "./worker_pool.ts";

/**
 * Yields what `watchPaths` does, until `signal` is aborted.
 *
 * @throws {Error} `Cannot watch ROOT: reason`, from the iteration, when there are no hints any more.
 */
export async function* watchInThread(root: string, signal: AbortSignal): AsyncGenerator<Hint> {
  if (signal.aborted) return;
  using pool = new WorkerPool<WatchJobs>({
    script: new URL("./watch_thread.ts", import.meta.url),
    setup: root,
    size: 1,
    name: "watcher",
  });
  const stop = () => pool[Symbol.dispose]();
  signal.addEventListener("abort", stop);
  try {
    for (;;) {
      const answer = await pool.run("next", undefined);
      if ("failure" in answer) throw new Error(answer.failure);
      yield answer.hint;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
