/** Accepts connections, greets whoever calls, and keeps a session for each until it ends. */

import { addressText } from "../protocol/address.ts";
import { Connection } from "../protocol/connection.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { handshake } from "../protocol/handshake.ts";
import type { Clock, Duplex, Identity, Listener, VerifySignature } from "../protocol/ports.ts";
import type { LimitedLog } from "../protocol/limited_log.ts";
import { Session } from "./session.ts";
import type { Swarm } from "./swarm.ts";

/** More connections are turned away: a process may open about 20,000 files. */
const CONNECTION_COUNT_MAX = 16_384;

export interface ReceptionOptions {
  readonly swarm: Swarm;
  readonly clock: Clock;
  /** The tracker's own key. */
  readonly identity: Identity;
  readonly verify: VerifySignature;
  /** 32 bytes that were never used before. */
  readonly nonce: () => Uint8Array;
  /** Program and version, as told to the nodes. */
  readonly agent: string;
  readonly log: LimitedLog;
}

export class Reception {
  readonly #options: ReceptionOptions;
  readonly #connections = new Set<Connection>();
  readonly #sessions = new Set<Session>();
  readonly #visits = new Set<Promise<void>>();
  #closing = false;

  constructor(options: ReceptionOptions) {
    this.#options = options;
  }

  /** Accepts connections until the listener is closed. */
  async serve(listener: Listener): Promise<void> {
    for await (const stream of listener) {
      if (this.#visits.size >= CONNECTION_COUNT_MAX) {
        stream.close();
        this.#options.log.write(
          `${
            addressText(stream.remote)
          } was turned away: there are ${CONNECTION_COUNT_MAX} connections`,
        );
        continue;
      }
      const visit = this.#receive(stream);
      this.#visits.add(visit);
      visit.finally(() => this.#visits.delete(visit));
    }
  }

  /** Lets time pass for all connections. */
  tick(nowMs: number): void {
    for (const session of this.#sessions) session.tick(nowMs);
  }

  /** Closes all connections and waits until they are done. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const connection of this.#connections) connection.close();
    await Promise.all(this.#visits);
  }

  /** Stays with one caller from the greeting to the end. Never rejects. */
  async #receive(stream: Duplex): Promise<void> {
    using connection = new Connection(stream);
    this.#connections.add(connection);
    try {
      const { swarm, identity, verify, nonce, agent, clock } = this.#options;
      const remote = await handshake(connection, {
        role: "tracker",
        expect: "peer",
        identity,
        verify,
        nonce: nonce(),
        agent,
        clock,
      });
      await this.#attend(new Session({ connection, remote, swarm }));
    } catch (reason) {
      if (this.#closing) return;
      const why = reason instanceof Error ? reason.message : String(reason);
      this.#options.log.write(`${addressText(stream.remote)} was refused: ${why}`);
    } finally {
      this.#connections.delete(connection);
    }
  }

  /** Throws when the other side broke a rule. */
  async #attend(session: Session): Promise<void> {
    this.#sessions.add(session);
    const reason = await session.run();
    this.#sessions.delete(session);
    if (this.#closing) return;
    session.disconnected();
    if (reason instanceof ProtocolError) throw reason;
  }
}
