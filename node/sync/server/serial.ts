/** Runs tasks one after the other, in the order in which they came. */

export class Serial {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `task` when all before it have ended, however they did. Rejects as it does. */
  run<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => {});
    return result;
  }

  /** Resolves when all tasks so far have ended. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
