/**
 * A signal that is aborted together with the first of several others.
 *
 * It is what `AbortSignal.any` makes, and holds on until it is disposed of: Deno 2.7 forgets a signal of
 * `AbortSignal.any`, with its listeners, as soon as only the others refer to it, so nobody hears the abort.
 */
export class AnySignal implements Disposable {
  readonly #signals: readonly AbortSignal[];
  readonly #controller = new AbortController();

  constructor(signals: readonly AbortSignal[]) {
    this.#signals = signals;
    for (const signal of signals) signal.addEventListener("abort", this.#abort);
    this.#abort();
  }

  /** Aborted for the reason of the first that was. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From now on the others have no part in it. */
  [Symbol.dispose](): void {
    for (const signal of this.#signals) signal.removeEventListener("abort", this.#abort);
  }

  readonly #abort = (): void => {
    const first = this.#signals.find(({ aborted }) => aborted);
    if (first === undefined) return;
    this[Symbol.dispose]();
    this.#controller.abort(first.reason);
  };
}
