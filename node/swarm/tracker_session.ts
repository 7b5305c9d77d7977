/**
 * The conversation of a node with its tracker, for as long as the node runs.
 *
 * It announces what the catalog holds, follows the catalog's changes a little later and many at a time, and
 * asks the tracker's questions. When the tracker goes away, transfers go on; the session dials again, with
 * a pause that grows, and announces everything anew.
 */

import { addressText } from "../../protocol/address.ts";
import { Connection } from "../../protocol/connection.ts";
import { ErrorCode, RemoteError } from "../../protocol/errors.ts";
import { unexpected } from "../../protocol/connection.ts";
import { handshake } from "../../protocol/handshake.ts";
import type { Bitfield } from "../../protocol/bitfield.ts";
import type { Frame } from "../../protocol/frame_reader.ts";
import { NAME_SIZE_MAX } from "../../protocol/path.ts";
import { BODY_SIZE_MAX } from "../../protocol/header.ts";
import { FILE_COUNT_MAX } from "../../protocol/messages.ts";
import type { Message, MessageName, MessageOf } from "../../protocol/messages.ts";
import type { Address, Log } from "../../protocol/ports.ts";
import { utf8Size } from "../../protocol/fields.ts";
import type { Catalog, FileId, FileKey, HeldFile } from "./catalog.ts";
import { dial } from "../connecting/dial.ts";
import type { Endpoint } from "../connecting/endpoint.ts";
import type { PeerAddress } from "./links.ts";

/** Changes of the catalog are gathered for this long before they are announced. */
const GATHER_MS = 500;
const RETRY_MS_FIRST = 250;
const RETRY_MS_MAX = 5_000;
/** The answer to the last page of an announcement may take as long as the batch takes to assemble. */
const ASSEMBLY_TIMEOUT_MS = 24 * 60 * 60_000;
/** A tracker with the memory that it may use lists fewer. */
const LISTED_COUNT_MAX = 1_000_000;
/** What an entry of an announcement takes beside its name and its bitfield. */
const ENTRY_SIZE = 128;

/** A file as the tracker lists it, once for each of its names. */
export type TrackedFile = MessageOf<"files">["files"][number];
/** An active node as the tracker lists it. */
export type TrackedNode = MessageOf<"nodes">["nodes"][number];

export interface TrackerSessionOptions extends Endpoint {
  readonly tracker: Address;
  /** The port on which this node accepts peers. */
  readonly port: number;
  readonly catalog: Catalog;
  readonly log: Log;
  /** Resolves when the catalog holds all that the node has to offer at its start. */
  readonly ready: Promise<void>;
  /** The tracker says that the whole batch has ended. */
  readonly stopped: () => void;
}

export class TrackerSession implements Disposable {
  readonly #options: TrackerSessionOptions;
  readonly #changes = new Changes();
  readonly #ended = new AbortController();
  readonly #unobserve: () => void;
  #connection: Connection | undefined;
  #online = Promise.withResolvers<Connection>();
  readonly #assembled = Promise.withResolvers<void>();
  /** Resolves when it is known for the first time whether the tracker can be reached. */
  readonly #tried = Promise.withResolvers<void>();
  #announcing = false;
  #pingEveryMs = 10_000;
  #pingedMs = 0;
  #isTerminated = false;
  #stopped = false;

