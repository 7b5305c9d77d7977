/** Test support, imported by tests only: made-up entries, and a network in memory. */

import { duplexPair } from "../protocol/testing.ts";
import type { Address, Duplex, Identity, Listener, Network } from "../protocol/ports.ts";
import type { AnnouncedFile } from "./registry.ts";

/** The smallest block size that there is. */
export const BLOCK_SIZE = 16 * 1024;

/** 32 bytes that are different for each number. */
export function idOf(number: number): Uint8Array {
  const id = new Uint8Array(32);
  new DataView(id.buffer).setUint32(0, number);
  return id;
}

/** A file of `blockCount` blocks of which everything is held, unless `changes` say otherwise. */
export function fileOf(number: number, changes: Partial<AnnouncedFile> = {}): AnnouncedFile {
  return {
    id: idOf(number),
    size: 8 * BLOCK_SIZE,
    name: `file-${number}`,
    blockSize: BLOCK_SIZE,
    publisher: idOf(1),
    have: new Uint8Array(0),
    ...changes,
  };
}

/** An identity whose signatures anybody could make; `verifyStub` accepts them. */
export function stubIdentity(number: number): Identity {
  const nodeId = idOf(number);
  return { nodeId, sign: () => new Uint8Array(64).fill(nodeId[3]!) };
}

/** Accepts the signatures of `stubIdentity`. */
export function verifyStub(nodeId: Uint8Array, _: Uint8Array, signature: Uint8Array): boolean {
  return signature.every((byte) => byte === nodeId[3]);
}

/** One listener, reached by whoever connects; every stream is a pair in memory. */
export class MemoryNetwork implements Network {
  #waiting: Duplex[] = [];
  #arrived = Promise.withResolvers<void>();
  #closed = false;

  connect(): Promise<Duplex> {
    if (this.#closed) return Promise.reject(new Error("connection refused"));
    const [near, far] = duplexPair();
    this.#waiting.push(far);
    this.#signal();
    return Promise.resolve(near);
  }

  listen(address: Address): Listener {
    const network = this;
    return {
      address,
      close() {
        network.#closed = true;
        network.#signal();
      },
      async *[Symbol.asyncIterator]() {
        while (!network.#closed) {
          yield* network.#waiting.splice(0);
          await network.#arrived.promise;
        }
      },
    };
  }

  #signal(): void {
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
  }
}
