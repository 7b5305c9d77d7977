/**
 * The stream of local changes up: tells the server what is here, some requests at a time, and notes what it
 * has stored for good. The server fetches the contents that it lacks over the same connection.
 *
 * Deletions wait until what was created has been stored, so that a moved content is found under its old
 * name; where both are known, a move's creation and deletion travel together.
 */

import { utf8Size } from "../../../protocol/fields.ts";
import { folderOf } from "../../../protocol/path.ts";
import { BODY_SIZE_MAX } from "../../../protocol/header.ts";
import type { MessageOf } from "../../../protocol/messages.ts";
import { ENTRY_COUNT_MAX } from "../../../protocol/sync_messages.ts";
import { ConnectionClosed } from "../../../protocol/errors.ts";
import { contentKey } from "../../transfer/contents.ts";
import type { ContentId, LocatedContent } from "../../transfer/contents.ts";
import type { SyncTransfer } from "../client.ts";
import { toWire } from "../entry.ts";
import type { Entry } from "../entry.ts";
import { compareVersions, isTellable, NO_ROOM_IN_VERSION } from "../version.ts";
import { Rank } from "./change_order.ts";
import type { Row } from "./row.ts";
import type { SessionContext } from "./session_context.ts";
import type { WorkQueue } from "./work_queue.ts";

/** Requests that are under way at once, and how many of them with large files. */
const REQUESTS_MAX = 4;
const LARGE_REQUESTS_MAX = 2;
/** Large files of one request have so many bytes together, unless there is only one. */
const LARGE_SIZE_MAX = 64 * 1024 * 1024;
/** What an entry takes beside its path and its version, and what each replica in that takes, at most. */
const ENTRY_SIZE = 2 + 1 + 32 + 8 + 1 + 2;
const REPLICA_SIZE = 8 + 8;
/** The length of a replica and its count in a version's text, at least. */
const REPLICA_LENGTH = 18;
/** The server answers when it has all contents; how long that takes nobody knows. */
const PUT_TIMEOUT_MS = 7 * 24 * 60 * 60_000;
/** A file that changed while the server fetched it is looked at and told again after this long. */
const CHANGED_RETRY_MS = 500;

type Outcome = MessageOf<"put">["outcomes"][number];
/** What a request is about; those of one kind have a common limit. */
type Class = "small" | "large" | "deletion" | "last";

export class Uploads {
  readonly #context: SessionContext;
  readonly #queue: WorkQueue;
  readonly #requests: Record<Class, number> = { small: 0, large: 0, deletion: 0, last: 0 };
  readonly #large = new Set<Entry>();
  /** How many bytes of these the server has fetched, by content. */
  readonly #sentBytes = new Map<string, number>();
  /** By content, a path of what the server is told of, and asks for next. */
  readonly #told = new Map<string, string>();

  constructor(context: SessionContext) {
    this.#context = context;
    this.#queue = context.ledger.up;
  }

  /** Large files that the server is told of. */
  *transfers(): Generator<SyncTransfer> {
    for (const entry of this.#large) {
      const { path, size } = entry;
      const sentBytes = this.#sentBytes.get(contentKey(entry)) ?? 0;
      // What the server asks for a second time counts twice.
      yield { path, direction: "up", bytesDone: Math.min(sentBytes, size), bytesTotal: size };
    }
  }

  /** A file with a content that the server is told of. The index would take longer to find it. */
  find(content: ContentId): LocatedContent | undefined {
    const key = contentKey(content);
    const path = this.#told.get(key);
    const local = path === undefined ? undefined : this.#context.ledger.row(path).local;
    if (path === undefined || local?.kind !== "file" || contentKey(local) !== key) return undefined;
    return { ...content, path, stamp: local.stamp };
  }

  /** So many bytes of a content were sent, because the server asked for them. */
  sent(content: ContentId, size: number): void {
    const key = contentKey(content);
    const before = this.#sentBytes.get(key);
    if (before !== undefined) this.#sentBytes.set(key, before + size);
  }