  constructor(options: TrackerSessionOptions) {
    this.#options = options;
    this.#unobserve = options.catalog.observe({
      added: (file) => this.#changed((changes) => changes.add(file, [...file.names.keys()])),
      named: (file, name) => this.#changed((changes) => changes.add(file, [name])),
      unnamed: (file, name) => this.#changed((changes) => changes.remove(file, [name])),
      removed: (file) => this.#changed((changes) => changes.remove(file, [...file.names.keys()])),
      completed: (file) => this.#changed((changes) => changes.finish(file)),
    });
  }

  /** Resolves when the first announcement has been acknowledged; in a batch, when it is assembled. */
  get assembled(): Promise<void> {
    return this.#assembled.promise;
  }

  get isOnline(): boolean {
    return this.#connection !== undefined;
  }

  /**
   * Connects once, so that whoever needs the tracker now learns why it cannot be had. Rejects with
   * `Cannot reach the tracker at HOST:PORT: reason`.
   */
  async connect(): Promise<void> {
    await this.#connect();
  }

  /** Stays connected until disposed of. */
  async run(): Promise<void> {
    let pauseMs = RETRY_MS_FIRST;
    let reported = false;
    while (!this.#ended.signal.aborted && !this.#stopped) {
      try {
        const connection = this.#connection ?? await this.#connect();
        if (reported) this.#options.log("the tracker is back");
        reported = false;
        pauseMs = RETRY_MS_FIRST;
        await this.#announceAll(connection);
        await connection.closed;
      } catch (reason) {
        this.#drop();
        if (this.#ended.signal.aborted) break;
        if (!reported) this.#options.log(`${(reason as Error).message} (trying again)`);
        reported = true;
      }
      this.#drop();
      await this.#options.clock.sleep(pauseMs, this.#ended.signal);
      pauseMs = Math.min(RETRY_MS_MAX, pauseMs * 2);
    }
  }

  /** Lets time pass: expires requests and tells the tracker that this node is alive. */
  tick(nowMs: number): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    connection.tick(nowMs);
    if (nowMs - this.#pingedMs < this.#pingEveryMs) return;
    this.#pingedMs = nowMs;
    connection.ask({ type: "ping" }, { answer: () => true, failed: () => {} });
  }

  /**
   * All files, or those with that exact name or those leading digits of an id. Asks for no more pages when
   * `countMax` files are there.
   */
  listFiles(match = "", countMax = Infinity): Promise<TrackedFile[]> {
    return gatherPages(async (after) => {
      const { files, next } = await this.#request({ type: "listFiles", after, match }, "files");
      return { entries: files, next };
    }, countMax);
  }

  /** All active nodes. */
  listNodes(): Promise<TrackedNode[]> {
    return gatherPages(async (after) => {
      const { nodes, next } = await this.#request({ type: "listNodes", after }, "nodes");
      return { entries: nodes, next };
    });
  }

  async findHolders({ id, size }: FileId): Promise<PeerAddress[]> {
    const { holders } = await this.#request({ type: "findHolders", id, size }, "holders");
    return [...holders];
  }

  /** Reports the blocks held of a file; the tracker answers with current holders. */
  async progress({ id, size }: FileId, have: Bitfield): Promise<PeerAddress[]> {
    const report = { type: "progress", id, size, have: have.encode() } as const;
    return [...(await this.#request(report, "holders")).holders];
  }

  /**
   * Everything that this node wanted is complete. Waits until the tracker knows; one that comes back later
   * is told again.
   */
  async terminated(): Promise<void> {
    this.#isTerminated = true;
    const connection = await this.#online.promise;
    await this.#announceChanges(connection);
    await connection.request({ type: "terminated" }, "ok");
  }

  /** Says goodbye, as far as the tracker still listens, and ends the session. */
  async leave(): Promise<void> {
    const connection = this.#connection;
    this.#unobserve();
    this.#ended.abort();
    if (connection !== undefined && !connection.isClosed) {
      connection.send({ type: "leave" });
      const late = this.#options.clock.sleep(GATHER_MS);
      await Promise.race([connection.flushed(), late]);
    }
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#unobserve();
    this.#ended.abort();
    this.#drop();
    this.#online.promise.catch(() => {});
    this.#online.reject(new Error("the node has ended"));
    this.#assembled.promise.catch(() => {});
    this.#assembled.reject(new Error("the node has ended"));
    this.#tried.resolve();
  }

  async #request<N extends MessageName>(message: Message, name: N): Promise<MessageOf<N>> {
    await this.#tried.promise;
    const connection = this.#connection;
    if (connection === undefined) throw new Error("the tracker is away");
    return await connection.request(message, name);
  }

  async #connect(): Promise<Connection> {
    const { tracker, identity, agent, verify, nonce, clock } = this.#options;
    try {
      const connection = new Connection(await dial(this.#options, tracker));
      await handshake(connection, {
        identity,
        role: "peer",
        agent,
        expect: "tracker",
        verify,
        nonce: nonce(),
        clock,
      });
      if (this.#ended.signal.aborted) {
        connection.close();
        throw new Error("the node has ended");
      }
      this.#connection = connection;
      void connection.run((frame) => this.#receive(frame));
      return connection;
    } catch (reason) {
      const where = addressText(tracker);
      throw new Error(`Cannot reach the tracker at ${where}: ${(reason as Error).message}`);
    } finally {
      this.#tried.resolve();
    }
  }

  #drop(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  #receive({ message }: Frame): void {
    if (message.type !== "stop") throw unexpected(message);
    this.#stopped = true;
    this.#options.stopped();
  }

  /**
   * The whole catalog in pages, and an empty last page once all files of the node are in the catalog. What
   * comes up meanwhile is announced as it comes.
   */
  async #announceAll(connection: Connection): Promise<void> {
    this.#changes.clear();
    const { catalog, port, ready } = this.#options;
    for (const [position, files] of announcementPages(namesOf([...catalog])).entries()) {
      const page = { port, first: position === 0, last: false, files };
      const answer = await connection.request({ type: "announce", ...page }, "announced");
      this.#pingEveryMs = Math.max(100, answer.ttlMs / 3);
    }
    this.#online.resolve(connection);
    void connection.closed.then(() => this.#online = Promise.withResolvers());
    this.#changed(() => {});
    await Promise.race([ready, connection.closed]);
    await this.#announceChanges(connection);
    const last = { type: "announce", port, first: false, last: true, files: [] } as const;
    await connection.request(last, "announced", ASSEMBLY_TIMEOUT_MS);
    this.#assembled.resolve();
    if (this.#isTerminated) await connection.request({ type: "terminated" }, "ok");
  }

  #changed(note: (changes: Changes) => void): void {
    note(this.#changes);
    if (this.#announcing || this.#changes.isEmpty || this.#connection === undefined) return;
    this.#announcing = true;
    void this.#announceSoon();
  }

  /** The first change goes out at once; those that follow are gathered. */
  async #announceSoon(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#changes.isEmpty && !this.#ended.signal.aborted) {
      try {
        await this.#announceChanges(await this.#online.promise);
      } catch (reason) {
        if (!(reason instanceof RemoteError) || reason.code !== ErrorCode.absent) break;
        this.#drop();
      }
      await clock.sleep(GATHER_MS, this.#ended.signal);
    }
    this.#announcing = false;
  }

  async #announceChanges(connection: Connection): Promise<void> {
    const { added, removed, finished } = this.#changes.take();
    for (const files of withdrawalPages(removed)) {
      await connection.request({ type: "withdraw", files }, "ok");
    }
    const { port } = this.#options;
    for (const files of added.length === 0 ? [] : announcementPages(added)) {
      const page = { port, first: false, last: false, files };
      await connection.request({ type: "announce", ...page }, "announced");
    }
    for (const files of pagesOf(finished, FILE_COUNT_MAX)) {
      await connection.request({ type: "finished", files }, "ok");
    }
  }
}

/** A file under one of its names. */
interface NamedFile {
  readonly file: HeldFile;
  readonly name: string;
}

function namesOf(files: readonly HeldFile[]): NamedFile[] {
  return files.flatMap((file) => [...file.names.keys()].map((name) => ({ file, name })));
}

/** Asks for page after page. Throws when a tracker goes in circles, or lists more than any honest one. */
async function gatherPages<Entry>(
  ask: (after: number) => Promise<{ entries: readonly Entry[]; next: number }>,
  countMax = Infinity,
): Promise<Entry[]> {
  const all: Entry[] = [];
  let after = 0;
  do {
    const { entries, next } = await ask(after);
    all.push(...entries);
    if ((next !== 0 && next <= after) || all.length > LISTED_COUNT_MAX) {
      throw new Error("Cannot list: the tracker's list does not end");
    }
    after = next;
  } while (after !== 0 && all.length < countMax);
  return all;
}

/** What happened to the catalog since the tracker was told last. */
class Changes {
  readonly #added = new Map<string, NamedFile>();
  readonly #removed = new Map<string, NamedFile>();
  readonly #finished = new Map<FileKey, HeldFile>();

  get isEmpty(): boolean {
    return this.#added.size + this.#removed.size + this.#finished.size === 0;
  }

  add(file: HeldFile, names: readonly string[]): void {
    for (const name of names) this.#added.set(`${file.key} ${name}`, { file, name });
  }

  /** Whatever is added again after this is announced after it was withdrawn. */
  remove(file: HeldFile, names: readonly string[]): void {
    this.#finished.delete(file.key);
    for (const name of names) {
      this.#added.delete(`${file.key} ${name}`);
      this.#removed.set(`${file.key} ${name}`, { file, name });
    }
  }

  finish(file: HeldFile): void {
    this.#finished.set(file.key, file);
  }

  take(): { added: NamedFile[]; finished: FileId[]; removed: Withdrawn[] } {
    const added = [...this.#added.values()];
    const announced = new Set(added.map(({ file }) => file.key));
    const taken = {
      added,
      finished: [...this.#finished.values()]
        .filter(({ key }) => !announced.has(key))
        .map(({ manifest: { id, size } }) => ({ id, size })),
      removed: [...this.#removed.values()]
        .map(({ file: { manifest: { id, size } }, name }) => ({ id, size, name })),
    };
    this.clear();
    return taken;
  }

  clear(): void {
    this.#added.clear();
    this.#removed.clear();
    this.#finished.clear();
  }
}

type Withdrawn = MessageOf<"withdraw">["files"][number];
type AnnouncedFile = MessageOf<"announce">["files"][number];

/** Cuts files into pages that fit a body; at least one page, even if it is empty. */
function announcementPages(files: readonly NamedFile[]): AnnouncedFile[][] {
  const pages: AnnouncedFile[][] = [[]];
  let size = 0;
  for (const { file: { manifest, have }, name } of files) {
    const { id, blockSize, publisher } = manifest;
    const entry = { id, size: manifest.size, name, blockSize, publisher, have: have.encode() };
    const entrySize = ENTRY_SIZE + utf8Size(name) + entry.have.length;
    const full = pages.at(-1)!.length === FILE_COUNT_MAX ||
      size + entrySize > BODY_SIZE_MAX - ENTRY_SIZE;
    if (full) {
      pages.push([]);
      size = 0;
    }
    pages.at(-1)!.push(entry);
    size += entrySize;
  }
  return pages;
}

/** Names of a kilobyte leave room for fewer than the usual number in a page. */
function withdrawalPages(files: readonly Withdrawn[]): Withdrawn[][] {
  return pagesOf(files, Math.floor(BODY_SIZE_MAX / (NAME_SIZE_MAX + ENTRY_SIZE)));
}

function pagesOf<T>(items: readonly T[], count: number): T[][] {
  const pages: T[][] = [];
  for (let at = 0; at < items.length; at += count) pages.push(items.slice(at, at + count));
  return pages;
}
