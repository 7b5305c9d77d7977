/**
 * A fingerprint of a run: everything that passes over the network and everything that is logged, in order
 * and with its time. Two runs of one seed must leave the same one.
 */

export class Trace {
  #low = 0x811c9dc5 | 0;
  #high = 0x1000193 | 0;

  /** Mixes an integer in (FNV-1a over words, twice with different primes). */
  add(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x01000193);
    this.#high = Math.imul(this.#high ^ value, 0x85ebca6b) ^ (this.#high >>> 13);
  }

  addText(text: string): void {
    for (let i = 0; i < text.length; i++) this.add(text.charCodeAt(i));
  }

  toString(): string {
    const hex = (half: number) => (half >>> 0).toString(16).padStart(8, "0");
    return hex(this.#high) + hex(this.#low);
  }
}
