/**
 * The entries of a tree that the other side of a connection offers, page by page, as they are listed.
 *
 * Pages are asked for ahead, so that the way between both sides costs no time for each. Listed and not settled are
 * far fewer entries than the source would allow: enough to keep everybody busy, and few enough that the garbage
 * collector finds most of them before they grow old. Whoever takes entries settles each, sooner or later.
 */

import type { Connection } from "../../protocol/connection.ts";
import { ConnectionClosed, ErrorCode, ProtocolError } from "../../protocol/errors.ts";
import type { MessageOf } from "../../protocol/messages.ts";
import { SETTLED_COUNT_MAX, TREE_ENTRY_COUNT_MAX } from "../../protocol/tree_messages.ts";
import { EntryCheck } from "./tree_entry.ts";
import type { TreeEntry, TreeTotals } from "./tree_entry.ts";

/** Pages that are asked for and not taken yet. */
const PAGES_AHEAD = 4;
/**
 * Entries that are listed, or asked for, and not settled. Whoever takes them may hold back no more than three quarters:
 * half that wait for a folder to make way (tree_copy.ts), and a quarter for one to be put together (new_folders.ts).
 */
export const OPEN_ENTRIES_MAX = 4096;
/** The source looks through the whole tree first. That it is alive is seen to by the connection. */
const OPEN_TIMEOUT_MS = 60 * 60_000;
/** The source may have to read a huge file before it can list it. */
const LIST_TIMEOUT_MS = 24 * 60 * 60_000;

/** Which tree is opened, and how. */
export interface OpenTreeOptions {
  /** A path of what the source offers, "" for all. */
  readonly path: string;
  /** The source waits so long before it sends each file; 0 if not given. */
  readonly delayMs?: number;
}

/** A page that was asked for. */
interface AskedPage {
  readonly number: number;
  readonly page: Promise<Page>;
}

interface Page {
  readonly entries: readonly TreeEntry[];
  readonly isLast: boolean;
}

export class TreeListing {
  readonly totals: TreeTotals;
  readonly #connection: Connection;
  readonly #check: EntryCheck;
  readonly #asked: AskedPage[] = [];
  #unsettledCount = 0;
  /** Resolved when something was settled, or when the connection has ended. */
  #isSettled = Promise.withResolvers<void>();

  private constructor(connection: Connection, path: string, totals: TreeTotals) {
    this.totals = totals;
    this.#connection = connection;
    this.#check = new EntryCheck(path, totals);
    void connection.closed.then(() => this.#isSettled.resolve());
  }

  /**
   * Opens a tree; that takes the place of one that was opened before on this connection.
   *
   * @throws {RemoteError} why the source does not offer it.
   * @throws {ConnectionClosed} when the connection ends.
   */
  static async open(
    connection: Connection,
    { path, delayMs = 0 }: OpenTreeOptions,
  ): Promise<TreeListing> {
    const message = { type: "openTree", path, delayMs } as const;
    const opened = await connection.request(message, "tree", OPEN_TIMEOUT_MS);
    const { fileCount, byteCount, otherCount } = opened;
    return new TreeListing(connection, path, { fileCount, byteCount, otherCount });
  }

  /** How many entries are listed and not settled. */
  get unsettledCount(): number {
    return this.#unsettledCount;
  }

  /**
   * The entries in the source's order, checked, a page at a time and each once. Waits while too many are not
   * settled. Throws a `ConnectionClosed` when the connection ends before.
   */
  async *pages(): AsyncGenerator<readonly TreeEntry[], void> {
    try {
      for (;;) {
        this.#askAhead();
        const first = this.#asked.shift();
        if (first === undefined) {
          await this.#roomOrEnd();
          continue;
        }
        const { entries, isLast } = await first.page;
        if (entries.length > 0) yield entries;
        if (isLast) return;
      }
    } finally {
      for (const { number } of this.#asked.splice(0)) this.#connection.cancel(number);
    }
  }

  /** Nothing more is needed of these entries: they are here or not wanted, or could not be copied. */
  settle(entries: readonly TreeEntry[], outcome: "done" | "failed"): void {
    for (let start = 0; start < entries.length; start += SETTLED_COUNT_MAX) {
      const numbers = entries.slice(start, start + SETTLED_COUNT_MAX).map(({ number }) => number);
      const [done, failed] = outcome === "done" ? [numbers, []] : [[], numbers];
      this.#connection.send({ type: "settled", done, failed });
    }
    this.#unsettledCount -= entries.length;
    this.#isSettled.resolve();
    this.#isSettled = Promise.withResolvers();
  }

  #askAhead(): void {
    const hasRoom = () => {
      const ahead = (this.#asked.length + 1) * TREE_ENTRY_COUNT_MAX;
      return this.#unsettledCount + ahead <= OPEN_ENTRIES_MAX;
    };
    while (this.#asked.length < PAGES_AHEAD && hasRoom()) this.#asked.push(this.#ask());
  }

  async #roomOrEnd(): Promise<void> {
    if (!this.#connection.isClosed) return await this.#isSettled.promise;
    const reason = await this.#connection.closed;
    throw new ConnectionClosed(reason?.message ?? "the connection is closed");
  }

  #ask(): AskedPage {
    const { promise: page, resolve, reject } = Promise.withResolvers<Page>();
    // Nobody may wait for it any more when the connection ends.
    page.catch(() => {});
    const number = this.#connection.ask({ type: "listTree" }, {
      answer: (answer) => {
        if (answer.type !== "treeEntries") throw misfit(answer.type);
        resolve(this.#take(answer));
        return true;
      },
      failed: reject,
    }, LIST_TIMEOUT_MS);
    return { number, page };
  }

  /** Entries count in the order in which they come, whoever waits for them. */
  #take({ entries, last }: MessageOf<"treeEntries">): Page {
    if (entries.length === 0 && !last) throw misfit("an empty page");
    this.#unsettledCount += entries.length;
    return { entries: entries.map((entry) => this.#check.check(entry)), isLast: last };
  }
}

function misfit(what: string): ProtocolError {
  return new ProtocolError(ErrorCode.malformed, `Cannot take ${what} for a part of the tree`);
}
