/** Test support, imported by tests only: a copy in memory from a source that lists whatever a test says. */

import { Connection, unexpected } from "../../protocol/connection.ts";
import { ErrorCode } from "../../protocol/errors.ts";
import type { Frame } from "../../protocol/frame_reader.ts";
import type { MessageOf } from "../../protocol/messages.ts";
import { isAtOrBelow } from "../../protocol/path.ts";
import { duplexPair, seededRandom } from "../../protocol/testing.ts";
import { MemoryFiles } from "../../tests/sync_simulation/memory_files.ts";
import { MemoryFolder } from "../../tests/sync_simulation/memory_folder.ts";
import { MemoryStage } from "../../tests/sync_simulation/memory_stage.ts";
import { systemClock } from "../platform/clock.ts";
import { RemoteContents } from "../transfer/content_fetcher.ts";
import { ContentServer } from "../transfer/content_server.ts";
import { samePath, Side } from "../transfer/testing.ts";
import { Destination } from "./destination.ts";
import type { KnownContents } from "./known_contents.ts";
import { TreeCopy } from "./tree_copy.ts";
import type { CopyEvent, TreeCopyOptions } from "./tree_copy.ts";
import type { WireTreeEntry } from "./tree_entry.ts";

/** Where copies go on the simulated disk. */
export const ROOT = "/home/copies";
const NO_ID = new Uint8Array(32);

/** What a scripted source does otherwise than it should. */
export interface SourceScript {
  /** What it says that it has; what it lists if not given. */
  readonly totals?: Pick<MessageOf<"tree">, "fileCount" | "byteCount" | "otherCount">;
  /** Entries in a page; 3 if not given. */
  readonly pageSize?: number;
  /** It lists the same entries again and again. */
  readonly isEndless?: boolean;
  /** It refuses to open the tree. */
  readonly refusal?: string;
}

/** The bytes of a text. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** The other side of a copy: has contents, and lists what it is told to. */
export class ScriptedSource {
  readonly entries: WireTreeEntry[] = [];
  /** The numbers that were settled, in the order in which they came. */
  readonly done: number[] = [];
  readonly failed: number[] = [];
  /** The most entries that were listed and not settled. */
  unsettledMax = 0;
  /** Contents that were asked for. */
  askedCount = 0;
  readonly #side = new Side();
  #at = 0;

  constructor(readonly script: SourceScript = {}) {}

  file(
    path: string,
    content: string | Uint8Array,
    { executable = false }: { readonly executable?: boolean } = {},
  ): this {
    const bytes = typeof content === "string" ? bytesOf(content) : content;
    const { id, size } = this.#side.add(bytes);
    this.entries.push({ path, kind: "file", id, size, executable, target: "" });
    return this;
  }

  folder(path: string): this {
    return this.#other(path, "folder", "");
  }

  link(path: string, target: string): this {
    return this.#other(path, "link", target);
  }

  skipped(path: string, reason: string): this {
    return this.#other(path, "skipped", reason);
  }

  #other(path: string, kind: WireTreeEntry["kind"], target: string): this {
    this.entries.push({ path, kind, id: NO_ID, size: 0, executable: false, target });
    return this;
  }

  /** Serves one connection. */
  receiver(connection: Connection): (frame: Frame) => void {
    const contents = new ContentServer(connection, {
      source: this.#side,
      stage: this.#side.stage,
      pathOf: samePath,
    });
    this.#at = 0;
    return (frame) => {
      const { message, request } = frame;
      if (message.type === "openTree") this.#open(connection, request);
      else if (message.type === "listTree") connection.send(this.#page(), request);
      else if (message.type === "settled") this.#settle(message);
      else if (contents.receive(frame)) this.#count(message);
      else if (message.type !== "cancel") throw unexpected(message);
    };
  }

  #open(connection: Connection, request: number): void {
    const { refusal, totals } = this.script;
    if (refusal !== undefined) return connection.refuse(request, ErrorCode.absent, refusal);
    const files = this.entries.filter(({ kind }) => kind === "file");
    connection.send({
      type: "tree",
      fileCount: files.length,
      byteCount: files.reduce((sum, { size }) => sum + size, 0),
      otherCount: this.entries.length - files.length,
      ...totals,
    }, request);
  }

  #page(): MessageOf<"treeEntries"> {
    const { pageSize = 3, isEndless = false } = this.script;
    if (isEndless && this.#at >= this.entries.length) this.#at = 0;
    const entries = this.entries.slice(this.#at, this.#at += pageSize);
    const unsettledCount = this.#at - this.done.length - this.failed.length;
    this.unsettledMax = Math.max(this.unsettledMax, unsettledCount);
    return { type: "treeEntries", entries, last: !isEndless && this.#at >= this.entries.length };
  }

  #settle({ done, failed }: MessageOf<"settled">): void {
    this.done.push(...done);
    this.failed.push(...failed);
  }

  #count(message: Frame["message"]): void {
    if (message.type === "getContents") this.askedCount += message.files.length;
    if (message.type === "getBlock") this.askedCount++;
  }
}

