/** Bounds how much is under way at once, in bytes. Who finds the budget spent waits in line. */
export class ByteBudget {
  readonly #size: number;
  readonly #waiting: { readonly size: number; readonly taken: PromiseWithResolvers<void> }[] = [];
  #spent = 0;

  /** @param size In bytes. More than that is granted only alone. */
  constructor(size: number) {
    this.#size = size;
  }

  /** Takes so many bytes of the budget as soon as they are free. Rejects with the signal's reason. */
  async take(size: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#waiting.length === 0 && this.#fits(size)) {
      this.#spent += size;
      return;
    }
    const turn = { size, taken: Promise.withResolvers<void>() };
    this.#waiting.push(turn);
    const abort = () => {
      const at = this.#waiting.indexOf(turn);
      if (at === -1) return;
      this.#waiting.splice(at, 1);
      turn.taken.reject(signal.reason);
      this.#grant();
    };
    signal.addEventListener("abort", abort, { once: true });
    try {
      await turn.taken.promise;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Gives bytes back that were taken. */
  give(size: number): void {
    this.#spent -= size;
    this.#grant();
  }

  #grant(): void {
    while (this.#waiting.length > 0 && this.#fits(this.#waiting[0]!.size)) {
      const { size, taken } = this.#waiting.shift()!;
      this.#spent += size;
      taken.resolve();
    }
  }

  #fits(size: number): boolean {
    return this.#spent === 0 || this.#spent + size <= this.#size;
  }
}
