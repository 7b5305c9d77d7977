/**
 * One connection of a device to its server: the greeting, its place among the user's devices, and the
 * streams up and down, until the connection ends.
 */

import { AnySignal } from "../../../protocol/any_signal.ts";
import { toHex } from "../../../protocol/bytes.ts";
import { Connection } from "../../../protocol/connection.ts";
import { unexpected } from "../../../protocol/connection.ts";
import {
  ConnectionClosed,
  ErrorCode,
  ProtocolError,
  RemoteError,
} from "../../../protocol/errors.ts";
import { handshake } from "../../../protocol/handshake.ts";
import type { MessageOf } from "../../../protocol/messages.ts";
import type { Duplex, Network } from "../../../protocol/ports.ts";
import { dial } from "../../connecting/dial.ts";
import { RemoteContents } from "../../transfer/content_fetcher.ts";
import { ContentServer } from "../../transfer/content_server.ts";
import type { ContentId, LocatedContent } from "../../transfer/contents.ts";
import type { SyncTransfer } from "../client.ts";
import { ContentsAhead } from "./contents_ahead.ts";
import { Downloads } from "./downloads.ts";
import type { Ledger } from "./ledger.ts";
import type { SyncDeviceOptions } from "./options.ts";
import { Pulls } from "./pulls.ts";
import type { SessionContext } from "./session_context.ts";
import { Uploads } from "./uploads.ts";

/** The server scans a user's folder before it gives the first place. */
const JOIN_TIMEOUT_MS = 10 * 60_000;

/** The server does not take this device, now or later. */
export class Refused extends Error {
  override readonly name = "Refused";
}

/** The server has given this device's place to another process with the same key. */
export class Replaced extends Refused {}

/** How many bytes went over all connections. */
export interface ByteCounts {
  sent: number;
  received: number;
}

export interface SessionOptions {
  readonly device: SyncDeviceOptions;
  readonly shared: Omit<SessionContext, "connection" | "contents">;
  readonly bytes: ByteCounts;
  readonly signal: AbortSignal;
}

/** Dials the server and greets it. Throws `Refused`, or a plain reason. */
export async function connect(
  { device, bytes, signal }: Omit<SessionOptions, "shared">,
): Promise<Connection> {
  const { identity, agent, verify, nonce, clock, server } = device;
  const network = stoppable(device.network, signal);
  const connection = new Connection(counted(await dial({ network, clock }, server), bytes));
  using _stop = closeOn(signal, connection);
  try {
    await handshake(connection, {
      identity,
      role: "device",
      agent,
      expect: "sync-server",
      verify,
      nonce: nonce(),
      clock,
    });
    return connection;
  } catch (reason) {
    throw isFinal(reason) ? new Refused((reason as Error).message) : reason;
  }
}

export class Session {
  readonly #context: SessionContext;
  readonly #options: SessionOptions;
  readonly #ahead: ContentsAhead;
  readonly #uploads: Uploads;
  readonly #downloads: Downloads;
  #pulls: Pulls | undefined;

  /** @param connection One that `connect` made. */
  constructor(connection: Connection, options: SessionOptions) {
    const { folder, stage } = options.device;
    const pathOf = (path: string) => folder.pathOf(path);
    const remote = new RemoteContents(connection, { stage, pathOf });
    const { index } = options.shared.ledger;
    const isHere = (content: ContentId) => index.holders(content).length > 0;
    this.#ahead = new ContentsAhead({ remote, isHere });
    this.#context = { ...options.shared, connection, contents: this.#ahead };
    this.#options = options;
    this.#uploads = new Uploads(this.#context);
    this.#downloads = new Downloads(this.#context);
  }

  get connection(): Connection {
    return this.#context.connection;
  }

  get contents(): ContentsAhead {
    return this.#ahead;
  }

  /** Whether all is known that the server had to tell when this device joined. */
  get isListed(): boolean {
    return this.#pulls?.isListed ?? false;
  }

  *transfers(): Generator<SyncTransfer> {
    yield* this.#uploads.transfers();
    yield* this.#downloads.transfers();
  }

