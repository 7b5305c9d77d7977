/** What travels between whoever watches a folder and the thread that does it. */

import type { Hint } from "../folder/live_folder.ts";

/** The next hint, or why there are none any more. */
export type WatchAnswer = { readonly hint: Hint } | { readonly failure: string };

/** The one kind of job. The thread is told the folder's root first. */
export interface WatchJobs {
  next: [undefined, WatchAnswer];
}
