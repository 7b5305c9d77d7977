/** A stream that knows whether anything was heard on it: a node that pings is alive, too. */

import type { Address, Duplex } from "../protocol/ports.ts";

export class HeardStream implements Duplex {
  readonly #stream: Duplex;
  #heard = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  get remote(): Address {
    return this.#stream.remote;
  }

  /** Whether anything was heard since the last call. */
  takeHeard(): boolean {
    const heard = this.#heard;
    this.#heard = false;
    return heard;
  }

  /** Whoever reads again has got what it waited for: that is noticed without waiting once more. */
  read(into: Uint8Array): Promise<number | null> {
    this.#heard = true;
    return this.#stream.read(into);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#stream.write(bytes);
  }

  close(): void {
    this.#stream.close();
  }
}
