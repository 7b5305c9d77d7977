/**
 * The real `BlockDisk`: hashing, verifying and writing in worker threads.
 *
 * Large files are shared out among the workers in ranges of blocks, small ones travel many in a message.
 * How much is under way at once is bounded, whatever the size of the files and their number.
 */

import { Bitfield } from "../../protocol/bitfield.ts";
import { SIGNATURE_SIZE } from "../content/identity.ts";
import type { KeyPair } from "../content/identity.ts";
import { blockCount, HASH_SIZE, rootOfBlocks } from "../content/tree.ts";
import type { Manifest } from "../content/manifest.ts";
import type {
  BlockDisk,
  DiskFailure,
  FileToHash,
  HashedFile,
  HashOptions,
  Landing,
  LandItem,
  PartToPromote,
  PartToVerify,
} from "../store/disk.ts";
import { PROOF, PROOF_SIZE } from "./block_jobs.ts";
import type { Jobs, LandEntry, Setup } from "./block_jobs.ts";
import { hashRuns, hashSteps, signRuns } from "./hash_steps.ts";
import type { HashStep, LargeFile, Run } from "./hash_steps.ts";
import { inOrder } from "./in_order.ts";
import { WorkerPool } from "./worker_pool.ts";

/** What the workers need to know. */
export interface BlockWorkersOptions {
  /** The folder that all files lie in: their local paths start with it and a slash. */
  readonly root: string;
  /** The key to sign blocks with; without it, `hashFiles` cannot sign. */
  readonly keys?: KeyPair;
  /** How many workers there are at most; if not given one for each processor, but 2 to 4. */
  readonly size?: number;
  /** Another module for the workers to run, for tests. */
  readonly script?: URL;
}

/** Hashes, verifies and lands in worker threads. They start with the first work and end with `using`. */
export class BlockWorkers implements BlockDisk, Disposable {
  readonly #pool: WorkerPool<Jobs>;
  readonly #canSign: boolean;
  /** How many jobs of one call are under way at once: one that each worker does, and the next. */
  readonly #width: number;

  constructor(options: BlockWorkersOptions) {
    const { root, keys, size = Math.min(4, Math.max(2, navigator.hardwareConcurrency)) } = options;
    const script = options.script ?? new URL("./block_worker.ts", import.meta.url);
    const setup: Setup = { root, seed: keys?.seed };
    this.#pool = new WorkerPool({ script, setup, size, name: "block worker" });
    this.#canSign = keys !== undefined;
    this.#width = 2 * size;
  }

  /** Starts a worker ahead of the first work, for a program that is sure to need one. */
  warmUp(): void {
    this.#pool.warmUp();
  }

