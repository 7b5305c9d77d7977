/** A large content on its way, in a partial file of the local disk. */

import { Bitfield } from "../../protocol/bitfield.ts";
import { blockCount, blockSizeFor, HASH_SIZE, sizeOfBlock } from "../content/tree.ts";
import type { DiskFailure } from "../store/disk.ts";
import type { ContentId, GrowingContent } from "../transfer/contents.ts";
import type { Range } from "../transfer/ranges.ts";
import { CopiesInOrder } from "../transfer/recipe.ts";
import type {
  Copying,
  LandedBlock,
  PartialContent,
  StagedContent,
  StageOptions,
} from "../transfer/stage.ts";
import { inOrder } from "./in_order.ts";
import type { PartFile, StageJobs } from "./stage_jobs.ts";
import type { WorkerPool } from "./worker_pool.ts";

/** Bytes that one job verifies or puts together at most. */
const JOB_SIZE_MAX = 8 * 1024 * 1024;

/** So many bytes are brought to the disk together, while the next ones come. */
const DURABLE_SIZE = 64 * 1024 * 1024;

/** What a partial content needs of its stage. */
export interface LocalPartOptions {
  readonly pool: WorkerPool<StageJobs>;
  /** How many jobs are under way at once. */
  readonly width: number;
  /** The partial file, which is there and as long as the content. */
  readonly path: string;
  /** Where the file goes when it is finished. */
  readonly staged: string;
  readonly hashes: Uint8Array;
  /** Brings a file to the disk for good, while the threads of the pool do something else. */
  readonly makeDurable: (path: string) => Promise<DiskFailure | undefined>;
  /** Called once nobody works on the content any more. */
  readonly closed: () => void;
}

export class LocalPart implements PartialContent, GrowingContent {
  readonly have: Bitfield;
  readonly #file: PartFile;
  readonly #options: LocalPartOptions;
  #isClosed = false;
  /** Bytes that were written since the disk was last waited for. */
  #writtenSize = 0;
  #syncing: Promise<void> | undefined;
  #syncFailure: DiskFailure | undefined;

  constructor({ size }: ContentId, options: LocalPartOptions) {
    const blockSize = blockSizeFor(size);
    this.#file = { path: options.path, size, blockSize };
    this.#options = options;
    this.have = Bitfield.none(blockCount(size, blockSize));
  }

  get path(): string {
    return this.#options.path;
  }

  /** Whether the disk has lost something that was written. */
  get isLost(): boolean {
    return this.#syncFailure !== undefined;
  }

  get hashes(): Uint8Array {
    return this.#options.hashes;
  }

  async land(
    index: number,
    buffer: ArrayBuffer,
    { durable }: StageOptions,
  ): Promise<LandedBlock> {
    const hash = this.#hashesOf([index]);
    const job = { ...this.#file, index, hash, buffer };
    const landed = await this.#options.pool.run("land", job, [buffer]);
    if (landed.outcome === "landed") {
      this.have.add(index);
      if (durable) this.#noteWritten(sizeOfBlock(this.#file, index));
    }
    return landed;
  }

  /** Has the disk take what was written where that is enough. The system tells of a failed write only once. */
  #noteWritten(size: number): void {
    this.#writtenSize += size;
    if (this.#writtenSize < DURABLE_SIZE || this.#syncing !== undefined) return;
    this.#writtenSize = 0;
    this.#syncing = this.#sync().finally(() => this.#syncing = undefined);
    // Whoever finishes or closes the content waits for it.
    this.#syncing.catch(() => {});
  }

  async #sync(): Promise<void> {
    const { makeDurable, path } = this.#options;
    this.#syncFailure ??= await makeDurable(path);
  }

  async assemble(
    copies: readonly Copying[],
    { durable, signal }: StageOptions & { readonly signal: AbortSignal },
  ): Promise<DiskFailure | undefined> {
    const { pool, width } = this.#options;
    const done = inOrder(this.#assembleJobs(copies), width, (job) => pool.run("assemble", job));
    for await (const { right, failure } of done) {
      signal.throwIfAborted();
      if (failure !== undefined) return failure;
      for (const index of right) {
        this.have.add(index);
        if (durable) this.#noteWritten(sizeOfBlock(this.#file, index));
      }
    }
    return undefined;
  }

  /** The jobs in which there is something to copy. */
  *#assembleJobs(copies: readonly Copying[]): Generator<StageJobs["assemble"][0]> {
    const ordered = new CopiesInOrder(copies);
    for (const indexes of this.#runs((index) => !this.have.has(index))) {
      const start = indexes[0]! * this.#file.blockSize;
      const end = (indexes.at(-1)! + 1) * this.#file.blockSize;
      const inRun = ordered.within(start, end)
        .map(({ from: { path }, offset, length, to }) => ({ path, offset, length, to }));
      if (inRun.length === 0) continue;
      yield { ...this.#file, indexes, hashes: this.#hashesOf(indexes), copies: inRun };
    }
  }

  write(ranges: readonly Range[], buffer: ArrayBuffer) {
    const { path } = this.#file;
    return this.#options.pool.run("writeRanges", { path, ranges, buffer }, [buffer]);
  }

  async verify(indexes: readonly number[], signal: AbortSignal): Promise<void> {
    const wanted = new Set(indexes);
    const jobs = this.#runs((index) => wanted.has(index));
    const done = inOrder(jobs, this.#options.width, async (run) => {
      const range = { ...this.#file, first: run[0]! };
      const input = { range, hashes: this.#hashesOf(run) };
      return { run, right: await this.#options.pool.run("verifyRange", input) };
    });
    for await (const { run, right } of done) {
      signal.throwIfAborted();
      run.forEach((index, i) => right[i] === 1 && this.have.add(index));
    }
  }

  async finish({ durable }: StageOptions): Promise<StagedContent | DiskFailure> {
    const { pool, path, staged } = this.#options;
    if (!this.have.complete) throw new Error(`Cannot finish ${path}: it is not complete`);
    await this.#syncing;
    if (durable) await this.#sync();
    await pool.runOnAll("release", { path });
    const failure = this.#syncFailure ?? await pool.run("finish", { path, to: staged });
    await this[Symbol.asyncDispose]();
    return failure ?? { staged };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      await this.#syncing;
      await this.#options.pool.runOnAll("release", { path: this.#options.path });
    } finally {
      this.#options.closed();
    }
  }

  /** Runs of blocks that follow each other and for which `isWanted`, each as long as a job should be. */
  *#runs(isWanted: (index: number) => boolean): Generator<number[]> {
    let run: number[] = [];
    let size = 0;
    for (let index = 0; index < this.have.count; index++) {
      if (isWanted(index)) {
        run.push(index);
        size += sizeOfBlock(this.#file, index);
        if (size < JOB_SIZE_MAX) continue;
      }
      if (run.length > 0) yield run;
      run = [];
      size = 0;
    }
    if (run.length > 0) yield run;
  }

  /** The hashes of blocks that follow each other, copied: a view would take the whole array along. */
  #hashesOf(indexes: readonly number[]): Uint8Array {
    return this.#options.hashes.slice(indexes[0]! * HASH_SIZE, (indexes.at(-1)! + 1) * HASH_SIZE);
  }
}
