/** How far a content has come that still grows at the other side. */
export class Growth {
  #ready = 0;
  #isEnded = false;
  #changed = Promise.withResolvers<void>();

  /** The blocks before `count` are there now. */
  reach(count: number): void {
    if (count <= this.#ready) return;
    this.#ready = count;
    this.#wake();
  }

  /** Nothing more is to be fetched. */
  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  /** Waits until a block is there. False where it need not be fetched any more. */
  async until(index: number): Promise<boolean> {
    while (!this.#isEnded && index >= this.#ready) await this.#changed.promise;
    return !this.#isEnded;
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
