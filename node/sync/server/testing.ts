/**
 * Test support, imported by tests only: a sync server over a simulated disk and streams in memory, and
 * devices whose requests the test makes itself.
 */

import type { Connection } from "../../../protocol/connection.ts";
import type { Message, MessageOf } from "../../../protocol/messages.ts";
import type { Duplex } from "../../../protocol/ports.ts";
import { seededRandom } from "../../../protocol/testing.ts";
import { ManualClock } from "../../../tests/manual_clock.ts";
import { MemoryFiles } from "../../../tests/sync_simulation/memory_files.ts";
import { MemoryFolder } from "../../../tests/sync_simulation/memory_folder.ts";
import { contentOf, MemoryStage } from "../../../tests/sync_simulation/memory_stage.ts";
import { MemoryTrash } from "../../../tests/sync_simulation/memory_trash.ts";
import { MemoryUserIndex } from "../../../tests/sync_simulation/memory_user_index.ts";
import { greet, OneListener, passTime, serverOptions } from "../../connecting/testing.ts";
import { ContentServer } from "../../transfer/content_server.ts";
import { contentKey } from "../../transfer/contents.ts";
import type { ContentId, LocatedContent } from "../../transfer/contents.ts";
import { ABSENT, FOLDER, fromWire, toWire } from "../entry.ts";
import type { Entry } from "../entry.ts";
import type { Version } from "../version.ts";
import type { UserPieces } from "./ports.ts";
import { runSyncServer } from "./sync_server.ts";
import type { SyncServerOptions } from "./sync_server.ts";

/** The disk of a server, which outlives its processes. */
export class ServerDisk {
  readonly files: MemoryFiles;
  readonly indexes = new Map<string, MemoryUserIndex>();
  readonly opened: string[] = [];
  readonly closed: string[] = [];

  /** @param options As those of `MemoryFiles`. */
  constructor(options: ConstructorParameters<typeof MemoryFiles>[0] = {}) {
    this.files = new MemoryFiles(options);
  }

  /** The pieces of a user's space, opened as a new process does. */
  open(name: string): UserPieces {
    const root = `/data/${name}`;
    this.opened.push(name);
    this.files.makeFolder(root);
    return {
      folder: new MemoryFolder(this.files, root),
      stage: new MemoryStage(this.files, `${root}/.p2pnode/stage`),
      trash: new MemoryTrash(this.files, `${root}/.p2pnode/trash`),
      index: this.indexOf(name),
      close: () => {
        this.closed.push(name);
        return Promise.resolve();
      },
    };
  }

  indexOf(name: string): MemoryUserIndex {
    let index = this.indexes.get(name);
    if (index === undefined) {
      index = new MemoryUserIndex(seededRandom(name.length));
      this.indexes.set(name, index);
    }
    return index;
  }

  /** The text of a user's file, undefined without one. */
  textOf(user: string, path: string): string | undefined {
    const bytes = this.files.bytesOf(`/data/${user}/${path}`);
    return bytes && new TextDecoder().decode(bytes);
  }

  /** How many files are in a user's trash. */
  trashCount(user: string): number {
    return this.files.paths(`/data/${user}/.p2pnode/trash`).length;
  }
}

