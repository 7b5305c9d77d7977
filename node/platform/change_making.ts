/** Makes changes in a synced folder, in whatever thread it is called. */

import { ChangeSteps } from "../folder/change_steps.ts";
import type { ChangeOutcome } from "../folder/live_folder.ts";
import type { ChangeJobs } from "./change_jobs.ts";
import { fileCalls } from "./file_calls.ts";
import { finish } from "./finish.ts";

/** Makes the changes one after the other. What goes wrong with one is its outcome. */
export function makeChanges({ root, changes }: ChangeJobs["change"][0]): ChangeOutcome[] {
  const steps = new ChangeSteps(root, fileCalls);
  return changes.map((change) => finish(steps.make(change)));
}