/** What is known, in memory. */
export class MemoryKnown implements KnownContents {
  readonly all = new Map<string, { readonly stamp: string; readonly id: Uint8Array }>();

  find(path: string, stamp: string): Uint8Array | undefined {
    const known = this.all.get(path);
    return known?.stamp === stamp ? known.id : undefined;
  }

  remember(path: string, stamp: string, id: Uint8Array): void {
    this.all.set(path, { stamp, id });
  }

  keepOnly(start: string, present: { has(path: string): boolean }): void {
    for (const path of this.all.keys()) {
      if (isAtOrBelow(path, start) && !present.has(path)) this.all.delete(path);
    }
  }
}

/** A machine that trees are copied to; its disk outlives the copies. */
export class CopyMachine {
  readonly files = new MemoryFiles();
  readonly known = new MemoryKnown();

  constructor() {
    this.files.makeFolder(ROOT);
  }

  /** Writes a file below the root. */
  write(path: string, text: string): void {
    this.files.write(`${ROOT}/${path}`, bytesOf(text));
  }

  /** The text of a file, or of a link what it says. */
  read(path: string): string | undefined {
    const node = this.files.nodeAt(`${ROOT}/${path}`);
    return node && (node.kind === "folder" ? "(folder)" : new TextDecoder().decode(node.bytes));
  }

  /** All paths below the root but those of p2pnode itself, sorted. */
  get paths(): string[] {
    return this.files.paths(ROOT).map((path) => path.slice(ROOT.length + 1))
      .filter((path) => !/^\.p2pnode(\/|$)/.test(path));
  }

  /** Copies from a source. What went wrong is in `error`. */
  async copy(
    source: ScriptedSource,
    options: Partial<TreeCopyOptions> = {},
  ): Promise<{ events: CopyEvent[]; error: Error | undefined; copy: TreeCopy }> {
    const [here, there] = duplexPair({ random: seededRandom(1) });
    const [connection, other] = [new Connection(here), new Connection(there)];
    const running = [
      connection.run((frame) => {
        throw unexpected(frame.message);
      }),
      other.run(source.receiver(other)),
    ];
    const folder = new MemoryFolder(this.files, ROOT);
    const stage = new MemoryStage(this.files, `${ROOT}/.p2pnode/stage`);
    const events: CopyEvent[] = [];
    const { deletion = "none" } = options;
    const copy = new TreeCopy({
      connection,
      contents: new RemoteContents(connection, { stage, pathOf: (path) => folder.pathOf(path) }),
      destination: new Destination({
        folder,
        stage,
        known: this.known,
        temporaryPath: () => folder.temporaryPath(),
        deletes: deletion !== "none",
      }),
      stage,
      clock: systemClock,
      path: "",
      isExcluded: () => false,
      deletion,
      isTrial: false,
      observe: (event) => events.push(event),
      signal: new AbortController().signal,
      ...options,
    });
    let error: Error | undefined;
    try {
      await copy.run();
      await connection.flushed();
    } catch (thrown) {
      error = thrown as Error;
    }
    connection.close();
    await Promise.all(running);
    folder.close();
    return { events, error, copy };
  }
}
