/**
 * The registry over time: which connection speaks for which node, who is heard, who has gone silent.
 *
 * A node stays listed as long as it is heard. When its connection ends it has one time to live (ttl) to
 * come back; a node that says that it leaves is gone at once. Each node has one connection that speaks for
 * it, the latest on which it announced itself.
 */

import { addressText } from "../protocol/address.ts";
import type { Connection } from "../protocol/connection.ts";
import { ErrorCode, ProtocolError } from "../protocol/errors.ts";
import type { Batch } from "./batch.ts";
import type { SwarmNode } from "./entries.ts";
import type { LimitedLog } from "../protocol/limited_log.ts";
import type { Registry } from "./registry.ts";

export interface SwarmOptions {
  readonly registry: Registry;
  readonly batch: Batch | undefined;
  /** A node that is not heard for this long is forgotten. */
  readonly ttlMs: number;
  readonly log: LimitedLog;
}

export class Swarm {
  readonly registry: Registry;
  readonly ttlMs: number;
  readonly #batch: Batch | undefined;
  readonly #log: LimitedLog;
  /** By node key: the connection that speaks for the node. */
  readonly #speakers = new Map<string, Connection>();
  #nowMs = 0;

  constructor({ registry, batch, ttlMs, log }: SwarmOptions) {
    this.registry = registry;
    this.ttlMs = ttlMs;
    this.#batch = batch;
    this.#log = log;
  }

  /** Lists the node behind a connection, without files yet. An earlier connection of the node is closed. */
  join(nodeId: Uint8Array, port: number, connection: Connection): SwarmNode {
    if (port === 0) throw new ProtocolError(ErrorCode.malformed, "Cannot list node: its port is 0");
    const node = this.registry.join(nodeId, { host: connection.remote.host, port }, this.#nowMs);
    const earlier = this.#speakers.get(node.key);
    this.#speakers.set(node.key, connection);
    // Until it has announced all its files again, it is not there as far as the batch is concerned.
    this.#batch?.disconnected(node.key);
    if (earlier !== undefined && earlier !== connection) {
      earlier.close(
        new ProtocolError(ErrorCode.unexpected, "Cannot go on: the node has connected again"),
      );
    }
    return node;
  }

  /** A node has announced all its files; `acknowledge` is called when it may begin. */
  complete(node: SwarmNode, acknowledge: () => void): void {
    const files = node.fileCount === 1 ? "1 file" : `${node.fileCount} files`;
    this.#tell(node, `joined with ${files}`);
    if (this.#batch === undefined) acknowledge();
    else this.#batch.announced(node.key, acknowledge);
  }

  /** A node has all that it wanted. */
  terminated(node: SwarmNode): void {
    this.#batch?.terminated(node.key);
  }

  /** A node goes. */
  leave(node: SwarmNode): void {
    this.registry.remove(node);
    this.#tell(node, "left");
    this.#forget(node);
  }

  /** The connection of a node has ended; the node may come back on another one. */
  disconnected(node: SwarmNode, connection: Connection): void {
    if (node.gone || this.#speakers.get(node.key) !== connection) return;
    this.#speakers.delete(node.key);
    node.heardMs = this.#nowMs;
    this.#tell(node, "lost its connection");
    this.#batch?.disconnected(node.key);
  }

  /** Lets time pass: forgets the nodes that were not heard for too long. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const node of this.registry.expire(nowMs - this.ttlMs)) {
      this.#tell(node, `was not heard for ${this.ttlMs / 1000} s`);
      const speaker = this.#speakers.get(node.key);
      this.#forget(node);
      speaker?.close(new ProtocolError(ErrorCode.timeout, "Cannot go on: nothing was heard"));
    }
  }

  /** The connections that speak for these nodes, as far as there are any. */
  connectionsOf(keys: Iterable<string>): Connection[] {
    return Array.from(keys, (key) => this.#speakers.get(key)).filter((found) =>
      found !== undefined
    );
  }

  #forget(node: SwarmNode): void {
    this.#speakers.delete(node.key);
    this.#batch?.forgotten(node.key);
  }

  #tell(node: SwarmNode, what: string): void {
    const name = `${node.key.slice(0, 12)} (${addressText(node)})`;
    this.#log.write(`node ${name} ${what}; active nodes: ${this.registry.nodeCount}`);
  }
}
