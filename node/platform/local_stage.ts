/**
 * The stage of contents on the local disk, in worker threads that any number of stages share.
 */

import type { Stage } from "../transfer/stage.ts";

export interface StageWorkersOptions {
  /** How many threads there are at most; if not given one for each processor, but 2 to 4. */
  readonly size?: number;
}

/** The threads of a process's stages. They start with the first work and end with `using`. */
export declare class StageWorkers implements Disposable {
  constructor(options?: StageWorkersOptions);
  /** Starts the threads ahead of the first work. */
  warmUp(): void;
  /**
   * A stage in the folder at `path`, which is made, and in which nothing else is kept. Removes what a crash
   * left there; partial files stay. The caller has the folder locked.
   *
   * @throws {Error} `Cannot write into PATH: reason`.
   */
  openStage(path: string): Stage;
  [Symbol.dispose](): void;
}
