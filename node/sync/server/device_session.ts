/** One device's connection: gives it its place, takes its requests and answers them. */

import type { Connection } from "../../../protocol/connection.ts";
import { unexpected } from "../../../protocol/connection.ts";
import { toHex } from "../../../protocol/bytes.ts";
import { ErrorCode, ProtocolError } from "../../../protocol/errors.ts";
import type { Frame } from "../../../protocol/frame_reader.ts";
import type { RemoteNode } from "../../../protocol/handshake.ts";
import type { Message, MessageOf } from "../../../protocol/messages.ts";
import { checkName } from "../../../protocol/path.ts";
import type { Session } from "../../connecting/reception.ts";
import { RemoteContents } from "../../transfer/content_fetcher.ts";
import { ContentServer } from "../../transfer/content_server.ts";
import { fromWire } from "../entry.ts";
import type { Entry } from "../entry.ts";
import { userNameProblem } from "../user_name.ts";
import { countsOf } from "../version.ts";
import type { Putter } from "./puts.ts";
import type { Place, Users } from "./users.ts";
import type { UserSpace } from "./user_space.ts";

/** How many batches a device may have on their way. */
const PUTS_MAX = 8;
/** No path changes more often; higher counts leave no room to count on. */
const COUNT_MAX = 2 ** 48;
/** A device that has not joined by then is let go. */
const JOIN_MAX_MS = 10_000;

export interface DeviceSessionOptions {
  readonly connection: Connection;
  readonly remote: RemoteNode;
  readonly users: Users;
}

/** What a device has that has joined. */
interface Joined {
  readonly place: Place;
  readonly space: UserSpace;
  readonly contents: ContentServer;
  readonly putter: Putter;
}

export class DeviceSession implements Session {
  readonly #options: DeviceSessionOptions;
  readonly #connection: Connection;
  readonly #gone = new AbortController();
  #place: Place | undefined;
  #joined: Joined | undefined;
  #joinDeadlineMs: number | undefined;
  #putCount = 0;

  constructor(options: DeviceSessionOptions) {
    this.#options = options;
    this.#connection = options.connection;
  }

  get hasPlace(): boolean {
    return this.#place !== undefined;
  }

  async run(): Promise<Error | undefined> {
    const reason = await this.#connection.run((frame) => this.#receive(frame));
    this.#gone.abort();
    this.#place?.leave();
    this.#joined?.space.forget(this.#connection);
    this.#joined?.contents[Symbol.dispose]();
    return reason;
  }

  tick(nowMs: number): void {
    this.#connection.tick(nowMs);
    if (this.hasPlace) return;
    this.#joinDeadlineMs ??= nowMs + JOIN_MAX_MS;
    if (nowMs < this.#joinDeadlineMs) return;
    this.#connection.close(new ProtocolError(ErrorCode.timeout, "Cannot wait: nobody joined"));
  }

  #receive(frame: Frame): void {
    const { message, request } = frame;
    if (message.type === "join") return this.#join(message, request);
    if (this.#joined !== undefined) return this.#handle(frame, this.#joined);
    if (message.type !== "cancel") throw unexpected(message);
  }

  #join({ user, device }: MessageOf<"join">, request: number): void {
    if (this.#place !== undefined) {
      throw new ProtocolError(ErrorCode.unexpected, "Cannot join: this device has joined already");
    }
    const problem = userNameProblem(user);
    if (problem !== undefined) {
      return this.#connection.refuse(request, ErrorCode.malformed, `Cannot join: ${problem}`);
    }
    const { connection, remote, users } = this.#options;
    const { host } = connection.remote;
    const one = { nodeId: toHex(remote.nodeId), name: device, host, connection };
    try {
      this.#place = users.join(user, one);
    } catch (reason) {
      if (!(reason instanceof ProtocolError)) throw reason;
      return this.#connection.refuse(request, reason.code, reason.message);
    }
    void this.#enter(this.#place, device, request);
  }

