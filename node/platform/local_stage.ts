/**
 * The stage of contents on the local disk, in worker threads that any number of stages share. Small files that are
 * hashed stay in memory for a moment, for all stages together (kept_contents.ts).
 *
 * Reading is in local_reader.ts. How much is under way at once is bounded, whatever the size of the files and
 * their number.
 */

import type { Bitfield } from "../../protocol/bitfield.ts";
import { unlessAborted } from "../../protocol/until_aborted.ts";
import { blockSizeFor, HASH_SIZE } from "../content/tree.ts";
import type { DiskFailure } from "../store/disk.ts";
import type { OpenFile } from "../store/folder.ts";
import { contentKey } from "../transfer/contents.ts";
import type { ContentId, GrowingContent, Recipe } from "../transfer/contents.ts";
import type { Range } from "../transfer/ranges.ts";
import type {
  ContentReader,
  ContentToStage,
  LocalContent,
  LocalFile,
  PartialContent,
  ReadPack,
  Stage,
  StagedContent,
  StagedFolder,
  StageOptions,
  WrittenPack,
} from "../transfer/stage.ts";
import { syncInBackground } from "./background_sync.ts";
import { DerivedCache } from "./derived_cache.ts";
import { lookAt } from "./file_state.ts";
import { inOrder } from "./in_order.ts";
import { KeptContents } from "./kept_contents.ts";
import { LocalPart } from "./local_part.ts";
import { LocalReader, rememberHashes } from "./local_reader.ts";
import type { SharedByStages } from "./local_reader.ts";
import { removeTree, StageFolder } from "./stage_folder.ts";
import type { StageJobs } from "./stage_jobs.ts";
import { WorkerPool } from "./worker_pool.ts";

/** Partial contents that were closed, and of which is remembered what is right in them. */
const REMEMBERED_PARTS_MAX = 16;
/** A content of so many bytes is worth a second thread, which takes as long to start as hashing 50 MB. */
const BUSY_SIZE_MIN = 64 * 1024 * 1024;
/** Files in one job that copies, syncs or removes. */
const JOB_FILES_MAX = 64;

export interface StageWorkersOptions {
  /** How many threads there are at most; if not given one for each processor, but 2 to 4. */
  readonly size?: number;
}

/** How a stage is opened. */
export interface OpenStageOptions {
  /** Whether somebody else is likely to ask for what has come: small contents stay in memory for a moment then. */
  readonly passesOn?: boolean;
}

/** The threads of a process's stages. They start with the first work and end with `using`. */
export class StageWorkers implements Disposable {
  readonly #shared: SharedByStages;

  constructor(options: StageWorkersOptions = {}) {
    const { size = Math.min(4, Math.max(2, navigator.hardwareConcurrency)) } = options;
    const script = new URL("./stage_worker.ts", import.meta.url);
    const pool = new WorkerPool<StageJobs>({ script, setup: "start", size, name: "stage worker" });
    const [derived, kept] = [new DerivedCache(), new KeptContents()];
    this.#shared = { pool, width: 2 * size, derived, kept };
  }

  /** Starts so many threads ahead of the first work, or all. */
  warmUp(count = 1): void {
    this.#shared.pool.warmUp(count);
  }

