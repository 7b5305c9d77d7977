/**
 * Count, sum, mean and variance of sizes, one after the other and without keeping them (Welford 1962), and of
 * several such groups together (Chan, Golub and LeVeque 1979).
 */

/** What is known of a group of sizes. */
export interface SizeSummary {
  readonly count: number;
  /** Their sum in bytes. */
  readonly bytes: number;
  /** The mean of the squared distances from the mean, in bytes squared; 0 of none. */
  readonly variance: number;
}

export class SizeStatistics implements SizeSummary {
  count = 0;
  bytes = 0;
  #mean = 0;
  /** The sum of the squared distances from the mean. */
  #squares = 0;

  /** In bytes; 0 of none. */
  get mean(): number {
    return this.#mean;
  }

  get variance(): number {
    return this.count === 0 ? 0 : this.#squares / this.count;
  }

  add(size: number): void {
    this.count++;
    this.bytes += size;
    const distance = size - this.#mean;
    this.#mean += distance / this.count;
    this.#squares += distance * (size - this.#mean);
  }

  /** Adds a whole group. */
  addAll({ count, bytes, variance }: SizeSummary): void {
    if (count === 0) return;
    const total = this.count + count;
    const distance = bytes / count - this.#mean;
    this.#squares += variance * count + distance ** 2 * this.count * count / total;
    this.#mean += distance * count / total;
    this.count = total;
    this.bytes += bytes;
  }
}
