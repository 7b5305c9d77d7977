/**
 * The memory that blocks arrive in: a bounded number of bytes, taken before a block is read and given back
 * when it has landed. Who finds the pool empty waits in line, and with it the connection that it reads
 * from; so TCP slows the senders down instead of memory growing.
 */

interface Waiter {
  readonly size: number;
  readonly taken: PromiseWithResolvers<ArrayBuffer>;
}

export class BufferPool {
  readonly #spare = new Map<number, ArrayBuffer[]>();
  readonly #waiters: Waiter[] = [];
  #lent = 0;
  #kept = 0;

  /** A pool of `capacity` bytes; a buffer that is larger than that is lent only alone. */
  constructor(readonly capacity: number) {}

  /** Bytes that were taken and not given back. */
  get lent(): number {
    return this.#lent;
  }

  /** A buffer of exactly `size` bytes with anything in it. */
  take(size: number): ArrayBuffer | Promise<ArrayBuffer> {
    if (this.#waiters.length === 0 && this.#fits(size)) return this.#lend(size);
    const taken = Promise.withResolvers<ArrayBuffer>();
    this.#waiters.push({ size, taken });
    return taken.promise;
  }

  /** Gives a buffer back, for the next in line. */
  give(buffer: ArrayBuffer): void {
    const spare = this.#spare.get(buffer.byteLength);
    if (spare === undefined) this.#spare.set(buffer.byteLength, [buffer]);
    else spare.push(buffer);
    this.#kept += buffer.byteLength;
    this.lost(buffer.byteLength);
  }

  /** A buffer that was lent will not come back. */
  lost(size: number): void {
    this.#lent -= size;
    while (this.#waiters.length > 0 && this.#fits(this.#waiters[0]!.size)) {
      const { size, taken } = this.#waiters.shift()!;
      taken.resolve(this.#lend(size));
    }
  }

  #fits(size: number): boolean {
    return this.#lent === 0 || this.#lent + size <= this.capacity;
  }

  #lend(size: number): ArrayBuffer {
    this.#lent += size;
    const spare = this.#spare.get(size)?.pop();
    if (spare !== undefined) {
      this.#kept -= size;
      return spare;
    }
    // Spare buffers of other sizes make room, so that lent and kept together stay within the capacity.
    if (this.#lent + this.#kept > this.capacity) {
      this.#spare.clear();
      this.#kept = 0;
    }
    return new ArrayBuffer(size);
  }
}
