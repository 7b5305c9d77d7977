/**
 * One tree on its way to one client: a walk finds entries, workers hash the files among them, pages list them in
 * the order of the walk, and the client settles them.
 *
 * Entries between the walk and the pages are bounded, and so are those between the pages and their settling:
 * the walk waits where there are too many. What is settled is forgotten.
 */

import { ErrorCode, ProtocolError } from "../../../protocol/errors.ts";
import { BODY_SIZE_MAX, HEADER_SIZE } from "../../../protocol/header.ts";
import { frameSize } from "../../../protocol/messages.ts";
import type { MessageOf } from "../../../protocol/messages.ts";
import { TREE_ENTRY_COUNT_MAX, UNSETTLED_COUNT_MAX } from "../../../protocol/tree_messages.ts";
import { contentKey } from "../../transfer/contents.ts";
import type { ContentId, ContentSource, LocatedContent } from "../../transfer/contents.ts";
import type { TreeTotals, WireTreeEntry } from "../tree_entry.ts";
import type { HashWorkers } from "./hash_workers.ts";
import { OfferedEntry } from "./offered_entry.ts";
import type { OfferedEntryOptions } from "./offered_entry.ts";
import type { SourceEntry, SourceFolder } from "./ports.ts";

/** Entries that the walk may be ahead of the pages. */
const PREPARED_MAX = 1024;
/** A tree of at most so many entries is remembered from the first look and not walked through again. */
const KEPT_MAX = UNSETTLED_COUNT_MAX;
/** Pages that a client may ask for before it has got the first of them. */
const ASKED_MAX = 16;

const EMPTY_PAGE_SIZE = frameSize(pageOf([], false));
const PAGE_ROOM = BODY_SIZE_MAX - (EMPTY_PAGE_SIZE - HEADER_SIZE);

/** How far a tree has come. */
export interface TreeProgress {
  /** Files that the client has, and those that it could not copy. */
  readonly filesDone: number;
  readonly filesFailed: number;
  /** Everything was listed and settled. */
  readonly isComplete: boolean;
}

export interface OfferedTreeOptions {
  readonly path: string;
  readonly folder: SourceFolder;
  readonly workers: HashWorkers;
  /** Sends a page as the answer to the request of this number. */
  readonly send: (page: MessageOf<"treeEntries">, request: number) => void;
  /** The tree cannot be listed any further. */
  readonly failed: (reason: Error) => void;
}

