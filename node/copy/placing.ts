/**
 * Does what was decided about entries, many in a batch, while others are still on their way.
 *
 * A small file is given its name only some time after its last byte was written. Before, nobody else knows it; after,
 * any edit gives it another time. So its stamp stands for its bytes, and the next run need not read it. What comes while
 * others are given their names has often waited long enough when they have them. Of a large one the stage has seen to
 * that (transfer/stage.ts).
 */

import { SMALL_SIZE_MAX } from "../../protocol/content_messages.ts";
import type { Clock } from "../../protocol/ports.ts";
import type { Task } from "./decision.ts";
import type { AppliedTask, Destination } from "./destination.ts";

/** More than what file systems take for the same time (node/platform/file_state.ts). */
const SETTLE_MS = 25;
/** Tasks of one batch. */
const BATCH_COUNT_MAX = 1024;

export interface PlacingOptions {
  readonly destination: Pick<Destination, "apply">;
  readonly clock: Clock;
  /** What became of tasks, and of each entry that they are about, as often as some are done. */
  readonly applied: (tasks: readonly Task[], outcomes: readonly AppliedTask[]) => void;
  /** The folder's thread crashed. */
  readonly failed: (error: unknown) => void;
}

/** A task, and when it may be done. */
interface Waiting {
  readonly task: Task;
  readonly dueMs: number;
}

export class Placing {
  readonly #options: PlacingOptions;
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;

  constructor(options: PlacingOptions) {
    this.#options = options;
  }

  /** Takes tasks; what becomes of each is told. */
  add(...tasks: readonly Task[]): void {
    if (tasks.length === 0) return;
    for (const task of tasks) this.#waiting.push({ task, dueMs: dueMsOf(task) });
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is to be done any more. */
  async done(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Never rejects. What is added right after the last task finds that nothing runs any more. */
  async #run(): Promise<void> {
    try {
      while (this.#waiting.length > 0) await this.#placeSome();
    } catch (error) {
      this.#options.failed(error);
    } finally {
      this.#running = undefined;
    }
  }

  async #placeSome(): Promise<void> {
    const { destination, clock, applied } = this.#options;
    const startMs = Math.max(clock.now(), this.#waiting[0]!.dueMs);
    const leftMs = startMs - clock.now();
    if (leftMs > 0) await clock.sleep(leftMs);
    const tasks = this.#takeDue(startMs);
    applied(tasks, await destination.apply(tasks));
  }

  /** The first of those that wait, as far as they may be done by then. */
  #takeDue(nowMs: number): Task[] {
    const late = this.#waiting.findIndex(({ dueMs }) => dueMs > nowMs);
    const count = Math.min(late === -1 ? this.#waiting.length : late, BATCH_COUNT_MAX);
    return this.#waiting.splice(0, count).map(({ task }) => task);
  }
}

/** When a task may be done: those that files have come for, some time after the last of these. */
function dueMsOf(task: Task): number {
  const last = task.kind === "folder" ? task.files.at(-1)! : task;
  return last.kind === "fetch" && last.want.size <= SMALL_SIZE_MAX ? last.cameMs + SETTLE_MS : 0;
}
