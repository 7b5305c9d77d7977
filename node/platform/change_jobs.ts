/** What travels between a `ChangeWorker` and its thread. */

import type { Change, ChangeOutcome } from "../folder/live_folder.ts";
import type { WorkerReply } from "./worker_pool.ts";

/** The one kind of job: what it is given, and what it answers. */
export interface ChangeJobs {
  change: [{ readonly root: string; readonly changes: readonly Change[] }, ChangeOutcome[]];
}

export interface ChangeJob {
  readonly input: ChangeJobs["change"][0];
}

export type ChangeReply = WorkerReply<ChangeOutcome[]>;