export class OfferedTree implements ContentSource, Disposable {
  readonly #options: OfferedTreeOptions;
  readonly #ending = new AbortController();
  readonly #entryOptions: OfferedEntryOptions = {
    signal: this.#ending.signal,
    ready: () => this.#schedulePages(),
  };
  #totals: TreeTotals | undefined;
  /** What the first look found, if that was not too much. */
  #kept: SourceEntry[] | undefined;
  /** Entries in the order of the walk; the first ones may be listed already. */
  #prepared: OfferedEntry[] = [];
  #isWalked = false;
  /** The number of the next entry. */
  #next = 0;
  readonly #unsettled = new Map<number, OfferedEntry>();
  readonly #byContent = new Map<string, OfferedEntry[]>();
  /** The numbers of requests for pages. */
  readonly #asked: number[] = [];
  #lastIsListed = false;
  #filesDone = 0;
  #filesFailed = 0;
  #isPaging = false;
  /** Lets the walk go on. */
  #wake = () => {};

  constructor(options: OfferedTreeOptions) {
    this.#options = options;
  }

  get path(): string {
    return this.#options.path;
  }

  /** What the first look found, once it is done. */
  get totals(): TreeTotals | undefined {
    return this.#totals;
  }

  get progress(): TreeProgress {
    return {
      filesDone: this.#filesDone,
      filesFailed: this.#filesFailed,
      isComplete: this.#lastIsListed && this.#unsettled.size === 0,
    };
  }

  /** Whether the client waits for a page, and has settled enough to get one. */
  get isListing(): boolean {
    return this.#asked.length > 0 && this.#unsettled.size < UNSETTLED_COUNT_MAX;
  }

  /**
   * Looks through the tree for the first time, and begins to prepare its pages. Throws `Cannot read ROOT: reason`,
   * and an `AbortError` where the tree is disposed of.
   */
  async open(): Promise<TreeTotals> {
    const totals = { fileCount: 0, byteCount: 0, otherCount: 0 };
    const kept: SourceEntry[] = [];
    let count = 0;
    const { folder, path } = this.#options;
    for await (const batch of folder.walk(path, { signal: this.#ending.signal })) {
      for (const { kind, size } of batch) {
        if (kind === "file") totals.fileCount++;
        else totals.otherCount++;
        totals.byteCount += size;
      }
      count += batch.length;
      if (count <= KEPT_MAX) kept.push(...batch);
    }
    this.#ending.signal.throwIfAborted();
    if (count <= KEPT_MAX) this.#kept = kept;
    this.#totals = totals;
    void this.#prepare();
    return totals;
  }

  /** The client wants the next page. Throws a `ProtocolError` where it asks for too many. */
  ask(request: number): void {
    if (this.#asked.length >= ASKED_MAX) {
      throw new ProtocolError(ErrorCode.limit, "Cannot list: too many pages are asked for");
    }
    this.#asked.push(request);
    this.#schedulePages();
  }

  /** The client asks for a page no longer. Answers whether it had. */
  forget(request: number): boolean {
    const at = this.#asked.indexOf(request);
    if (at >= 0) this.#asked.splice(at, 1);
    return at >= 0;
  }

  /** The client needs these entries no more. Throws a `ProtocolError` for numbers that are not open. */
  settle({ done, failed }: Pick<MessageOf<"settled">, "done" | "failed">): void {
    for (const number of done) if (this.#settleOne(number).content) this.#filesDone++;
    for (const number of failed) if (this.#settleOne(number).content) this.#filesFailed++;
    this.#schedulePages();
  }

  /** A file that is listed, not settled, and has the content. */
  find(content: ContentId): LocatedContent | undefined {
    const row = this.#byContent.get(contentKey(content))?.[0];
    if (row?.content === undefined) return undefined;
    return { ...row.content, path: row.entry.path };
  }

  /** Whether the content is listed and is asked for the first time. */
  isFirstRequest(content: ContentId): boolean {
    const row = this.#byContent.get(contentKey(content))?.[0];
    if (row === undefined || row.wasAskedFor) return false;
    row.wasAskedFor = true;
    return true;
  }

  [Symbol.dispose](): void {
    this.#ending.abort();
    this.#prepared = [];
    this.#wake();
  }

  /** Never rejects. */
  async #prepare(): Promise<void> {
    const { signal } = this.#ending;
    const { workers, path, failed } = this.#options;
    try {
      for await (const batch of this.#walk()) {
        for (const entry of batch) {
          while (this.#prepared.length >= PREPARED_MAX && !signal.aborted) {
            await new Promise<void>((resolve) => this.#wake = resolve);
          }
          if (signal.aborted) return;
          const full = this.#prepareOne(entry);
          if (full !== undefined) await full;
        }
        this.#schedulePages();
      }
      this.#isWalked = true;
      workers.noteWalked(path);
      this.#schedulePages();
    } catch (reason) {
      if (!signal.aborted) failed(reason as Error);
    }
  }

  #walk(): AsyncIterable<readonly SourceEntry[]> | Iterable<readonly SourceEntry[]> {
    const kept = this.#kept;
    this.#kept = undefined;
    const { folder, path } = this.#options;
    return kept === undefined ? folder.walk(path, { signal: this.#ending.signal }) : [kept];
  }

  /** Adds an entry to those that are prepared. Answers a promise where a worker's queue is full. */
  #prepareOne(entry: SourceEntry): Promise<void> | undefined {
    const row = new OfferedEntry(entry, this.#entryOptions);
    this.#prepared.push(row);
    if (!row.isFile) return undefined;
    const { workers } = this.#options;
    const id = workers.known(entry);
    if (id === undefined) return workers.hash(entry, row);
    row.content = { id, size: entry.size, stamp: entry.stamp };
    return undefined;
  }

  /** Sends pages one microtask late: files that were hashed together are listed together. */
  #schedulePages(): void {
    if (this.#isPaging || this.#asked.length === 0) return;
    this.#isPaging = true;
    queueMicrotask(() => {
      this.#isPaging = false;
      while (!this.#ending.signal.aborted && this.#asked.length > 0 && this.#sendPage());
    });
  }

  /** Sends a page if there is anything to list; answers whether it did. */
  #sendPage(): boolean {
    const entries: WireTreeEntry[] = [];
    let room = PAGE_ROOM;
    let taken = 0;
    for (const row of this.#prepared) {
      const isRoom = entries.length < TREE_ENTRY_COUNT_MAX &&
        this.#unsettled.size < UNSETTLED_COUNT_MAX;
      if (!row.isReady || !isRoom) break;
      const wire = row.isGone ? undefined : row.toWire();
      if (wire !== undefined) {
        room -= sizeOf(wire);
        if (room < 0) break;
        entries.push(wire);
        this.#list(row);
      }
      taken++;
    }
    this.#prepared.splice(0, taken);
    const last = this.#isWalked && this.#prepared.length === 0;
    if (taken > 0) this.#wake();
    if (entries.length === 0 && !last) return false;
    this.#lastIsListed ||= last;
    this.#options.send(pageOf(entries, last), this.#asked.shift()!);
    return true;
  }

  #list(row: OfferedEntry): void {
    this.#unsettled.set(this.#next++, row);
    if (row.content === undefined) return;
    row.key = contentKey(row.content);
    const same = this.#byContent.get(row.key);
    if (same === undefined) this.#byContent.set(row.key, [row]);
    else same.push(row);
  }

  #settleOne(number: number): OfferedEntry {
    const row = this.#unsettled.get(number);
    if (row === undefined) {
      throw new ProtocolError(
        ErrorCode.unexpected,
        `Cannot settle entry ${number}: it is not listed, or settled already`,
      );
    }
    this.#unsettled.delete(number);
    if (row.key === undefined) return row;
    const same = this.#byContent.get(row.key)!;
    if (same.length === 1) this.#byContent.delete(row.key);
    else same.splice(same.indexOf(row), 1);
    return row;
  }
}

function pageOf(entries: WireTreeEntry[], last: boolean): MessageOf<"treeEntries"> {
  return { type: "treeEntries", entries, last };
}

/** Bytes that an entry adds to a page. */
function sizeOf(entry: WireTreeEntry): number {
  return frameSize(pageOf([entry], false)) - EMPTY_PAGE_SIZE;
}