  /**
   * Joins, and keeps the streams going until the connection ends, which it tells by throwing the reason.
   *
   * @throws {Refused} when the server has no place for this device.
   * @throws {Replaced} when it has given it to another process with the same key.
   */
  async run(joined: () => void): Promise<never> {
    const { connection, folder, stage, ledger, snapshots } = this.#context;
    using _connection = connection;
    using server = new ContentServer(connection, {
      source: {
        find: (content) =>
          snapshots.find(content) ?? this.#uploads.find(content) ?? find(ledger, content),
      },
      stage,
      pathOf: (path) => snapshots.has(path) ? path : folder.pathOf(path),
      sent: (content, size) => this.#uploads.sent(content, size),
    });
    const ended = new AbortController();
    using _ahead = this.#ahead;
    const running = connection.run((frame) => {
      if (frame.message.type === "coming") return this.#ahead.note(frame.message);
      if (!server.receive(frame)) throw unexpected(frame.message);
    }).then((reason) => ended.abort(reason ?? new Error("the server closed the connection")));
    using _stop = closeOn(this.#options.signal, connection);
    try {
      const place = await this.#join();
      joined();
      await this.#stream(place, ended.signal);
    } catch (reason) {
      if (!(reason instanceof ConnectionClosed)) {
        connection.close(reason instanceof ProtocolError ? reason : undefined);
        throw reason;
      }
    } finally {
      connection.close();
      await running;
    }
    const { reason } = ended.signal;
    const hasNoPlace = reason instanceof RemoteError && reason.code === ErrorCode.busy;
    throw hasNoPlace ? new Replaced(reason.message) : reason;
  }

  async #join(): Promise<MessageOf<"joined">> {
    const { device: { user, device } } = this.#options;
    const { connection } = this.#context;
    try {
      return await connection.request({ type: "join", user, device }, "joined", JOIN_TIMEOUT_MS);
    } catch (reason) {
      throw isFinal(reason) ? new Refused((reason as Error).message) : reason;
    }
  }

  async #stream(place: MessageOf<"joined">, signal: AbortSignal): Promise<void> {
    const { ledger } = this.#context;
    const index = toHex(place.index);
    // A server that has an older copy of its index makes another one of it when it is asked for what comes next.
    if (ledger.index.position.index !== index) {
      ledger.index.forgetServer(index);
      ledger.fill();
    }
    const pulls = new Pulls(this.#context, place.sequence);
    this.#pulls = pulls;
    pulls.bell.ringOn(signal);
    const streams = [pulls.run(), this.#downloads.run(signal), this.#upload(pulls, signal)];
    try {
      await Promise.race(streams);
    } catch (reason) {
      this.#context.connection.close(reason instanceof ProtocolError ? reason : undefined);
      throw reason;
    } finally {
      this.#context.connection.close();
      await Promise.allSettled(streams);
      ledger.releaseAll();
    }
  }

  /** What the server lacks is known only when its list was heard to its end. */
  async #upload(pulls: Pulls, signal: AbortSignal): Promise<void> {
    while (!pulls.isListed && !signal.aborted) await pulls.bell.rung;
    await this.#uploads.run(signal);
  }
}

/** A file with a content that the server asks for. It may have whatever is synced. */
function find(ledger: Ledger, content: ContentId): LocatedContent | undefined {
  const row = ledger.index.holders(content)[0];
  return row && { ...content, path: row.path, stamp: row.local!.stamp };
}

/** Whether trying again would be in vain. */
function isFinal(reason: unknown): boolean {
  if (!(reason instanceof RemoteError) && !(reason instanceof ProtocolError)) return false;
  const { code } = reason;
  return code === ErrorCode.busy || code === ErrorCode.malformed || code === ErrorCode.version ||
    code === ErrorCode.unexpected || code === ErrorCode.signature;
}

/** Closes a connection when `signal` is aborted, also where it was before, until the answer is disposed of. */
function closeOn(signal: AbortSignal, connection: Connection): Disposable {
  const stop = () => connection.close();
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", stop) };
}

/** A network on which no stream is waited for after `signal` was aborted. */
function stoppable(network: Network, signal: AbortSignal): Network {
  return {
    connect: async (address, late) => {
      using any = new AnySignal(late === undefined ? [signal] : [late, signal]);
      return await network.connect(address, any.signal);
    },
    listen: (address) => network.listen(address),
  };
}

function counted(stream: Duplex, bytes: ByteCounts): Duplex {
  return {
    remote: stream.remote,
    read: async (into) => {
      const count = await stream.read(into);
      bytes.received += count ?? 0;
      return count;
    },
    write: async (from) => {
      const count = await stream.write(from);
      bytes.sent += count;
      return count;
    },
    close: () => stream.close(),
  };
}
