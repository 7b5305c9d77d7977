/**
 * All links of a node: dials peers, accepts those who dial, and knows whom not to talk to any more.
 *
 * There is at most one dial to a peer at a time, and whoever needs a peer that is linked already uses that
 * link. A peer that lied is banned by its node id for as long as the node runs.
 */

import { Connection } from "../../protocol/connection.ts";
import { ErrorCode, ProtocolError } from "../../protocol/errors.ts";
import { handshake } from "../../protocol/handshake.ts";
import type { RemoteNode } from "../../protocol/handshake.ts";
import { sameBytes, toHex } from "../../protocol/bytes.ts";
import type { Duplex, Listener, Log } from "../../protocol/ports.ts";
import { dial } from "../connecting/dial.ts";
import type { Endpoint } from "../connecting/endpoint.ts";
import { Link } from "./link.ts";
import { LinkServer } from "./link_server.ts";
import type { ServerOptions } from "./link_server.ts";
import type { HeldFile } from "./catalog.ts";

/** Peers that may be linked because they dialled. */
const ACCEPTED_MAX = 256;

/** A peer as the tracker lists it. */
export interface PeerAddress {
  readonly nodeId: Uint8Array;
  readonly host: string;
  readonly port: number;
}

export interface LinksOptions extends Endpoint {
  readonly server: ServerOptions;
  readonly log: Log;
}

export class Links implements Disposable {
  readonly #options: LinksOptions;
  readonly #links = new Map<string, Link>();
  readonly #servers = new Map<Link, LinkServer>();
  readonly #dialling = new Map<string, Promise<Link>>();
  readonly #banned = new Set<string>();
  readonly #ended = new AbortController();
  #acceptedCount = 0;

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  /** The links there are now. */
  get all(): Iterable<Link> {
    return this.#servers.keys();
  }

  get count(): number {
    return this.#servers.size;
  }

  isBanned(nodeId: Uint8Array): boolean {
    return this.#banned.has(toHex(nodeId));
  }

  /** The link to a peer, dialled if there is none. Rejects with a plain reason. */
  to(peer: PeerAddress): Promise<Link> {
    const key = toHex(peer.nodeId);
    if (this.#banned.has(key)) return Promise.reject(new Error("this peer lied before"));
    const known = this.#links.get(key);
    if (known !== undefined && !known.connection.isClosed) return Promise.resolve(known);
    let dial = this.#dialling.get(key);
    if (dial === undefined) {
      dial = this.#dial(peer).finally(() => this.#dialling.delete(key));
      this.#dialling.set(key, dial);
    }
    return dial;
  }

  /** Talks to nobody of that id any more, and says why in the log. */
  ban(link: Link, reason: string): void {
    if (this.#banned.has(link.key)) return;
    this.#banned.add(link.key);
    this.#options.log(`refused peer ${link.label}: ${reason}`);
    const goodbye = new ProtocolError(ErrorCode.signature, reason);
    link.connection.close(goodbye);
    // Both sides may have dialled at the same time.
    for (const other of this.#servers.keys()) {
      if (other.key === link.key) other.connection.close(goodbye);
    }
  }

  /** Accepts whoever dials until the listener or the links are closed. */
  async accept(listener: Listener): Promise<void> {
    for await (const stream of listener) {
      if (this.#acceptedCount >= ACCEPTED_MAX || this.#ended.signal.aborted) {
        stream.close();
        continue;
      }
      this.#acceptedCount++;
      void this.#welcome(stream).finally(() => this.#acceptedCount--);
    }
  }

  /** Tells whoever wants to know that a block has come in. */
  tell(file: HeldFile, index: number): void {
    for (const server of this.#servers.values()) server.tell(file, index);
  }

  /** Lets time pass on every link. */
  tick(nowMs: number): void {
    for (const [link, server] of this.#servers) {
      link.connection.tick(nowMs);
      server.flushNews();
    }
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
    for (const link of [...this.#servers.keys()]) link.connection.close();
  }

  async #dial(peer: PeerAddress): Promise<Link> {
    const stream = await dial(this.#options, { host: peer.host, port: peer.port });
    const connection = new Connection(stream);
    const remote = await this.#greet(connection);
    if (!sameBytes(remote.nodeId, peer.nodeId)) {
      connection.close();
      throw new Error("another node answers at its address");
    }
    const link = new Link(connection, remote);
    void this.#run(link);
    return link;
  }

  async #welcome(stream: Duplex): Promise<void> {
    const connection = new Connection(stream);
    const remote = await this.#greet(connection).catch(() => undefined);
    if (remote === undefined) return;
    await this.#run(new Link(connection, remote));
  }

  #greet(connection: Connection): Promise<RemoteNode> {
    const { identity, agent, verify, nonce, clock } = this.#options;
    return handshake(connection, {
      identity,
      role: "peer",
      agent,
      expect: "peer",
      verify,
      nonce: nonce(),
      clock,
    });
  }

  /** Serves a link until it ends. */
  async #run(link: Link): Promise<void> {
    if (this.#ended.signal.aborted || this.#banned.has(link.key)) return link.connection.close();
    const server = new LinkServer(link, this.#options.server);
    if (this.#links.get(link.key)?.connection.isClosed !== false) this.#links.set(link.key, link);
    this.#servers.set(link, server);
    const reason = await link.connection.run((frame) => server.receive(frame));
    this.#servers.delete(link);
    if (this.#links.get(link.key) === link) this.#links.delete(link.key);
    if (reason instanceof ProtocolError && !this.#banned.has(link.key)) {
      this.#options.log(`closed link to ${link.label}: ${reason.message}`);
    }
  }
}
