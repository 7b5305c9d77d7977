/**
 * Finds out which contents files have, for all clients of a source: a fixed number of workers takes files from
 * one bounded queue and has them hashed.
 *
 * Nothing is hashed twice as long as it is remembered, nor while it is being hashed for somebody else. A file
 * that changes meanwhile is looked at and hashed again, a few times.
 */

import { isAtOrBelowAny } from "../../../protocol/path.ts";
import type { DiskFailure } from "../../store/disk.ts";
import type { ContentId } from "../../transfer/contents.ts";
import type { ContentReader } from "../../transfer/stage.ts";
import { FileQueue, inRuns } from "./file_queue.ts";
import type { HashMemory } from "./hash_memory.ts";
import type { SourceFolder } from "./ports.ts";

/** How often a file that changes is hashed at most. */
const ATTEMPTS_MAX = 3;

/** What is hashed before anybody asks for it: so many files, and so many bytes, but for the last of them. */
const AHEAD_COUNT_MAX = 2 ** 19;
const AHEAD_SIZE_MAX = 64 * 1024 ** 3;

/** Trees that have been walked through and are remembered while others are hashed ahead. */
const WALKED_MAX = 1024;

/** A file in the state in which it was found. */
export interface FoundFile {
  readonly path: string;
  readonly size: number;
  readonly stamp: string;
}

/** The content of a file, and the stamp that the file had with it. */
export interface IdentifiedContent extends ContentId {
  readonly stamp: string;
}

/** Somebody who waits for the content of a file. */
export interface HashListener {
  /** Whether the answer is still of interest. */
  readonly isWaiting: boolean;
  hashed(result: IdentifiedContent | DiskFailure): void;
}

export interface HashWorkersOptions {
  readonly folder: SourceFolder;
  readonly contents: Pick<ContentReader, "hashFiles">;
  readonly memory: HashMemory;
  /** How many files are hashed for at once, but that small ones go together. */
  readonly workerCount: number;
  /** How many files may wait for the workers. */
  readonly queueLength: number;
}

/** A file that is to be hashed, and who waits for it. */
interface HashJob extends FoundFile {
  readonly listeners: HashListener[];
}

export class HashWorkers {
  readonly #options: HashWorkersOptions;
  readonly #queue: FileQueue<HashJob>;
  /** By path, in the state that was asked for last: what waits in the queue or is being hashed. */
  readonly #jobs = new Map<string, HashJob>();
  /** Trees whose files have all been asked for since hashing ahead began. */
  readonly #walked = new Set<string>();
  readonly #ending = new AbortController();
  readonly #working: Promise<unknown>;
  /** Lets go on who waits until there is nothing to do. */
  #wakeIdle = () => {};

  constructor(options: HashWorkersOptions) {
    this.#options = options;
    this.#queue = new FileQueue(options.queueLength);
    this.#working = Promise.all(Array.from({ length: options.workerCount }, () => this.#work()));
  }

  /** The id of a file's content, if it is remembered. */
  known(file: FoundFile): Uint8Array | undefined {
    return this.#options.memory.get(file);
  }

  /**
   * Has a file hashed and told to the listener, once. Where the queue is full it answers a promise that is
   * resolved when the file is in.
   */
  hash({ path, size, stamp }: FoundFile, listener: HashListener): Promise<void> | undefined {
    const underWay = this.#jobs.get(path);
    if (underWay?.stamp === stamp) {
      underWay.listeners.push(listener);
      return undefined;
    }
    const job = { path, size, stamp, listeners: [listener] };
    this.#jobs.set(path, job);
    return this.#queue.put(job);
  }

