/** Accepts connections, greets devices, and keeps a session for each until it ends. */

import { addressText } from "../../../protocol/address.ts";
import { Connection } from "../../../protocol/connection.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import { handshake } from "../../../protocol/handshake.ts";
import type { LimitedLog } from "../../../protocol/limited_log.ts";
import type {
  Clock,
  Duplex,
  Identity,
  Listener,
  VerifySignature,
} from "../../../protocol/ports.ts";
import { DeviceSession } from "./device_session.ts";
import type { Users } from "./users.ts";

/** More connections are turned away: a process may open about 20,000 files. */
const CONNECTIONS_MAX = 4096;
/** With more that have not joined yet, the one that has waited longest has to go. */
const STRANGERS_MAX = 256;

export interface SyncReceptionOptions {
  readonly users: Users;
  readonly clock: Clock;
  /** The server's own key. */
  readonly identity: Identity;
  readonly verify: VerifySignature;
  /** 32 bytes that were never used before. */
  readonly nonce: () => Uint8Array;
  /** Program and version, as told to the devices. */
  readonly agent: string;
  readonly log: LimitedLog;
}

export class SyncReception {
  readonly #options: SyncReceptionOptions;
  /** By connection, its session as soon as the device has a name. The oldest come first. */
  readonly #connections = new Map<Connection, DeviceSession | undefined>();
  readonly #visits = new Set<Promise<void>>();
  #closing = false;

  constructor(options: SyncReceptionOptions) {
    this.#options = options;
  }

  /** Accepts connections until the listener is closed. */
  async serve(listener: Listener): Promise<void> {
    for await (const stream of listener) {
      if (this.#connections.size >= CONNECTIONS_MAX) {
        stream.close();
        const who = addressText(stream.remote);
        this.#options.log.write(`${who} was turned away: there are ${CONNECTIONS_MAX} connections`);
        continue;
      }
      this.#makeRoom();
      const visit = this.#receive(stream);
      this.#visits.add(visit);
      visit.finally(() => this.#visits.delete(visit));
    }
  }

  /** Lets time pass for all connections. */
  tick(nowMs: number): void {
    for (const session of this.#connections.values()) session?.tick(nowMs);
  }

  /** Closes all connections and waits until they are done. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const connection of this.#connections.keys()) connection.close();
    await Promise.all(this.#visits);
  }

  #makeRoom(): void {
    const strangers = [...this.#connections].filter(([, session]) => session?.hasPlace !== true);
    if (strangers.length >= STRANGERS_MAX) strangers[0]![0].close();
  }

  /** Stays with one caller from the greeting to the end. Never rejects. */
  async #receive(stream: Duplex): Promise<void> {
    using connection = new Connection(stream);
    this.#connections.set(connection, undefined);
    try {
      const { users, identity, verify, nonce, agent, clock } = this.#options;
      const remote = await handshake(connection, {
        role: "sync-server",
        expect: "device",
        identity,
        verify,
        nonce: nonce(),
        agent,
        clock,
      });
      const session = new DeviceSession({ connection, remote, users });
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
