/** Wakes whoever waits for something to change: look, and wait only where there is nothing to do. */

export class Bell {
  #next: PromiseWithResolvers<void> | undefined;

  /** Wakes all who wait now. */
  ring(): void {
    this.#next?.resolve();
    this.#next = undefined;
  }

  /** Resolves with the next ring. */
  get rung(): Promise<void> {
    return (this.#next ??= Promise.withResolvers<void>()).promise;
  }

  /** Rings once more when `signal` is aborted, so that nobody sleeps through it. */
  ringOn(signal: AbortSignal): void {
    signal.addEventListener("abort", () => this.ring(), { once: true });
  }
}