  /** All files at and below `path` have been asked for: to look at them ahead of time as well would be for nothing. */
  noteWalked(path: string): void {
    if (this.#walked.size < WALKED_MAX) this.#walked.add(path);
  }

  /**
   * Hashes what is offered, from its top on, while there is nothing else to do, so that it is known when somebody
   * asks. Ends when all is hashed, when it was enough, or when the workers stop. Never rejects.
   */
  async hashAhead(): Promise<void> {
    let [count, size] = [0, 0];
    const isLeftOut = (folder: string) => isAtOrBelowAny(folder, this.#walked);
    const { signal } = this.#ending;
    try {
      for await (const run of inRuns(this.#options.folder.walk("", { signal, isLeftOut }))) {
        await this.#idle();
        count += run.length;
        size += await this.#hashUnasked(run.filter(({ kind }) => kind === "file"));
        if (count > AHEAD_COUNT_MAX || size > AHEAD_SIZE_MAX) return;
      }
    } catch {
      // What cannot be read is told to whoever asks for it.
    }
  }

  /** Stops. Whoever waits for the content of a file hears no more. */
  async close(): Promise<void> {
    this.#ending.abort();
    this.#queue.close();
    this.#wakeIdle();
    await this.#working;
  }

  /** Hashes those of the files that are not known. Answers how many bytes they have. */
  async #hashUnasked(files: readonly FoundFile[]): Promise<number> {
    const unknown = files.filter((file) =>
      !this.#jobs.has(file.path) && this.known(file) === undefined
    );
    const jobs = unknown.map(({ path, size, stamp }) => ({ path, size, stamp, listeners: [] }));
    for (const job of jobs) this.#jobs.set(job.path, job);
    await this.#hashAll(jobs);
    return jobs.reduce((sum, { size }) => sum + size, 0);
  }

  /** Resolves when nothing waits or is being hashed. */
  async #idle(): Promise<void> {
    while (this.#jobs.size > 0 && !this.#ending.signal.aborted) {
      await new Promise<void>((resolve) => this.#wakeIdle = resolve);
    }
  }

  #forget(job: HashJob): void {
    if (this.#jobs.get(job.path) === job) this.#jobs.delete(job.path);
    if (this.#jobs.size === 0) this.#wakeIdle();
  }

  async #work(): Promise<void> {
    for (;;) {
      const jobs = await this.#queue.take();
      if (jobs.length === 0) return;
      await this.#hashAll(jobs.filter((job) => this.#isWanted(job)));
    }
  }

  #isWanted(job: HashJob): boolean {
    if (job.listeners.some(({ isWaiting }) => isWaiting)) return true;
    this.#forget(job);
    return false;
  }

  /** Never rejects. */
  async #hashAll(jobs: readonly HashJob[]): Promise<void> {
    const results: (IdentifiedContent | DiskFailure)[] = [];
    try {
      await this.#hashInto(results, jobs);
    } catch (reason) {
      if (this.#ending.signal.aborted) return;
      results.push(...jobs.slice(results.length).map(() => failureOf(reason)));
    }
    // All at once, because what is known at the same time is listed together.
    const changed = jobs.filter((job, i) => !this.#settleUnlessChanged(job, results[i]!));
    for (const job of changed) {
      const result = await this.#hashAgain(job).catch(failureOf);
      if (!this.#ending.signal.aborted) this.#settle(job, result);
    }
  }

  /** Hashes a file that had changed, in the state that it is in now. */
  async #hashAgain({ path }: HashJob): Promise<IdentifiedContent | DiskFailure> {
    let last: DiskFailure = { error: `Cannot hash ${path}: it is gone`, code: "missing" };
    for (let attempt = 1; attempt < ATTEMPTS_MAX; attempt++) {
      const state = await this.#options.folder.state(path, this.#ending.signal);
      if (state === undefined) return { error: `Cannot hash ${path}: it is gone`, code: "missing" };
      const results: (IdentifiedContent | DiskFailure)[] = [];
      await this.#hashInto(results, [{ path, ...state }]);
      const result = results[0]!;
      if (!("error" in result) || result.code !== "changed") return result;
      last = result;
    }
    return last;
  }

  /** Adds what is found for each of the files to `results`, in their order. */
  async #hashInto(
    results: (IdentifiedContent | DiskFailure)[],
    files: readonly FoundFile[],
  ): Promise<void> {
    const { folder, contents } = this.#options;
    const local = files.map(({ path, size, stamp }) => (
      { path: folder.pathOf(path), size, expect: stamp }
    ));
    let index = 0;
    for await (const result of contents.hashFiles(local, this.#ending.signal)) {
      const { path, stamp } = files[index]!;
      const localPath = local[index++]!.path;
      if (!("error" in result)) results.push({ id: result.id, size: result.size, stamp });
      // Clients need not know where the folder is.
      else results.push({ ...result, error: result.error.replaceAll(localPath, path) });
    }
  }

  /** Answers whether it is settled. */
  #settleUnlessChanged(job: HashJob, result: IdentifiedContent | DiskFailure): boolean {
    if ("error" in result && result.code === "changed") return false;
    this.#settle(job, result);
    return true;
  }

  #settle(job: HashJob, result: IdentifiedContent | DiskFailure): void {
    this.#forget(job);
    if (!("error" in result)) {
      this.#options.memory.set({ path: job.path, stamp: result.stamp }, result.id);
    }
    for (const listener of job.listeners) if (listener.isWaiting) listener.hashed(result);
  }
}

function failureOf(reason: unknown): DiskFailure {
  return { error: reason instanceof Error ? reason.message : String(reason), code: "failed" };
}
