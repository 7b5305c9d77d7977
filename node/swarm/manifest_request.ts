/**
 * Fetches a file's manifest from a peer and checks that it is one: its hashes must lead to the file's id.
 * Whether the signatures are the publisher's is the disk's work, which has threads for it.
 */

import { checkManifest } from "../content/manifest.ts";
import type { Manifest } from "../content/manifest.ts";
import { blockCount, HASH_SIZE, isGeometry } from "../content/tree.ts";
import { SIGNATURE_SIZE } from "../content/identity.ts";
import { unexpected } from "../../protocol/connection.ts";
import type { ChunkReader } from "../../protocol/frame_reader.ts";
import { SIGNED_HASH_SIZE } from "../../protocol/messages.ts";
import type { Message, MessageOf } from "../../protocol/messages.ts";
import { checkName } from "../../protocol/path.ts";
import type { FileId } from "./catalog.ts";
import type { Link } from "./link.ts";

/** A peer sent something that it cannot have believed itself. */
export class PeerLied extends Error {
  override readonly name = "PeerLied";
}

/** Rejects with `PeerLied` for a manifest that is none, else as `Connection.request` does. */
export function requestManifest(link: Link, file: FileId): Promise<Manifest> {
  const { promise, resolve, reject } = Promise.withResolvers<Manifest>();
  const arriving = new ArrivingManifest(file);
  const { id, size } = file;
  link.connection.ask({ type: "getManifest", id, size }, {
    answer: async (message, chunk, chunkSize) => {
      try {
        if (!await arriving.add(message, chunk, chunkSize)) return false;
        resolve(arriving.manifest());
      } catch (reason) {
        reject(reason);
        if (!(reason instanceof PeerLied)) throw reason;
      }
      return true;
    },
    failed: reject,
  });
  return promise;
}

class ArrivingManifest {
  readonly #file: FileId;
  #head: MessageOf<"manifest"> | undefined;
  #hashes = new Uint8Array(0);
  #signatures = new Uint8Array(0);
  #blockCount = 0;
  #arrivedCount = 0;

  constructor(file: FileId) {
    this.#file = file;
  }

  /** Takes one answer; true when the manifest is whole. */
  async add(message: Message, chunk: ChunkReader, chunkSize: number): Promise<boolean> {
    if (message.type === "manifest" && this.#head === undefined) this.#begin(message);
    else if (message.type !== "manifestPart" || this.#head === undefined) throw unexpected(message);
    const count = chunkSize / SIGNED_HASH_SIZE;
    const left = this.#blockCount - this.#arrivedCount;
    if (!Number.isInteger(count) || count > left || (count === 0 && left > 0)) {
      throw new PeerLied(`sent a manifest page of ${chunkSize} bytes`);
    }
    const page = new Uint8Array(chunkSize);
    await chunk.readChunk(page);
    this.#split(page, count);
    return this.#arrivedCount === this.#blockCount;
  }

  manifest(): Manifest {
    const { name, blockSize, publisher } = this.#head!;
    const { id, size } = this.#file;
    const hashes = this.#hashes;
    const signatures = this.#signatures;
    try {
      checkName(name);
      return checkManifest({ id, size, name, blockSize, publisher, hashes, signatures });
    } catch (reason) {
      throw new PeerLied(`sent a false manifest: ${(reason as Error).message}`);
    }
  }

  /** The size was known before, so this peer cannot make the node allocate more than the file needs. */
  #begin(head: MessageOf<"manifest">): void {
    const { size } = this.#file;
    if (!isGeometry({ size, blockSize: head.blockSize })) {
      throw new PeerLied(`sent a manifest with blocks of ${head.blockSize} bytes`);
    }
    this.#head = head;
    this.#blockCount = blockCount(size, head.blockSize);
    this.#hashes = new Uint8Array(this.#blockCount * HASH_SIZE);
    this.#signatures = new Uint8Array(this.#blockCount * SIGNATURE_SIZE);
  }

  #split(page: Uint8Array, count: number): void {
    for (let i = 0; i < count; i++) {
      const at = i * SIGNED_HASH_SIZE;
      const block = this.#arrivedCount + i;
      this.#hashes.set(page.subarray(at, at + HASH_SIZE), block * HASH_SIZE);
      const signature = page.subarray(at + HASH_SIZE, at + SIGNED_HASH_SIZE);
      this.#signatures.set(signature, block * SIGNATURE_SIZE);
    }
    this.#arrivedCount += count;
  }
}
