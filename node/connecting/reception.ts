/**
 * Accepts connections, greets whoever is there, and keeps a session for each until it ends: the front of every
 * server but the tracker.
 */

import { addressText } from "../../protocol/address.ts";
import { Connection } from "../../protocol/connection.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { handshake } from "../../protocol/handshake.ts";
import type { RemoteNode, Role } from "../../protocol/handshake.ts";
import type { LimitedLog } from "../../protocol/limited_log.ts";
import type { Duplex, Listener } from "../../protocol/ports.ts";
import type { Endpoint } from "./endpoint.ts";

/** With more connections that have no place yet, the one that has waited longest has to go. */
const STRANGERS_MAX = 256;

/** What a server does with one connection. */
export interface Session {
  /** Whether the other side has asked for what it came for, and got it. */
  readonly hasPlace: boolean;
  /** Takes requests until the connection ends. Answers why it did, if that should be told. */
  run(): Promise<Error | undefined>;
  /** Lets time pass, also for the connection. */
  tick(nowMs: number): void;
}

export interface ReceptionOptions extends Omit<Endpoint, "network"> {
  /** What this side is, and what the other side must be. */
  readonly role: Role;
  readonly expect: Role;
  /** More connections are turned away. */
  readonly connectionsMax: number;
  readonly log: LimitedLog;
  /** Makes the session of a connection that has been greeted. */
  readonly welcome: (connection: Connection, remote: RemoteNode) => Session;
}

export class Reception {
  readonly #options: ReceptionOptions;
  /** By connection, its session as soon as it has been greeted. The oldest come first. */
  readonly #connections = new Map<Connection, Session | undefined>();
  readonly #visits = new Set<Promise<void>>();
  #closing = false;

  constructor(options: ReceptionOptions) {
    this.#options = options;
  }

  /** Accepts connections until the listener is closed. */
  async serve(listener: Listener): Promise<void> {
    const { connectionsMax, log } = this.#options;
    for await (const stream of listener) {
      if (!this.#makeRoom()) {
        stream.close();
        const who = addressText(stream.remote);
        log.write(`${who} was turned away: there are ${connectionsMax} connections`);
        continue;
      }
      const visit = this.#receive(stream);
      this.#visits.add(visit);
      visit.finally(() => this.#visits.delete(visit));
    }
  }

  /** Lets time pass for all connections. */
  tick(nowMs: number): void {
    for (const session of this.#connections.values()) session?.tick(nowMs);
  }

  /** Closes all connections, telling the other sides the reason if it is a `ProtocolError`, and waits for their end. */
  async close(reason?: Error): Promise<void> {
    this.#closing = true;
    for (const connection of this.#connections.keys()) connection.close(reason);
    await Promise.all(this.#visits);
  }

  /** Whether there is room for one more. Who has no place yet makes room for it. */
  #makeRoom(): boolean {
    const isFull = this.#connections.size >= this.#options.connectionsMax;
    const strangers = [...this.#connections].filter(([, session]) => session?.hasPlace !== true);
    const longestWaiting = strangers[0]?.[0];
    if (longestWaiting === undefined) return !isFull;
    if (isFull || strangers.length >= STRANGERS_MAX) {
      this.#connections.delete(longestWaiting);
      longestWaiting.close();
    }
    return true;
  }

  /** Stays with one caller from the greeting to the end. Never rejects. */
  async #receive(stream: Duplex): Promise<void> {
    using connection = new Connection(stream);
    this.#connections.set(connection, undefined);
    try {
      const { role, expect, identity, verify, nonce, agent, clock, welcome } = this.#options;
      const remote = await handshake(connection, {
        role,
        expect,
        identity,
        verify,
        nonce: nonce(),
        agent,
        clock,
      });
      const session = welcome(connection, remote);
      this.#connections.set(connection, session);
      const reason = await session.run();
      if (reason instanceof ProtocolError) throw reason;
    } catch (reason) {
      if (this.#closing) return;
      const why = reason instanceof Error ? reason.message : String(reason);
      this.#options.log.write(`${addressText(stream.remote)} was cut off: ${why}`);
    } finally {
      this.#connections.delete(connection);
    }
  }
}
