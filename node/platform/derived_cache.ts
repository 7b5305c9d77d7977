/** Remembers what was made from the bytes of large contents and would cost reading them again. */

/** How many bytes are remembered: what belongs to some hundred gigabytes of contents. */
const SIZE_MAX = 16 * 1024 * 1024;

/** Arrays by key; those that were used longest ago make room for others. */
export class DerivedCache {
  readonly #kept = new Map<string, Uint8Array<ArrayBuffer>>();
  #size = 0;

  get(key: string): Uint8Array<ArrayBuffer> | undefined {
    const found = this.#kept.get(key);
    if (found !== undefined) {
      // A map keeps the order of insertion, so what is used goes to the end.
      this.#kept.delete(key);
      this.#kept.set(key, found);
    }
    return found;
  }

  /** Remembers `bytes`, which must not change any more. */
  set(key: string, bytes: Uint8Array<ArrayBuffer>): void {
    this.#remove(key);
    this.#kept.set(key, bytes);
    this.#size += bytes.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#size <= SIZE_MAX) break;
      this.#remove(oldest);
    }
  }

  #remove(key: string): void {
    this.#size -= this.#kept.get(key)?.length ?? 0;
    this.#kept.delete(key);
  }
}
