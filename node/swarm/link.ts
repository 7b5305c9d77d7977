/**
 * A connection to a peer that has proved who it is.
 *
 * Either side may ask over it, whoever dialled. A link keeps what belongs to this one peer: which files it
 * wants to hear news of, and who here listens to its news.
 */

import { addressText } from "../../protocol/address.ts";
import type { Connection } from "../../protocol/connection.ts";
import type { ChunkReader } from "../../protocol/frame_reader.ts";
import type { RemoteNode } from "../../protocol/handshake.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { Address } from "../../protocol/ports.ts";
import { fileKey } from "./catalog.ts";
import type { FileId, FileKey } from "./catalog.ts";

/** A peer that takes longer to say what it has is of no use now. */
const FOLLOW_TIMEOUT_MS = 10_000;

/** Called with the blocks that the peer holds by now, too. */
export type HaveListener = (indexes: readonly number[]) => void;

export class Link {
  readonly nodeId: Uint8Array;
  /** The node id in hexadecimal. */
  readonly key: string;
  readonly #listeners = new Map<FileKey, HaveListener>();
  #contentBytes = 0;
  /** What the connection had received when the chunk that is coming in began. */
  #chunkFrom: number | undefined;
  #holdBackCount = 0;

  constructor(readonly connection: Connection, remote: RemoteNode) {
    this.nodeId = remote.nodeId;
    this.key = toHex(remote.nodeId);
  }

  get address(): Address {
    return this.connection.remote;
  }

  /** How logs and lists name the peer: the start of its id, and its address. */
  get label(): string {
    return `${this.key.slice(0, 12)} (${addressText(this.address)})`;
  }

  /**
   * Bytes of blocks and files that this node has asked for and that have come, those of the chunk that is
   * just coming in included. Other messages do not count: they keep a link alive, but bring nothing.
   */
  get contentBytes(): number {
    if (this.#chunkFrom === undefined) return this.#contentBytes;
    return this.#contentBytes + this.connection.bytesReceived - this.#chunkFrom;
  }

  /** Whether this node itself does not read at the moment, so that the peer cannot send. */
  get isHeldBack(): boolean {
    return this.#holdBackCount > 0;
  }

  /** Waits for something before more is read from this peer. */
  async holdBack<T>(until: T | Promise<T>): Promise<T> {
    this.#holdBackCount++;
    try {
      return await until;
    } finally {
      this.#holdBackCount--;
    }
  }

  /** Reads the next bytes of a chunk of content. */
  async readContent(chunk: ChunkReader, into: Uint8Array): Promise<void> {
    this.#chunkFrom = this.connection.bytesReceived;
    try {
      await chunk.readChunk(into);
    } finally {
      this.#chunkFrom = undefined;
    }
    this.#contentBytes += into.length;
  }

  /** Asks which blocks of a file the peer holds, and hears of new ones until `unfollow`. */
  async follow(file: FileId, listener: HaveListener): Promise<Uint8Array> {
    const { id, size } = file;
    this.#listeners.set(fileKey(file), listener);
    try {
      const open = { type: "open", id, size } as const;
      const opened = await this.connection.request(open, "opened", FOLLOW_TIMEOUT_MS);
      return opened.have;
    } catch (reason) {
      this.#listeners.delete(fileKey(file));
      throw reason;
    }
  }

  unfollow({ id, size }: FileId): void {
    if (!this.#listeners.delete(fileKey({ id, size }))) return;
    if (!this.connection.isClosed) this.connection.send({ type: "close", id, size });
  }

  /** The peer told of new blocks. News that nobody asked for are dropped. */
  heard(file: FileId, indexes: readonly number[]): void {
    this.#listeners.get(fileKey(file))?.(indexes);
  }
}
