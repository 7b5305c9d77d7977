/**
 * What each call for contents has, wherever they come from: the tasks that get them, the results that wait for
 * whoever called, and an end that leaves nothing behind.
 */

import { AnySignal } from "../../protocol/any_signal.ts";
import type { FetchResult } from "./contents.ts";
import { ResultQueue } from "./result_queue.ts";
import type { Stage } from "./stage.ts";
import { untilAllDone } from "./until_all_done.ts";

export interface FetchCallOptions {
  /** Where contents are staged that nobody took. */
  readonly stage: Pick<Stage, "remove">;
  /** Ends the call. */
  readonly signal: AbortSignal;
}

export class FetchCall implements AsyncDisposable {
  /** Aborted as the caller's signal is, and with whatever else ends the call. */
  readonly signal: AbortSignal;
  readonly #stage: FetchCallOptions["stage"];
  readonly #stopped = new AbortController();
  readonly #queue = new ResultQueue<FetchResult>();
  /** Staged files that nobody has taken yet. */
  readonly #untaken = new Set<string>();
  #done = Promise.resolve();

  constructor({ stage, signal }: FetchCallOptions) {
    this.#stage = stage;
    // The caller's signal has no part in it any more once this call is stopped, as each is in the end.
    this.signal = new AnySignal([signal, this.#stopped.signal]).signal;
  }

  /** Results come until `fetching` is done. If it fails, so does whoever takes them. */
  start(fetching: Promise<void>): void {
    this.#done = fetching.then(() => this.#queue.finish(), (error) => this.#queue.fail(error));
  }

  /** Has the failure of a task end the call, also if nobody waits for the task by then. Answers the task. */
  watch(task: Promise<void>): Promise<void> {
    task.catch((error) => this.#stopped.abort(error));
    return task;
  }

  /** Waits for all tasks; the first that fails ends the call. */
  async allOrNone(tasks: readonly Promise<void>[]): Promise<void> {
    await untilAllDone(tasks.map((task) => this.watch(task)));
  }

  /** A file was staged, of which no result tells yet. */
  noteStaged(path: string): void {
    this.#untaken.add(path);
  }

  /** Adds results. `used` is called when all of them were taken and are needed no more. */
  add(results: readonly FetchResult[], used?: () => void): void {
    for (const result of results) if ("staged" in result) this.noteStaged(result.staged);
    this.#queue.add(results, used);
  }

  /** The results as they come. Throws what ended the whole. */
  async *results(): AsyncGenerator<FetchResult, void> {
    for await (const result of this.#queue.take()) {
      if ("staged" in result) this.#untaken.delete(result.staged);
      yield result;
    }
  }

  /** Ends what is under way and removes what nobody took. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort(new Error("the contents are not needed any more"));
    await this.#done;
    if (this.#untaken.size > 0) await this.#stage.remove([...this.#untaken]);
  }
}