  /** Never rejects. */
  async #enter(place: Place, name: string, request: number): Promise<void> {
    const connection = this.#connection;
    try {
      const space = await place.space;
      if (connection.isClosed) return;
      const { stage, pathOf, source } = space;
      this.#joined = {
        place,
        space,
        contents: new ContentServer(connection, { source, stage, pathOf }),
        putter: {
          name,
          connection,
          fetcher: new RemoteContents(connection, { stage, pathOf }),
          signal: this.#gone.signal,
        },
      };
      this.#answer({ type: "joined", index: space.index, sequence: space.sequence }, request);
    } catch (reason) {
      connection.close(
        new ProtocolError(ErrorCode.failed, reason instanceof Error ? reason.message : `${reason}`),
      );
    }
  }

  #handle(frame: Frame, { place, space, contents, putter }: Joined): void {
    const { message, request } = frame;
    switch (message.type) {
      case "getEntries":
        return space.ask(this.#connection, request, message.after);
      case "putEntries":
        return void this.#put(space, putter, message, request);
      case "getDevices":
        return this.#answer({ type: "devices", devices: this.#devices(place) }, request);
      case "getVersions": {
        const versions = space.versionsOf(checkName(message.path));
        return this.#answer({ type: "versions", versions }, request);
      }
      case "restore":
        return void this.#restore(space, putter, message, request);
      case "cancel":
        space.forget(this.#connection, request);
        contents.receive(frame);
        return;
      default:
        if (!contents.receive(frame)) throw unexpected(message);
    }
  }

  #devices({ devices }: Place): MessageOf<"devices">["devices"] {
    return devices.map(({ name, host, connection }) => (
      { name, host, self: connection === this.#connection }
    ));
  }

  /** Never rejects. */
  async #put(
    space: UserSpace,
    putter: Putter,
    { entries }: MessageOf<"putEntries">,
    request: number,
  ): Promise<void> {
    await this.#work(async () => {
      const outcomes = await space.put(putter, entries.map(fromWire).map(checkCounts).map(once()));
      this.#answer({ type: "put", outcomes }, request);
    });
  }

  /** Never rejects. */
  async #restore(
    space: UserSpace,
    putter: Putter,
    { path, number }: MessageOf<"restore">,
    request: number,
  ): Promise<void> {
    await this.#work(async () => {
      const problem = await space.restore(putter, checkName(path), number);
      if (problem === undefined) this.#answer({ type: "ok" }, request);
      else this.#connection.refuse(request, problem.code, `Cannot restore: ${problem.reason}`);
    });
  }

  /** Does something that takes long, within limits. What it throws ends the connection. */
  async #work(work: () => Promise<void>): Promise<void> {
    this.#putCount++;
    try {
      if (this.#putCount > PUTS_MAX) {
        throw new ProtocolError(ErrorCode.limit, "Cannot put: too many batches are on their way");
      }
      await work();
    } catch (reason) {
      this.#connection.close(reason instanceof Error ? reason : new Error(String(reason)));
    } finally {
      this.#putCount--;
    }
  }

  #answer(message: Message, request: number): void {
    if (!this.#connection.isClosed) this.#connection.send(message, request);
  }
}

/** Answers an entry whose version there is room to count on from. Throws a `ProtocolError`. */
function checkCounts(entry: Entry): Entry {
  const counts = [...countsOf(entry.version).values()];
  if (counts.length > 0 && counts.every((count) => count <= COUNT_MAX)) return entry;
  throw new ProtocolError(ErrorCode.malformed, "Cannot take an entry: its version makes no sense");
}

/** Lets each path pass once. Throws a `ProtocolError` for the second one. */
function once(): (entry: Entry) => Entry {
  const paths = new Set<string>();
  return (entry) => {
    if (paths.has(entry.path)) {
      throw new ProtocolError(ErrorCode.malformed, "Cannot take entries: two have the same path");
    }
    paths.add(entry.path);
    return entry;
  };
}
