/**
 * What travels between the stages of a process and their threads. Ids and hashes travel packed: each array
 * that is cloned into a worker costs about as much as hashing a kilobyte.
 */

import type { DiskFailure } from "../store/disk.ts";
import type { Recipe } from "../transfer/contents.ts";
import type { CutRange } from "../transfer/cutting.ts";
import type { Range } from "../transfer/ranges.ts";
import type { LandedBlock, LocalContent, LocalFile, ReadPack } from "../transfer/stage.ts";
import type { BlockRange, HashedRange } from "./block_jobs.ts";

/** What went wrong with which of many. */
export type Failures<F> = readonly (readonly [index: number, failure: F])[];

/** The hashes of whole files. */
export interface HashedFiles {
  /** 32 bytes each. */
  readonly ids: Uint8Array;
  /** The block hashes of those that have several blocks. */
  readonly hashes: readonly (readonly [index: number, hashes: Uint8Array])[];
  readonly failures: Failures<DiskFailure>;
}

/** A partial file and how its content is cut into blocks. */
export interface PartFile {
  readonly path: string;
  readonly size: number;
  readonly blockSize: number;
}

/** Bytes of a file that go to `to` of a partial file. */
export interface PartCopy {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
  readonly to: number;
}

/** Each kind of job: what it is given, and what it answers. */
export interface StageJobs {
  hashFiles: [{ files: readonly LocalFile[] }, HashedFiles];
  /**
   * Reads files of one block at most into the buffer, one after the other, and hashes them there. Here as for `read`,
   * `root` is where all ways to the files start, if that is known.
   */
  hashIntoBuffer: [
    { root: string | undefined; files: readonly LocalFile[]; buffer: ArrayBuffer },
    HashedFiles & { buffer: ArrayBuffer },
  ];
  hashRange: [{ range: BlockRange; count: number }, HashedRange | DiskFailure];
  /** Compares a run of blocks with its hashes; one byte for each block, 1 where it is right. */
  verifyRange: [{ range: BlockRange; hashes: Uint8Array }, Uint8Array];
  /** Reads small contents into the front of a buffer. */
  read: [
    { root: string | undefined; contents: readonly LocalContent[]; buffer: ArrayBuffer },
    ReadPack,
  ];
  /** Verifies small contents in a buffer and writes each to a new file. */
  write: [
    {
      paths: readonly string[];
      sizes: readonly number[];
      ids: Uint8Array;
      buffer: ArrayBuffer;
    },
    { buffer: ArrayBuffer; failures: Failures<"bad-hash" | DiskFailure> },
  ];
  copy: [
    { copies: readonly { from: LocalContent; to: string }[]; durable: boolean },
    Failures<DiskFailure>,
  ];
  snapshot: [{ file: LocalFile; to: string }, DiskFailure | undefined];
  makePart: [PartFile, DiskFailure | undefined];
  land: [PartFile & { index: number; hash: Uint8Array; buffer: ArrayBuffer }, LandedBlock];
  /** Copies bytes into some blocks. Answers those that are made of nothing else and right. */
  assemble: [
    PartFile & { indexes: readonly number[]; hashes: Uint8Array; copies: readonly PartCopy[] },
    { right: readonly number[]; failure: DiskFailure | undefined },
  ];
  writeRanges: [
    { path: string; ranges: readonly Range[]; buffer: ArrayBuffer },
    { buffer: ArrayBuffer; failure: DiskFailure | undefined },
  ];
  /** Moves a partial file, which no thread has open. */
  finish: [{ path: string; to: string }, DiskFailure | undefined];
  release: [{ path: string }, undefined];
  makeDurable: [{ paths: readonly string[] }, DiskFailure | undefined];
  remove: [{ paths: readonly string[] }, undefined];
  hashLeaves: [{ path: string; range: Range }, Uint8Array | DiskFailure];
  cutRange: [{ path: string; range: Range }, CutRange | DiskFailure];
  cutRun: [{ path: string; range: Range }, Recipe | DiskFailure];
}

/** A job as it is sent. */
export type StageJob = {
  [K in keyof StageJobs]: { readonly kind: K; readonly input: StageJobs[K][0] };
}[keyof StageJobs];
