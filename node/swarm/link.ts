/**
 * A connection to a peer that has proved who it is.
 *
 * Either side may ask over it, whoever dialled. A link keeps what belongs to this one peer: which files it
 * wants to hear news of, and who here listens to its news.
 */

import type { Connection } from "../../protocol/connection.ts";
import type { RemoteNode } from "../../protocol/handshake.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { Address } from "../../protocol/ports.ts";
import { fileKey } from "./catalog.ts";
import type { FileId, FileKey } from "./catalog.ts";

/** Called with the blocks that the peer holds by now, too. */
export type HaveListener = (indexes: readonly number[]) => void;

export class Link {
  readonly nodeId: Uint8Array;
  /** The node id in hexadecimal. */
  readonly key: string;
  readonly #listeners = new Map<FileKey, HaveListener>();

  constructor(readonly connection: Connection, remote: RemoteNode) {
    this.nodeId = remote.nodeId;
    this.key = toHex(remote.nodeId);
  }

  get address(): Address {
    return this.connection.remote;
  }

  /** How logs and lists name the peer: the start of its id, and its address. */
  get label(): string {
    return `${this.key.slice(0, 12)} (${this.address.host}:${this.address.port})`;
  }

  /** Asks which blocks of a file the peer holds, and hears of new ones until `unfollow`. */
  async follow(file: FileId, listener: HaveListener): Promise<Uint8Array> {
    const { id, size } = file;
    this.#listeners.set(fileKey(file), listener);
    try {
      const opened = await this.connection.request({ type: "open", id, size }, "opened");
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
