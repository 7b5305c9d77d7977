/**
 * Small byte arrays, carved from a larger one.
 *
 * In this runtime an array with memory of its own costs half a microsecond and 500 bytes, which was most of
 * the work of decoding a message with a few ids in it; a share of a slab costs a fifth of the time and under
 * half the memory. The price is that one share that is kept keeps its whole slab, so slabs are small. Memory
 * is never handed out twice. The `buffer` of a share belongs to others too: never transfer it.
 */

export class Slab {
  readonly #size: number;
  readonly #shareMax: number;
  #bytes: Uint8Array<ArrayBuffer>;
  #used = 0;

  /** Slabs of `size` bytes; what is larger than an eighth of one gets memory of its own. */
  constructor(size: number) {
    this.#size = size;
    this.#shareMax = size / 8;
    this.#bytes = new Uint8Array(size);
  }

  /** `size` zero bytes. */
  take(size: number): Uint8Array<ArrayBuffer> {
    if (size > this.#shareMax) return new Uint8Array(size);
    if (this.#used + size > this.#size) {
      this.#bytes = new Uint8Array(this.#size);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used = start + size;
    return this.#bytes.subarray(start, this.#used);
  }

  /** A copy of the bytes from `start` to `end`. */
  copy(bytes: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
    const size = end - start;
    const copy = this.take(size);
    if (size > this.#shareMax) copy.set(bytes.subarray(start, end));
    else for (let i = 0; i < size; i++) copy[i] = bytes[start + i]!;
    return copy;
  }
}
