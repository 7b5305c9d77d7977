/** The thread that changes synced folders: makes the changes of a call in order, some hundred at a time. */

import type { Change, ChangeOutcome } from "../sync/folder.ts";

/** Changes folders in a thread of its own, which starts with the first change. */
export declare class ChangeWorker implements Disposable {
  constructor();
  /** Starts the thread ahead of the first change. */
  warmUp(): void;
  /** Makes changes in the folder at `root`, one after the other. */
  change(root: string, changes: readonly Change[]): Promise<ChangeOutcome[]>;
  [Symbol.dispose](): void;
}
