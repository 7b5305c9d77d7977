/**
 * The real network: TCP through the runtime.
 *
 * Errors become plain reasons ("connection refused") without the system's numbers. Frames are gathered
 * before they are written, so Nagle's algorithm is switched off: it would only delay them.
 */

import { addressText } from "../../protocol/address.ts";
import type { Address, Duplex, Listener, Network } from "../../protocol/ports.ts";
import { systemClock } from "./clock.ts";

/** After a failed accept (no free file descriptor, say) the listener waits this long. */
const ACCEPT_PAUSE_MS = 100;

/** By the name of the error in POSIX: what it means to the user. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use (choose another one, or 0 for any that is free)",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "permission denied (ports below 1024 need special rights)",
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  ECONNABORTED: "connection aborted",
  EPIPE: "connection closed by the other side",
  ETIMEDOUT: "connection timed out",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  EMFILE: "too many files are open (raise the limit: ulimit -n)",
};

export const tcpNetwork: Network = {
  async connect({ host, port }: Address, signal?: AbortSignal): Promise<Duplex> {
    try {
      const options = { hostname: host, port };
      const connection = await Deno.connect(
        signal === undefined ? options : { ...options, signal },
      );
      return streamOf(connection);
    } catch (error) {
      throw signal?.aborted ? new Error("cancelled", { cause: error }) : plainError(error);
    }
  },

  listen(address: Address): Listener {
    try {
      return new TcpListener(Deno.listen({ hostname: address.host, port: address.port }));
    } catch (error) {
      const { message } = plainError(error);
      throw new Error(`Cannot listen on ${addressText(address)}: ${message}`, { cause: error });
    }
  },
};

class TcpStream implements Duplex {
  readonly #connection: Deno.TcpConn;
  readonly remote: Address;
  #closed = false;
  /** Made once, not for each read: thousands of reads wait at any time. */
  readonly #fail = (error: unknown): never => {
    throw this.#plainError(error);
  };

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    this.remote = addressOf(connection.remoteAddr);
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#connection.read(into).catch(this.#fail);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#connection.write(bytes).catch(this.#fail);
  }

  /**
   * Ends both directions. Before Deno 2.9.5 a write that is blocked at this moment keeps the socket until
   * the other side reads or goes away, so senders bound what they have outstanding to one side.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  #plainError(error: unknown): Error {
    return this.#closed ? new Error("connection closed", { cause: error }) : plainError(error);
  }
}

function streamOf(connection: Deno.TcpConn): Duplex {
  try {
    connection.setNoDelay(true);
    return new TcpStream(connection);
  } catch (error) {
    // The other side has gone already.
    connection.close();
    throw error;
  }
}

class TcpListener implements Listener {
  readonly #listener: Deno.TcpListener;
  readonly address: Address;
  readonly #closing = new AbortController();

  constructor(listener: Deno.TcpListener) {
    this.#listener = listener;
    this.address = addressOf(listener.addr);
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#listener.close();
  }

  /** Ends when the listener is closed. A single failed accept is no reason to stop serving. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Duplex, void> {
    while (!this.#closing.signal.aborted) {
      const stream = await this.#accept();
      if (stream !== undefined) yield stream;
    }
  }

  async #accept(): Promise<Duplex | undefined> {
    try {
      return streamOf(await this.#listener.accept());
    } catch {
      await systemClock.sleep(ACCEPT_PAUSE_MS, this.#closing.signal);
      return undefined;
    }
  }
}

/** IPv4 that came in through an IPv6 socket is shown as what it is. */
function addressOf({ hostname, port }: Deno.NetAddr): Address {
  return { host: hostname.replace(/^::ffff:(?=\d+\.)/i, ""), port };
}

/** The error in words for the user; the original is its cause. */
function plainError(error: unknown): Error {
  return new Error(reasonOf(error), { cause: error });
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const known = "code" in error ? REASONS[String(error.code)] : undefined;
  if (known !== undefined) return known;
  // A failed name look-up has no code, in any version so far.
  if (error.message.startsWith("failed to lookup address")) return "there is no host of that name";
  return error.message.replace(/ \(os error \d+\)$/, "");
}
