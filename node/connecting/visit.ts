/** A visit to a server, by whoever asks it for something: dialled, greeted, and closed in the end. */

import { Connection, unexpected } from "../../protocol/connection.ts";
import { handshake } from "../../protocol/handshake.ts";
import type { Role } from "../../protocol/handshake.ts";
import { passTime } from "../../protocol/passing_time.ts";
import type { Address, Duplex } from "../../protocol/ports.ts";
import { dial } from "./dial.ts";
import type { Endpoint } from "./endpoint.ts";

/** How often a connection looks at the clock. */
const TICK_MS = 500;

export interface VisitOptions extends Endpoint {
  readonly address: Address;
  /** What this side is, and what the server must be. */
  readonly role: Role;
  readonly expect: Role;
  /** Puts something between the stream and the connection. */
  readonly wrap?: (stream: Duplex) => Duplex;
  /** Closes the connection. */
  readonly signal: AbortSignal;
}

/**
 * Connects to a server, and stays connected as long as `use` runs. Throws why there is no connection, what
 * `use` throws, and the signal's reason.
 */
export async function visit<Result>(
  options: VisitOptions,
  use: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const { clock, address, signal, wrap = (stream) => stream } = options;
  signal.throwIfAborted();
  using connection = new Connection(wrap(await dial(options, address)));
  const stop = () => connection.close();
  signal.addEventListener("abort", stop);
  const done = new AbortController();
  try {
    await greet(connection, options);
    signal.throwIfAborted();
    const running = connection.run((frame) => {
      if (frame.message.type !== "cancel") throw unexpected(frame.message);
    });
    const ticking = passTime({ clock, stepMs: TICK_MS, signal: done.signal }, [connection]);
    try {
      const result = await use(connection);
      // What was said last reaches the server.
      await connection.flushed();
      return result;
    } finally {
      done.abort();
      connection.close();
      await Promise.all([running, ticking]);
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

async function greet(connection: Connection, options: VisitOptions): Promise<void> {
  const { identity, role, expect, agent, verify, nonce, clock } = options;
  const greeting = { identity, role, expect, agent, verify, nonce: nonce(), clock };
  await handshake(connection, greeting);
}
