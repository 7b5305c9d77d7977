/**
 * Keeps looks and this device's own changes of the folder apart, without either waiting for the other.
 *
 * What a look found says nothing about a path that was being changed meanwhile: neither before nor after.
 * So a look notes such paths, and whoever compares it leaves them out and looks again.
 */

export class OwnChanges {
  readonly #underWay = new Map<string, number>();
  readonly #looks = new Set<Set<string>>();

  /** Paths begin to be changed. Call the answer when what became of them is saved. */
  begin(paths: readonly string[]): () => void {
    for (const path of paths) {
      this.#underWay.set(path, (this.#underWay.get(path) ?? 0) + 1);
      for (const touched of this.#looks) touched.add(path);
    }
    return () => {
      for (const path of paths) {
        const count = this.#underWay.get(path)! - 1;
        if (count === 0) this.#underWay.delete(path);
        else this.#underWay.set(path, count);
      }
    };
  }

  /** A look begins, and is over when it is disposed of. */
  watch(): Look {
    const touched = new Set(this.#underWay.keys());
    this.#looks.add(touched);
    return { touched, [Symbol.dispose]: () => this.#looks.delete(touched) };
  }
}

/** A look under way. */
export interface Look extends Disposable {
  /** Paths of which it says nothing. Grows. */
  readonly touched: ReadonlySet<string>;
}
