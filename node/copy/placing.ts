/**
 * Does what was decided about entries, many in a batch, while others are still on their way.
 *
 * A file is given its name only some time after its last byte was written. Before, nobody else knows it; after, any
 * edit gives it another time. So its stamp stands for its bytes, and the next run need not read it.
 */

import type { Clock } from "../../protocol/ports.ts";
import type { Task } from "./decision.ts";
import type { Destination, TaskOutcome } from "./destination.ts";

/** More than what file systems take for the same time (node/platform/file_state.ts). */
const SETTLE_MS = 25;
/** Tasks of one batch. */
const BATCH_COUNT_MAX = 1024;

export interface PlacingOptions {
  readonly destination: Pick<Destination, "apply">;
  readonly clock: Clock;
  /** What became of tasks, as often as some are done. */
  readonly applied: (tasks: readonly Task[], outcomes: readonly TaskOutcome[]) => void;
  /** The folder's thread crashed. */
  readonly failed: (error: unknown) => void;
}

export class Placing {
  readonly #options: PlacingOptions;
  #waiting: Task[] = [];
  #running: Promise<void> | undefined;

  constructor(options: PlacingOptions) {
    this.#options = options;
  }

  /** Takes tasks; what becomes of each is told. */
  add(...tasks: readonly Task[]): void {
    this.#waiting.push(...tasks);
    this.#running ??= this.#run().catch(this.#options.failed).finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when nothing is to be done any more. */
  async done(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    const { destination, clock, applied } = this.#options;
    while (this.#waiting.length > 0) {
      const tasks = this.#waiting.splice(0, BATCH_COUNT_MAX);
      if (tasks.some((task) => "staged" in task)) await clock.sleep(SETTLE_MS);
      applied(tasks, await destination.apply(tasks));
    }
  }
}
