/**
 * Test support, imported by tests only: a source over a simulated disk and streams in memory, and a copier whose
 * requests the test makes itself.
 */

import type { Connection } from "../../../protocol/connection.ts";
import type { MessageOf } from "../../../protocol/messages.ts";
import { folderOf, nameProblem } from "../../../protocol/path.ts";
import type { Duplex } from "../../../protocol/ports.ts";
import { seededRandom } from "../../../protocol/testing.ts";
import { ManualClock } from "../../../tests/manual_clock.ts";
import { MemoryFiles } from "../../../tests/sync_simulation/memory_files.ts";
import { contentOf, MemoryStage } from "../../../tests/sync_simulation/memory_stage.ts";
import { greet, OneListener, passTime, serverOptions } from "../../connecting/testing.ts";
import type { FileState } from "../../store/folder.ts";
import type { Hint } from "../../folder/live_folder.ts";
import type { PathProblem, SourceEntry, SourceFolder, SourceWalkOptions } from "./ports.ts";
import { runTreeServer } from "./tree_server.ts";
import type { TreeServerOptions } from "./tree_server.ts";
import type { ClosedTree, OpenedTree } from "./tree_session.ts";

const ROOT = "/source";
const OWNER_MAY_EXECUTE = 0o100;
/** Entries that a walk finds at once. */
const BATCH_LENGTH = 100;

/** What a source offers, in memory. Everything that is not set is as a folder on the disk has it. */
export class MemorySource implements SourceFolder {
  readonly root = ROOT;
  readonly files: MemoryFiles;
  /** Links and what else is listed as it stands here, by path; put the folder that it is in first. */
  readonly others = new Map<string, Pick<SourceEntry, "kind" | "target">>();
  /** How many entries were taken from walks. */
  walkedCount = 0;
  #hint: (hint: Hint) => void = () => {};

  constructor(files = new MemoryFiles()) {
    this.files = files;
    files.makeFolder(ROOT);
  }

  /** Writes a file; missing folders on the way are made. */
  write(path: string, content: string | Uint8Array<ArrayBuffer>, executable = false): void {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    this.files.write(`${ROOT}/${path}`, bytes, { executable });
    this.#hint([path]);
  }

  makeFolder(path: string): void {
    this.files.makeFolder(`${ROOT}/${path}`);
  }

  remove(path: string): void {
    this.files.remove(`${ROOT}/${path}`);
    this.others.delete(path);
    this.#hint([path]);
  }

  problemAt(path: string): PathProblem | undefined {
    const problem = path === "" ? undefined : nameProblem(path);
    if (problem !== undefined) return { isAbsent: false, reason: problem };
    const isHere = path === "" || this.files.nodeAt(`${ROOT}/${path}`) !== undefined;
    return isHere ? undefined : { isAbsent: true, reason: "there is no such file or folder here" };
  }

  async *walk(
    path: string,
    { signal, isLeftOut = () => false }: SourceWalkOptions,
  ): AsyncGenerator<readonly SourceEntry[], void> {
    const top = path === "" ? ROOT : `${ROOT}/${path}`;
    const found = this.files.paths(top).map((local) => local.slice(ROOT.length + 1));
    const others = [...this.others.keys()].filter((other) => `${ROOT}/${other}`.startsWith(top));
    const paths = [...path === "" ? [] : [path], ...found, ...others].sort();
    for (let at = 0; at < paths.length; at += BATCH_LENGTH) {
      await Promise.resolve();
      signal.throwIfAborted();
      const names = paths.slice(at, at + BATCH_LENGTH).filter((name) => !isLeftOut(folderOf(name)));
      const batch = names.flatMap((name) => this.#entryAt(name) ?? []);
      this.walkedCount += batch.length;
      yield batch;
    }
  }

  state(path: string): Promise<FileState | undefined> {
    return Promise.resolve(this.files.stateOf(`${ROOT}/${path}`));
  }

  pathOf(path: string): string {
    return `${ROOT}/${path}`;
  }

  async *watch(signal: AbortSignal): AsyncGenerator<Hint, void> {
    let hints: Hint[] = [];
    let wake = () => {};
    this.#hint = (hint) => {
      hints.push(hint);
      wake();
    };
    signal.addEventListener("abort", () => wake());
    while (!signal.aborted) {
      if (hints.length === 0) await new Promise<void>((resolve) => wake = resolve);
      const seen = hints;
      hints = [];
      yield* seen;
    }
  }