  /** Tells the server of all there is, as it comes, until the connection ends or `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { connection } = this.#context;
    this.#queue.bell.ringOn(signal);
    while (!signal.aborted && !connection.isClosed) {
      for (let batch = this.#next(); batch !== undefined; batch = this.#next()) {
        void this.#send(batch);
      }
      await this.#queue.bell.rung;
    }
  }

  /** The next request; none while there are enough of them. */
  #next(): Batch | undefined {
    const { small, large, deletion, last } = this.#requests;
    if (small + large + deletion + last >= REQUESTS_MAX) return undefined;
    const created = this.#batch("small", [Rank.folder, Rank.file]) ??
      (large < LARGE_REQUESTS_MAX ? this.#batch("large", [Rank.largeFile]) : undefined);
    if (created !== undefined || small + deletion > 0) return created;
    return this.#batch("deletion", [Rank.fileDeletion]) ??
      this.#batch("deletion", [Rank.folderDeletion]) ??
      this.#batch("last", [Rank.fileForFolder]);
  }

  #batch(kind: Class, ranks: readonly Rank[]): Batch | undefined {
    const batch = new Batch(kind);
    for (const rank of ranks) {
      for (const path of this.#inOrder(rank)) {
        if (!this.#add(batch, path)) return batch;
      }
    }
    return batch.entries.length > 0 ? batch : undefined;
  }

  /**
   * The deepest folders go first, so that each is empty when it goes. A file takes the place of a folder only
   * when it is known what became of all that was in that.
   */
  #inOrder(rank: Rank): Iterable<string> {
    const { ledger } = this.#context;
    const waiting = this.#queue.waiting(rank);
    if (rank === Rank.folderDeletion) return [...waiting].sort((a, b) => a < b ? 1 : -1);
    if (rank === Rank.fileForFolder) return [...waiting].filter((path) => !ledger.hasBelow(path));
    return rank === Rank.fileDeletion ? waiting : this.#placeable(waiting);
  }

  /** Those of some paths whose folder can be there: the server has no file in its place that is to go. */
  *#placeable(paths: Iterable<string>): Generator<string> {
    const blocked = new Map([["", false]]);
    for (const path of paths) if (!this.#isBlocked(folderOf(path), blocked)) yield path;
  }

  /**
   * Whether a folder has to wait for its place. Where nothing is done about the file that is there, the
   * server refuses what comes below it, and says why.
   *
   * @param known What was found out so far, by path.
   */
  #isBlocked(folder: string, known: Map<string, boolean>): boolean {
    const before = known.get(folder);
    if (before !== undefined) return before;
    const { ledger } = this.#context;
    const kind = ledger.row(folder).remote?.kind ?? "absent";
    const isBlocked = kind === "file"
      ? ledger.isOpen(folder)
      : kind === "absent" && this.#isBlocked(folderOf(folder), known);
    known.set(folder, isBlocked);
    return isBlocked;
  }

  /** Adds a path, and the deletion of the one that it was moved from. False where there is no room. */
  #add(batch: Batch, path: string): boolean {
    const { ledger } = this.#context;
    const row = ledger.row(path);
    if (!isTellable(row.local!.version)) {
      this.#cannotSend(path, NO_ROOM_IN_VERSION);
      return true;
    }
    if (!batch.hasRoom(row)) return false;
    this.#queue.takeOne(path);
    batch.add(row);
    const from = row.local!.kind === "file" ? ledger.departure(row.local!) : undefined;
    if (from === undefined) return true;
    // Without room for both, the deletion waits for its turn.
    const deletion = ledger.row(from);
    if (!isTellable(deletion.local!.version)) return true;
    if (!batch.hasRoom(deletion)) return false;
    this.#queue.takeOne(from);
    batch.add(deletion);
    return true;
  }

  async #send(batch: Batch): Promise<void> {
    const { connection, ledger } = this.#context;
    const { kind, entries } = batch;
    this.#requests[kind]++;
    const large = kind === "large" ? entries : [];
    const files = entries.filter((entry) => entry.kind === "file");
    for (const entry of files) this.#told.set(contentKey(entry), entry.path);
    for (const entry of large) {
      this.#large.add(entry);
      this.#sentBytes.set(contentKey(entry), 0);
    }
    try {
      const message = { type: "putEntries", entries: entries.map(toWire) } as const;
      const { outcomes } = await connection.request(message, "put", PUT_TIMEOUT_MS);
      this.#take(entries, outcomes);
    } catch (reason) {
      const paths = entries.map(({ path }) => path);
      if (reason instanceof ConnectionClosed) ledger.release(this.#queue, paths);
      else this.#failed(paths, (reason as Error).message);
    } finally {
      this.#requests[kind]--;
      for (const entry of files) this.#told.delete(contentKey(entry));
      for (const entry of large) {
        this.#large.delete(entry);
        this.#sentBytes.delete(contentKey(entry));
      }
      this.#queue.bell.ring();
    }
  }

  #failed(paths: readonly string[], reason: string): void {
    const { clock, timings, observe } = this.#context;
    const untilMs = clock.now() + timings.retryMs;
    for (const path of paths) this.#queue.putOff(path, untilMs);
    observe({ kind: "trouble", reason });
  }

  #take(entries: readonly Entry[], outcomes: readonly Outcome[]): void {
    const { ledger, observe } = this.#context;
    const stored = entries.filter((_, index) => outcomes[index]?.outcome === "stored");
    for (const { path } of stored) this.#queue.free(path);
    ledger.save(stored.map((entry) => withStored(ledger.row(entry.path), entry)));
    for (const entry of stored) observe({ kind: "sent", entry });
    for (const [index, entry] of entries.entries()) {
      const outcome = outcomes[index];
      if (outcome?.outcome !== "stored") this.#takeUnstored(entry, outcome);
    }
  }

  #cannotSend(path: string, reason: string): void {
    const { clock, timings, observe } = this.#context;
    this.#queue.putOff(path, clock.now() + timings.retryMs, reason);
    observe({ kind: "skipped", path, reason });
  }

  #takeUnstored(entry: Entry, outcome: Outcome | undefined): void {
    const { ledger, clock, timings, local } = this.#context;
    const { path } = entry;
    // What changed meanwhile is told again, whatever became of what it was.
    if (ledger.row(path).local?.version !== entry.version) {
      return ledger.release(this.#queue, [path]);
    }
    const nowMs = clock.now();
    if (outcome?.outcome === "refused") {
      this.#cannotSend(path, outcome.reason);
    } else if (outcome?.outcome === "absent") {
      this.#queue.putOff(path, nowMs + CHANGED_RETRY_MS);
      local.hint([path]);
    } else if (this.#queue.isOutdated(path)) {
      ledger.release(this.#queue, [path]);
    } else {
      // It is stale: what the server has instead is on its way, and sets the path anew.
      this.#queue.putOff(path, nowMs + timings.retryMs);
    }
  }
}