  async *hashFiles(
    files: readonly FileToHash[],
    { sign, signal }: HashOptions,
  ): AsyncGenerator<HashedFile | DiskFailure, undefined> {
    if (sign && !this.#canSign) throw new Error("Cannot sign blocks: the workers have no key");
    signal?.throwIfAborted();
    const steps = inOrder(hashSteps(files), this.#width, (step) => this.#hash(step, sign));
    for await (const done of steps) {
      signal?.throwIfAborted();
      if ("results" in done) {
        yield* done.results;
      } else {
        done.large.add(done.run.first, done.result);
        if (done.last) yield done.large.failure ?? await this.#finish(done.large, sign);
      }
    }
  }

  async land(buffer: ArrayBuffer, items: readonly LandItem[]): Promise<Landing> {
    const proofs = new Uint8Array(items.length * PROOF_SIZE);
    const entries = items.map((item, i) => {
      writeProof(item, proofs.subarray(i * PROOF_SIZE, (i + 1) * PROOF_SIZE));
      return entryOf(item);
    });
    return await this.#pool.run("land", { buffer, entries, proofs }, [buffer, proofs.buffer]);
  }

  async verifyBlocks({ path, manifest, signal }: PartToVerify): Promise<Bitfield> {
    const { size, blockSize, hashes } = manifest;
    const right = Bitfield.none(blockCount(size, blockSize));
    signal?.throwIfAborted();
    const results = inOrder(hashRuns(manifest), this.#width, async (run) => {
      const range = { path, size, blockSize, first: run.first };
      const expected = hashesOf(run, hashes);
      const marks = await this.#pool.run("verifyRange", { range, hashes: expected });
      return { first: run.first, marks };
    });
    for await (const { first, marks } of results) {
      signal?.throwIfAborted();
      marks.forEach((mark, i) => mark === 1 && right.add(first + i));
    }
    return right;
  }

  async verifySignatures(manifest: Manifest): Promise<boolean> {
    const { id, size, publisher, hashes, signatures } = manifest;
    const results = inOrder(signRuns(manifest), this.#width, (run) => {
      const end = (run.first + run.count) * SIGNATURE_SIZE;
      return this.#pool.run("verifySignatures", {
        id,
        size,
        first: run.first,
        publisher,
        hashes: hashesOf(run, hashes),
        signatures: signatures.slice(run.first * SIGNATURE_SIZE, end),
      });
    });
    for await (const right of results) {
      if (!right) return false;
    }
    return true;
  }

  async promote({ part, path, replace }: PartToPromote): Promise<DiskFailure | undefined> {
    await this.release(part);
    return await this.#pool.run("promote", { temporary: part, path, replace });
  }

  async release(path: string): Promise<void> {
    await this.#pool.runOnAll("release", { path });
  }

  /** Stops the workers at once; what is under way is rejected. */
  [Symbol.dispose](): void {
    this.#pool[Symbol.dispose]();
  }

  /** Does one job of hashing. */
  async #hash(step: HashStep, sign: boolean) {
    if ("small" in step) {
      return { results: await this.#pool.run("hashFiles", { files: step.small, sign }) };
    }
    const { large, run } = step;
    if (large.failure !== undefined) return { ...step, result: large.failure };
    const range = { ...large.file, first: run.first };
    return { ...step, result: await this.#pool.run("hashRange", { range, count: run.count }) };
  }

  /** Names and signs a large file whose blocks are all hashed. */
  async #finish({ file, hashes }: LargeFile, sign: boolean): Promise<HashedFile> {
    const { size, blockSize } = file;
    const id = rootOfBlocks(hashes, blockSize, size);
    if (!sign) return { id, hashes, signatures: new Uint8Array(0) };
    const signatures = new Uint8Array(blockCount(size, blockSize) * SIGNATURE_SIZE);
    const parts = inOrder(signRuns(file), this.#width, async (run) => {
      const input = { id, size, first: run.first, hashes: hashesOf(run, hashes) };
      return { first: run.first, signed: await this.#pool.run("signRange", input) };
    });
    for await (const { first, signed } of parts) signatures.set(signed, first * SIGNATURE_SIZE);
    return { id, hashes, signatures };
  }
}

/** The hashes of a run of blocks, copied: a view sent to a worker would take the whole array along. */
function hashesOf({ first, count }: Run, hashes: Uint8Array): Uint8Array {
  return hashes.slice(first * HASH_SIZE, (first + count) * HASH_SIZE);
}

/** What a worker must know of an item, apart from its proof. */
function entryOf({ start, manifest, index, target }: LandItem): LandEntry {
  const { size: fileSize, blockSize } = manifest;
  if (target.kind === "whole" && fileSize > blockSize) {
    throw new RangeError(
      `Cannot land ${target.path}: it has several blocks, so it needs a partial file`,
    );
  }
  return { start, fileSize, blockSize, index, target };
}

/** Writes what proves the item's block. An empty file has no block, so its proof stays empty. */
function writeProof({ manifest, index }: LandItem, proof: Uint8Array): void {
  const { id, hashes, publisher, signatures } = manifest;
  const signature = signatures.subarray(index * SIGNATURE_SIZE, (index + 1) * SIGNATURE_SIZE);
  proof.set(id, PROOF.id);
  proof.set(hashes.subarray(index * HASH_SIZE, (index + 1) * HASH_SIZE), PROOF.hash);
  proof.set(publisher, PROOF.publisher);
  proof.set(signature, PROOF.signature);
}
