/** Paths that are to be looked at, each at the earliest time that anybody asked for. */

export class DueLooks {
  readonly #due = new Map<string, number>();
  #nextMs = Infinity;

  /** When the next look is due; `Infinity` without one. */
  get nextMs(): number {
    return this.#nextMs;
  }

  /** When a path is due; undefined where nobody asked. */
  dueMs(path: string): number | undefined {
    return this.#due.get(path);
  }

  /** The paths that are due at some time or other. */
  paths(): Iterable<string> {
    return this.#due.keys();
  }

  add(path: string, dueMs: number): void {
    if (dueMs >= (this.#due.get(path) ?? Infinity)) return;
    this.#due.set(path, dueMs);
    this.#nextMs = Math.min(this.#nextMs, dueMs);
  }

  /** Takes the paths that are due at `nowMs`. */
  take(nowMs: number): string[] {
    const taken: string[] = [];
    this.#nextMs = Infinity;
    for (const [path, dueMs] of this.#due) {
      if (dueMs <= nowMs) taken.push(path);
      else this.#nextMs = Math.min(this.#nextMs, dueMs);
    }
    for (const path of taken) this.#due.delete(path);
    return taken;
  }
}