  /**
   * A stage in the folder at `path`, which is made, and in which nothing else is kept. Removes what a crash
   * left there; partial files stay. The caller has the folder locked.
   *
   * @throws {Error} `Cannot write into PATH: reason`.
   */
  openStage(path: string, { passesOn = false }: OpenStageOptions = {}): Stage {
    return new LocalStage(new StageFolder(path), { ...this.#shared, passesOn });
  }

  /** What reads and hashes files below `root` in these threads, and needs no folder of its own. */
  openReader(root: string): ContentReader {
    return new LocalReader(this.#shared, root);
  }

  /** Stops the threads at once; what is under way is rejected. */
  [Symbol.dispose](): void {
    this.#shared.pool[Symbol.dispose]();
  }
}

/** A partial content that somebody works on, and when nobody does any more. */
interface BusyPart {
  readonly part: LocalPart;
  readonly closed: Promise<void>;
}

class LocalStage implements Stage {
  readonly #folder: StageFolder;
  readonly #shared: SharedByStages & Required<OpenStageOptions>;
  readonly #reader: LocalReader;
  /** The partial contents that somebody works on. */
  readonly #busy = new Map<string, BusyPart>();
  /** By key, those that nobody works on any more, in the state in which they were closed. */
  readonly #remembered = new Map<string, { readonly have: Bitfield; readonly stamp: string }>();

  constructor(folder: StageFolder, shared: SharedByStages & Required<OpenStageOptions>) {
    this.#folder = folder;
    this.#shared = shared;
    this.#reader = new LocalReader(shared);
  }

  hashFiles(
    files: readonly LocalFile[],
    signal?: AbortSignal,
  ): AsyncIterable<ContentId | DiskFailure> {
    return this.#reader.hashFiles(files, signal);
  }

  blockHashes(content: LocalContent): Promise<Uint8Array | DiskFailure> {
    return this.#reader.blockHashes(content);
  }

  leafHashes(content: LocalContent, range: Range): Promise<Uint8Array | DiskFailure> {
    return this.#reader.leafHashes(content, range);
  }

  recipe(content: LocalContent, range: Range): Promise<Recipe | DiskFailure> {
    return this.#reader.recipe(content, range);
  }

  open(path: string): OpenFile {
    return this.#reader.open(path);
  }

  read(contents: readonly LocalContent[], buffer: ArrayBuffer): Promise<ReadPack> {
    return this.#reader.read(contents, buffer);
  }

  async write(contents: readonly ContentToStage[], buffer: ArrayBuffer): Promise<WrittenPack> {
    const ids = new Uint8Array(contents.length * HASH_SIZE);
    contents.forEach(({ id }, i) => ids.set(id, i * HASH_SIZE));
    const paths = contents.map(({ stageAs }) => stageAs ?? this.#folder.wholePath());
    const sizes = contents.map(({ size }) => size);
    const written = await this.#shared.pool.run(
      "write",
      { paths, sizes, ids, buffer },
      [buffer, ids.buffer],
    );
    const outcomes: WrittenPack["outcomes"][number][] = paths.map((staged) => ({ staged }));
    for (const [i, failure] of written.failures) outcomes[i] = failure;
    const { passesOn, kept } = this.#shared;
    if (passesOn) kept.add(contents, written.failures.map(([index]) => index), written.buffer);
    return { buffer: written.buffer, outcomes };
  }

  makeFolder(): StagedFolder {
    const path = this.#folder.makeFolder();
    return { path, [Symbol.dispose]: () => removeTree(path) };
  }

  async copy(
    contents: readonly LocalContent[],
    { durable }: StageOptions,
  ): Promise<(StagedContent | DiskFailure)[]> {
    const outcomes: (StagedContent | DiskFailure)[] = [];
    const jobs = inOrder(inGroups(contents), this.#shared.width, async (group) => {
      const copies = group.map((from) => ({ from, to: this.#folder.wholePath() }));
      return { copies, failures: await this.#shared.pool.run("copy", { copies, durable }) };
    });
    for await (const { copies, failures } of jobs) {
      const start = outcomes.length;
      outcomes.push(...copies.map(({ to }) => ({ staged: to })));
      for (const [i, failure] of failures) outcomes[start + i] = failure;
    }
    return outcomes;
  }

  async snapshot(file: LocalFile): Promise<StagedContent | DiskFailure> {
    const staged = this.#folder.wholePath();
    return await this.#shared.pool.run("snapshot", { file, to: staged }) ?? { staged };
  }

  /** Whoever starts a thread can do nothing else meanwhile. So both start now, while there is nothing to do yet. */
  expectPart({ size }: ContentId): void {
    this.#shared.pool.warmUp(size < BUSY_SIZE_MIN ? 1 : 2);
  }

  async openPart(
    content: ContentId,
    hashes: Uint8Array,
    signal: AbortSignal,
  ): Promise<PartialContent | DiskFailure> {
    const key = contentKey(content);
    for (let busy; (busy = this.#busy.get(key)) !== undefined;) {
      await unlessAborted(busy.closed, signal);
    }
    signal.throwIfAborted();
    const free = Promise.withResolvers<void>();
    const part = new LocalPart(content, {
      ...this.#shared,
      path: this.#folder.partPath(key),
      staged: this.#folder.donePath(key),
      hashes,
      makeDurable: syncInBackground,
      closed: () => {
        this.#busy.delete(key);
        this.#remember(key, part);
        free.resolve();
      },
    });
    this.#busy.set(key, { part, closed: free.promise });
    try {
      const failure = await this.#findOrMake(content, part, signal);
      if (failure === undefined) {
        rememberHashes(this.#shared, content, hashes);
        return part;
      }
      await part[Symbol.asyncDispose]();
      return failure;
    } catch (error) {
      await part[Symbol.asyncDispose]();
      throw error;
    }
  }

  growing(content: ContentId): GrowingContent | undefined {
    return this.#busy.get(contentKey(content))?.part;
  }

  /** What is right in a partial file; nobody but this stage writes to it. */
  #remember(key: string, { path, have, isLost }: LocalPart): void {
    const stamp = lookAt(path)?.stamp;
    // A content that is finished has left its partial file.
    if (stamp === undefined || isLost) return;
    if (this.#remembered.size >= REMEMBERED_PARTS_MAX) {
      this.#remembered.delete(this.#remembered.keys().next().value!);
    }
    this.#remembered.set(key, { have, stamp });
  }

  /** Verifies the partial file that is there, as far as that is not known, or makes it. */
  async #findOrMake(
    content: ContentId,
    part: LocalPart,
    signal: AbortSignal,
  ): Promise<DiskFailure | undefined> {
    const { size } = content;
    const key = contentKey(content);
    const path = this.#folder.partPath(key);
    const found = lookAt(path);
    const known = this.#remembered.get(key);
    this.#remembered.delete(key);
    if (found?.size !== size) {
      return await this.#shared.pool.run("makePart", { path, size, blockSize: blockSizeFor(size) });
    }
    const all = Array.from({ length: part.have.count }, (_, index) => index);
    if (known?.stamp !== found.stamp) await part.verify(all, signal);
    else for (const index of all) if (known.have.has(index)) part.have.add(index);
    return undefined;
  }

  /** One job after the other: a thread that waits for the disk reads and writes nothing for others. */
  async makeDurable(paths: readonly string[]): Promise<DiskFailure | undefined> {
    let first: DiskFailure | undefined;
    for (const group of inGroups(paths)) {
      const failure = await this.#shared.pool.run("makeDurable", { paths: group });
      first ??= failure;
    }
    return first;
  }

  async remove(paths: readonly string[]): Promise<void> {
    const { pool, width } = this.#shared;
    const jobs = inOrder(inGroups(paths), width, (group) => pool.run("remove", { paths: group }));
    for await (const _ of jobs);
  }

  async keepParts(contents: readonly ContentId[]): Promise<void> {
    const kept = new Set([...contents.map(contentKey), ...this.#busy.keys()]);
    const others = this.#folder.partKeys().filter((key) => !kept.has(key));
    await this.remove(others.map((key) => this.#folder.partPath(key)));
  }
}

function* inGroups<T>(items: readonly T[]): Generator<T[]> {
  for (let at = 0; at < items.length; at += JOB_FILES_MAX) {
    yield items.slice(at, at + JOB_FILES_MAX);
  }
}
