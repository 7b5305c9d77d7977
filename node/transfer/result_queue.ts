/** Hands results over from those who make them, some at a time, to one who takes them one by one. */
export class ResultQueue<T> {
  readonly #groups: { readonly results: readonly T[]; readonly used: () => void }[] = [];
  #changed = Promise.withResolvers<void>();
  #end: { readonly failure: unknown } | "open" | "done" = "open";

  /** Adds results. `used` is called when all of them were taken and are needed no more. */
  add(results: readonly T[], used: () => void = () => {}): void {
    this.#groups.push({ results, used });
    this.#changed.resolve();
  }

  /** Nothing will be added any more. */
  finish(): void {
    this.#end = "done";
    this.#changed.resolve();
  }

  /** Whoever takes results learns of a failure as soon as none are left. */
  fail(failure: unknown): void {
    this.#end = { failure };
    this.#changed.resolve();
  }

  /** Yields the results until the end. Throws the failure. */
  async *take(): AsyncGenerator<T, void> {
    for (;;) {
      for (let group; (group = this.#groups.shift()) !== undefined;) {
        yield* group.results;
        group.used();
      }
      if (this.#end === "done") return;
      if (this.#end !== "open") throw this.#end.failure;
      await this.#changed.promise;
      this.#changed = Promise.withResolvers();
    }
  }
}
