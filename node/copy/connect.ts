/** A connection to the source of trees, limited in its rate. */

import type { Connection } from "../../protocol/connection.ts";
import type { Address, Duplex } from "../../protocol/ports.ts";
import type { Endpoint } from "../connecting/endpoint.ts";
import { visit } from "../connecting/visit.ts";
import type { RateLimit } from "../traffic/rate_limit.ts";

/** With a limit, no more than this is read at once, so that the other side sees steady progress. */
const LIMITED_READ_SIZE_MAX = 64 * 1024;

export interface ConnectOptions extends Endpoint {
  readonly address: Address;
  /** Of the bytes that come. */
  readonly limit: RateLimit;
  /** Closes the connection. */
  readonly signal: AbortSignal;
}

/**
 * Connects to a source, and stays connected as long as `use` runs. Throws why there is no connection, what
 * `use` throws, and the signal's reason.
 */
export function withSource<Result>(
  options: ConnectOptions,
  use: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const wrap = (stream: Duplex) => limitedReads(stream, options.limit);
  return visit({ ...options, role: "copier", expect: "source", wrap }, use);
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