/** The entries of one request. */
class Batch {
  readonly entries: Entry[] = [];
  #bodySize = 2;
  #contentSize = 0;

  constructor(readonly kind: Class) {}

  hasRoom({ path, local }: Row): boolean {
    if (this.entries.length === 0) return true;
    if (this.entries.length >= ENTRY_COUNT_MAX) return false;
    if (this.kind === "large" && this.#contentSize + local!.size > LARGE_SIZE_MAX) return false;
    return this.#bodySize + sizeOf(path, local!.version) <= BODY_SIZE_MAX;
  }

  add({ path, local }: Row): void {
    const { stamp: _, ...state } = local!;
    this.entries.push({ path, ...state });
    this.#bodySize += sizeOf(path, local!.version);
    this.#contentSize += local!.size;
  }
}

function sizeOf(path: string, version: string): number {
  const replicaCount = Math.ceil((version.length + 1) / (REPLICA_LENGTH + 1));
  return ENTRY_SIZE + 2 + utf8Size(path) + replicaCount * REPLICA_SIZE;
}

/** The row after the server has stored an entry; it may have heard of a later one meanwhile. */
function withStored(row: Row, { path: _, ...stored }: Entry): Row {
  const { remote } = row;
  const isLater = remote === undefined ||
    compareVersions(stored.version, remote.version) === "follows";
  return isLater ? { ...row, remote: stored } : row;
}
