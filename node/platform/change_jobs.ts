/** What travels between a `ChangeWorker` and its thread. */

import type { Change, ChangeOutcome } from "../folder/live_folder.ts";
import type { WorkerReply } from "./worker_pool.ts";

/** The one kind of job: what it is given, and what it answers. */
export interface ChangeJobs {
  change: [{ readonly root: string; readonly changes: readonly Change[] }, ChangeOutcome[]];
}

/** A job as the thread gets it. */
export interface ChangeJob {
  readonly input: ChangeJobs["change"][0];
}

/** What the thread sends back: what became of each change, in order. */
export type ChangeReply = WorkerReply<ChangeOutcome[]>;
