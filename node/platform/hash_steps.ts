/**
 * Cuts the work of hashing files into jobs of a few milliseconds.
 *
 * Small files travel many in a job. A large file is cut into ranges of blocks that several workers hash
 * side by side; its block hashes are gathered here, and all ranges must have seen the same state of it.
 */

import type { Geometry } from "../content/tree.ts";
import { blockCount, HASH_SIZE, isGeometry } from "../content/tree.ts";
import type { DiskFailure, FileToHash } from "../store/disk.ts";
import type { HashedRange } from "./block_jobs.ts";
import { failureOf, FileError } from "./disk_failure.ts";

/** Bytes in a job at most; blocks that arrive meanwhile do not have to wait for long. */
const JOB_SIZE_MAX = 8 * 1024 * 1024;
/** Small files in a job at most, and bytes in them where they are so many. */
const JOB_FILES_MAX = 256;
const MANY_FILES_SIZE_MAX = 1024 * 1024;
/** So many files go together however small they are. */
const MANY_FILES = 64;
/** Blocks that one job signs at most. */
const JOB_SIGNATURES_MAX = 256;

/** A run of blocks. */
export interface Run {
  readonly first: number;
  readonly count: number;
}

/** A job: some small files, or a run of blocks of a large one. */
export type HashStep =
  | { readonly small: FileToHash[] }
  | { readonly large: LargeFile; readonly run: Run; readonly last: boolean };

/** The jobs that hash `files`, in the order of the files. */
export function* hashSteps(files: readonly FileToHash[]): Generator<HashStep> {
  let small: FileToHash[] = [];
  let size = 0;
  for (const file of files) {
    const sizeMax = small.length < MANY_FILES ? JOB_SIZE_MAX : MANY_FILES_SIZE_MAX;
    const fits = small.length < JOB_FILES_MAX && size + file.size <= sizeMax;
    if (!fits && small.length > 0) {
      yield { small };
      small = [];
      size = 0;
    }
    if (file.size > JOB_SIZE_MAX) {
      yield* largeSteps(new LargeFile(file));
    } else {
      small.push(file);
      size += file.size;
    }
  }
  if (small.length > 0) yield { small };
}

/** The ranges of a large file; a failure cuts them short. */
function* largeSteps(large: LargeFile): Generator<HashStep> {
  const count = blockCount(large.file.size, large.file.blockSize);
  for (const run of hashRuns(large.file)) {
    const last = large.failure !== undefined || run.first + run.count === count;
    yield { large, run, last };
    if (last) return;
  }
}

/** Cuts a file into runs of blocks that one job hashes. */
export function hashRuns({ size, blockSize }: Geometry): Generator<Run> {
  return runsOf(blockCount(size, blockSize), JOB_SIZE_MAX / blockSize);
}

/** Cuts a file into runs of blocks that one job signs. */
export function signRuns({ size, blockSize }: Geometry): Generator<Run> {
  return runsOf(blockCount(size, blockSize), JOB_SIGNATURES_MAX);
}

function* runsOf(total: number, each: number): Generator<Run> {
  for (let first = 0; first < total; first += each) {
    yield { first, count: Math.min(each, total - first) };
  }
}

/** A file that is hashed in several ranges, and what is known of it so far. */
export class LargeFile {
  readonly file: FileToHash;
  readonly hashes: Uint8Array;
  #failure: DiskFailure | undefined;
  #stamp: string | undefined;

  constructor(file: FileToHash) {
    this.file = file;
    const possible = isGeometry(file);
    if (!possible) this.#failure = failureOf(`hash ${file.path}`, new FileError("EFBIG"));
    const count = possible ? blockCount(file.size, file.blockSize) : 0;
    this.hashes = new Uint8Array(count * HASH_SIZE);
  }

  /** Why the file cannot be hashed, once that is known. */
  get failure(): DiskFailure | undefined {
    return this.#failure;
  }

  /** Adds what a worker found in the range that starts at block `first`. */
  add(first: number, result: HashedRange | DiskFailure): void {
    if ("error" in result) {
      this.#failure ??= result;
      return;
    }
    this.#stamp ??= result.stamp;
    if (result.stamp !== this.#stamp) {
      this.#failure ??= failureOf(`hash ${this.file.path}`, new FileError("ECHANGED"));
    }
    this.hashes.set(result.hashes, first * HASH_SIZE);
  }
}