  #entryAt(path: string): SourceEntry | undefined {
    const entry = { path, size: 0, stamp: "", executable: false, target: "" };
    const other = this.others.get(path);
    if (other !== undefined) return { ...entry, ...other };
    const node = this.files.nodeAt(`${ROOT}/${path}`);
    if (node === undefined) return undefined;
    if (node.kind !== "file") return { ...entry, kind: "folder" };
    const executable = (node.mode & OWNER_MAY_EXECUTE) !== 0;
    return { ...entry, kind: "file", ...this.files.stateOf(`${ROOT}/${path}`)!, executable };
  }
}

/** A source that runs. Its clock stands still unless another one is given or `pass` is called. */
export class TestSource implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly network = new OneListener();
  readonly folder: MemorySource;
  readonly log: string[] = [];
  readonly opened: OpenedTree[] = [];
  readonly closed: ClosedTree[] = [];
  readonly ended: Promise<void>;
  readonly #stop = new AbortController();

  constructor(options: Partial<TreeServerOptions> & { readonly folder?: MemorySource } = {}) {
    this.folder = options.folder ?? new MemorySource();
    this.ended = runTreeServer({
      ...serverOptions({
        clock: this.clock,
        network: this.network,
        log: (line) => this.log.push(line),
        signal: this.#stop.signal,
      }),
      random: seededRandom(1),
      contents: new MemoryStage(this.folder.files, "/stage"),
      workerCount: 2,
      queueLength: 4,
      chunkSize: 64 * 1024,
      events: {
        opened: (tree) => this.opened.push(tree),
        closed: (tree) => this.closed.push(tree),
      },
      ...options,
      folder: this.folder,
    });
  }

  /** A stream to the source, on which nothing was said yet. */
  dial(): Promise<Duplex> {
    return this.network.connect({ host: "127.0.0.1", port: 7000 });
  }

  /** A copier that has greeted the source. */
  async connect(number = 1): Promise<TestCopier> {
    return await TestCopier.greet(await this.dial(), number);
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

export type ListedEntry = MessageOf<"treeEntries">["entries"][number];

/** A copier whose requests the test makes. It settles nothing by itself. */
export class TestCopier implements Disposable {
  readonly connection: Connection;
  /** What was listed, in the order of the numbers. */
  readonly listed: ListedEntry[] = [];

  constructor(connection: Connection) {
    this.connection = connection;
  }

  static async greet(stream: Duplex, number = 1): Promise<TestCopier> {
    const connection = await greet(stream, { number, role: "copier", expect: "source" });
    void connection.run(({ message }) => {
      throw new Error(`Nobody expects ${message.type}`);
    });
    return new TestCopier(connection);
  }

  open(path = "", delayMs = 0): Promise<MessageOf<"tree">> {
    return this.connection.request({ type: "openTree", path, delayMs }, "tree");
  }

  /** Asks for one page. */
  async list(): Promise<MessageOf<"treeEntries">> {
    const page = await this.connection.request({ type: "listTree" }, "treeEntries");
    this.listed.push(...page.entries);
    return page;
  }

  /** Opens a tree and asks for its pages up to the last. */
  async listAll(path = ""): Promise<ListedEntry[]> {
    await this.open(path);
    while (!(await this.list()).last);
    return this.listed;
  }

  settle(done: readonly number[], failed: readonly number[] = []): void {
    this.connection.send({ type: "settled", done: [...done], failed: [...failed] });
  }

  /** Settles everything that was listed. */
  settleAll(): void {
    this.settle(this.listed.map((_, number) => number));
  }

  /** The text of a small content, or undefined when it is absent. */
  async textOf({ id, size }: Pick<ListedEntry, "id" | "size">): Promise<string | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
    this.connection.ask({ type: "getContents", files: [{ id, size }] }, {
      answer: async (_message, chunk, chunkSize) => {
        const bytes = new Uint8Array(chunkSize);
        await chunk.readChunk(bytes);
        resolve(chunkSize === 0 ? undefined : new TextDecoder().decode(bytes));
        return true;
      },
      failed: reject,
    });
    return await promise;
  }

  [Symbol.dispose](): void {
    this.connection.close();
  }
}

/** What a listed file is called by: its content. */
export function textId(text: string): Uint8Array {
  return contentOf(new TextEncoder().encode(text)).id;
}
