/** A connection to the source of trees: dialled, greeted, limited in its rate, and closed in the end. */

import { Connection, unexpected } from "../../protocol/connection.ts";
import { handshake } from "../../protocol/handshake.ts";
import { passTime } from "../../protocol/passing_time.ts";
import type {
  Address,
  Clock,
  Duplex,
  Identity,
  Network,
  VerifySignature,
} from "../../protocol/ports.ts";
import { dial } from "../swarm/links.ts";
import type { RateLimit } from "../swarm/rate_limit.ts";

/** How often a connection looks at the clock. */
const TICK_MS = 500;
/** With a limit, no more than this is read at once, so that the other side sees steady progress. */
const LIMITED_READ_SIZE_MAX = 64 * 1024;

export interface ConnectOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly identity: Identity;
  readonly verify: VerifySignature;
  readonly nonce: () => Uint8Array;
  readonly agent: string;
  readonly address: Address;
  /** Of the bytes that come. */
  readonly limit: RateLimit;
  /** Closes the connection. */
  readonly signal: AbortSignal;
}

/**
 * Connects to a source, and stays connected as long as `use` runs. Throws why there is no connection, and what
 * `use` throws.
 */
export async function withSource<Result>(
  options: ConnectOptions,
  use: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const { clock, limit, address, signal } = options;
  using connection = new Connection(limitedReads(await dial(options, address), limit));
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
      // The source learns that all is settled.
      await connection.flushed();
      return result;
    } finally {
      done.abort();
      connection.close();
      await Promise.all([running, ticking]);
    }
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

async function greet(connection: Connection, options: ConnectOptions): Promise<void> {
  const { identity, agent, verify, nonce, clock } = options;
  await handshake(connection, {
    identity,
    role: "copier",
    agent,
    expect: "source",
    verify,
    nonce: nonce(),
    clock,
  });
}

/** The stream, from which no more is read than the limit lets pass. */
function limitedReads(stream: Duplex, limit: RateLimit): Duplex {
  if (limit.bytesPerSecond === undefined) return stream;
  return {
    remote: stream.remote,
    read: async (into) => {
      const count = await stream.read(into.subarray(0, LIMITED_READ_SIZE_MAX));
      if (count !== null) await limit.take(count);
      return count;
    },
    write: (bytes) => stream.write(bytes),
    close: () => stream.close(),
  };
}
