/**
 * Remembers what was set or asked for last, by key.
 *
 * Values are in two generations. When the younger one is full, it becomes the older one, and what was in that and
 * was not asked for is forgotten, all of it at once: to look for the one oldest value with each new one costs more
 * than the value is worth.
 */

export class RecentValues<Value extends object> {
  /** How many values a generation has. */
  readonly #count: number;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  /** @param count So many values are remembered at least, and twice as many at most. */
  constructor(count: number) {
    this.#count = count;
  }

  get(key: string): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, value: Value): void {
    if (this.#young.size >= this.#count && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