/** A sync server that runs. */
export class TestServer implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly network = new OneListener();
  readonly log: string[] = [];
  /** Milliseconds since 1970. */
  wallMs = 1_000_000_000_000;
  readonly ended: Promise<void>;
  readonly #stop = new AbortController();

  constructor(readonly disk = new ServerDisk(), options: Partial<SyncServerOptions> = {}) {
    this.ended = runSyncServer({
      ...serverOptions({
        clock: this.clock,
        network: this.network,
        log: (line) => this.log.push(line),
        signal: this.#stop.signal,
      }),
      openUser: (name) => Promise.resolve(this.disk.open(name)),
      keepVersions: 3,
      keepMs: 30 * 24 * 60 * 60 * 1000,
      wallClock: () => this.wallMs,
      ...options,
    });
  }

  /** A device that is connected and has not joined. */
  async connect(number: number): Promise<TestDevice> {
    const stream = await this.network.connect({ host: "127.0.0.1", port: 7000 });
    return await TestDevice.greet(stream, number);
  }

  /** A device that has joined. */
  async join(number: number, user = "alice"): Promise<TestDevice> {
    const device = await this.connect(number);
    await device.join(user);
    return device;
  }

  /** Lets time pass, and all that happens in it. */
  async pass(ms: number): Promise<void> {
    await passTime(this.clock, ms);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** What a device puts at a path: text of a file, a folder, or nothing. */
export type Put = readonly [path: string, what: string | "folder/" | null, version: Version];

/** A device whose requests the test makes. It serves the contents that it has put, and counts what is fetched. */
export class TestDevice implements Disposable {
  readonly connection: Connection;
  readonly #files = new MemoryFiles();
  readonly #contents = new Map<string, LocatedContent>();
  /** Contents that were asked for. */
  readonly asked: string[] = [];
  /** Whether it leaves every request without an answer. */
  isSilent = false;
  joined: MessageOf<"joined"> | undefined;

  private constructor(connection: Connection) {
    this.connection = connection;
  }

  static async greet(stream: Duplex, number: number): Promise<TestDevice> {
    const connection = await greet(stream, { number, role: "device", expect: "sync-server" });
    const device = new TestDevice(connection);
    const contents = new ContentServer(connection, {
      source: { find: (content) => device.#find(content) },
      stage: new MemoryStage(device.#files, "/stage"),
      pathOf: (path) => path,
    });
    void connection.run((frame) => {
      if (device.isSilent) return;
      if (!contents.receive(frame)) throw new Error(`Nobody expects ${frame.message.type}`);
    });
    return device;
  }

  async join(user: string, device = "laptop"): Promise<void> {
    this.joined = await this.connection.request({ type: "join", user, device }, "joined");
  }

  /** Puts entries, whose contents the device then has. Answers the outcomes' names. */
  async put(...puts: readonly Put[]): Promise<string[]> {
    return await this.putEntries(puts.map((put) => this.entryOf(put)));
  }

  async putEntries(entries: readonly Entry[]): Promise<string[]> {
    const message: Message = { type: "putEntries", entries: entries.map(toWire) };
    const { outcomes } = await this.connection.request(message, "put");
    return outcomes.map(({ outcome }) => outcome);
  }

  entryOf([path, what, version]: Put): Entry {
    if (what === null) return { ...ABSENT, path, version };
    if (what === "folder/") return { ...FOLDER, path, version };
    const bytes = new TextEncoder().encode(what);
    const { id, size } = contentOf(bytes);
    const local = `/files/${contentKey({ id, size })}`;
    if (this.#files.nodeAt(local) === undefined) this.#files.write(local, bytes);
    const { stamp } = this.#files.stateOf(local)!;
    this.#contents.set(contentKey({ id, size }), { id, size, path: local, stamp });
    return { kind: "file", path, id, size, executable: false, version };
  }

  /** The device sends other bytes in place of a content, as if they were that. */
  replaceBytes({ id, size }: ContentId, text: string): void {
    const key = contentKey({ id, size });
    this.#files.write(`/files/${key}`, new TextEncoder().encode(text));
    const { stamp } = this.#files.stateOf(`/files/${key}`)!;
    this.#contents.set(key, { id, size, path: `/files/${key}`, stamp });
  }

  /** The device has these contents no longer. */
  forgetContents(): void {
    this.#contents.clear();
  }

  /** What changed after a sequence number, as the server tells it in one page. */
  async entries(after = 0): Promise<Entry[]> {
    const page = await this.connection.request({ type: "getEntries", after }, "entries");
    return page.entries.map(fromWire);
  }

  #find(content: ContentId): LocatedContent | undefined {
    this.asked.push(contentKey(content));
    return this.#contents.get(contentKey(content));
  }

  [Symbol.dispose](): void {
    this.connection.close();
  }
}
