/**
 * One node's connection to the tracker: takes its requests, one after the other, and answers them.
 *
 * Questions are answered to anybody. What a node says about itself counts once it has announced itself on
 * this connection.
 */

import type { Connection } from "../protocol/connection.ts";
import { unexpected } from "../protocol/connection.ts";
import { ErrorCode } from "../protocol/errors.ts";
import type { Frame } from "../protocol/frame_reader.ts";
import type { RemoteNode } from "../protocol/handshake.ts";
import type { Message, MessageOf } from "../protocol/messages.ts";
import type { SwarmNode } from "./entries.ts";
import { Refusal } from "./refusal.ts";
import type { Swarm } from "./swarm.ts";

export interface SessionOptions {
  readonly connection: Connection;
  readonly remote: RemoteNode;
  readonly swarm: Swarm;
}

export class Session {
  readonly #connection: Connection;
  readonly #remote: RemoteNode;
  readonly #swarm: Swarm;
  #node: SwarmNode | undefined;
  /** What had been received at the last tick: whatever comes is a sign of life, a ping as well. */
  #bytesReceived = 0;

  constructor({ connection, remote, swarm }: SessionOptions) {
    this.#connection = connection;
    this.#remote = remote;
    this.#swarm = swarm;
  }

  /** Takes requests until the connection ends. Answers why it did, if it was no clean end. */
  run(): Promise<Error | undefined> {
    return this.#connection.run((frame) => this.#receive(frame));
  }

  /** The connection has ended, and not because the tracker ends. */
  disconnected(): void {
    if (this.#node !== undefined) this.#swarm.disconnected(this.#node, this.#connection);
  }

  /** Lets time pass: expires requests, and takes note that the node is alive. */
  tick(nowMs: number): void {
    this.#connection.tick(nowMs);
    const { bytesReceived } = this.#connection;
    if (bytesReceived === this.#bytesReceived) return;
    this.#bytesReceived = bytesReceived;
    if (this.#node !== undefined) this.#node.heardMs = nowMs;
  }

  #receive({ message, request }: Frame): void {
    try {
      this.#handle(message, request);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#connection.refuse(request, error.code, error.message);
    }
  }

  #handle(message: Message, request: number): void {
    const { registry } = this.#swarm;
    switch (message.type) {
      case "announce":
        return this.#announce(message, request);
      case "withdraw":
        registry.withdraw(this.#announcedNode(), message.files);
        return this.#answer({ type: "ok" }, request);
      case "progress":
        return this.#answer(
          { type: "holders", ...registry.progress(this.#announcedNode(), message) },
          request,
        );
      case "finished":
        registry.finish(this.#announcedNode(), message.files);
        return this.#answer({ type: "ok" }, request);
      case "terminated":
        this.#swarm.terminated(this.#announcedNode());
        return this.#answer({ type: "ok" }, request);
      case "leave":
        return this.#leave();
      case "listNodes":
        return this.#answer({ type: "nodes", ...registry.listNodes(message) }, request);
      case "listFiles":
        return this.#answer({ type: "files", ...registry.listFiles(message) }, request);
      case "findHolders":
        return this.#answer(
          { type: "holders", ...registry.findHolders(message, this.#node) },
          request,
        );
      case "cancel":
        // Only the answer to an announcement can be outstanding, and the other side drops it by itself.
        return;
      default:
        throw unexpected(message);
    }
  }

  #announce(message: MessageOf<"announce">, request: number): void {
    const { first, last, port, files } = message;
    if (first) this.#node = this.#swarm.join(this.#remote.nodeId, port, this.#connection);
    const node = this.#announcedNode();
    this.#swarm.registry.announce(node, files);
    if (last) this.#swarm.complete(node, () => this.#acknowledge(request));
    else this.#acknowledge(request);
  }

  #acknowledge(request: number): void {
    const { ttlMs, registry } = this.#swarm;
    this.#answer({ type: "announced", ttlMs, nodeCount: registry.nodeCount }, request);
  }

  #leave(): void {
    if (this.#node !== undefined && !this.#node.gone) this.#swarm.leave(this.#node);
    this.#node = undefined;
  }

  /** The node behind this connection. Throws a `Refusal` when it is not listed, or no longer. */
  #announcedNode(): SwarmNode {
    if (this.#node === undefined || this.#node.gone) {
      throw new Refusal(
        ErrorCode.absent,
        "Cannot do this for a node that is not listed: announce first",
      );
    }
    return this.#node;
  }

  #answer(message: Message, request: number): void {
    this.#connection.send(message, request);
  }
}
