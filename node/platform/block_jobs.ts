/**
 * What travels between the pool of block workers and a worker.
 *
 * A worker does its jobs one after the other and answers each with one reply, in the same order, so
 * neither needs a number. Hashes and signatures travel packed in few arrays: each array that is cloned
 * into a worker costs about as much as hashing a kilobyte.
 */

import type { Placement } from "./place.ts";
import type { WorkerReply } from "./worker_pool.ts";
import type { DiskFailure, FileToHash, HashedFile, Landing, LandTarget } from "../store/disk.ts";

/** The first message to a worker. */
export interface Setup {
  /** The folder below which all files land. */
  readonly root: string;
  /** Private key to sign blocks with. */
  readonly seed: Uint8Array | undefined;
}

/** A run of blocks of a file. */
export interface BlockRange {
  readonly path: string;
  /** Length of the file in bytes. */
  readonly size: number;
  readonly blockSize: number;
  /** Position of the first block of the run. */
  readonly first: number;
  /** The state that the file must be in (store/folder.ts); in another one it has changed. */
  readonly expect?: string | undefined;
}

/** Block hashes of a part of a file. */
export interface HashedRange {
  readonly hashes: Uint8Array;
  /** Tells one state of the file from another, so that all ranges are known to be of the same. */
  readonly stamp: string;
}

/** Hashes and signatures of a run of blocks. */
export interface SignedRange {
  readonly id: Uint8Array;
  readonly size: number;
  /** Position of the first block of the run. */
  readonly first: number;
  readonly publisher: Uint8Array;
  readonly hashes: Uint8Array;
  readonly signatures: Uint8Array;
}

/** An item of `land`. What proves its block is at the same position in `LandJob.proofs`. */
export interface LandEntry {
  /** Where the block's bytes start in the batch's buffer. */
  readonly start: number;
  readonly fileSize: number;
  readonly blockSize: number;
  readonly index: number;
  readonly target: LandTarget;
}

/** Where the parts of a proof are among its `PROOF_SIZE` bytes. */
export const PROOF = { id: 0, hash: 32, publisher: 64, signature: 96 } as const;
/** Bytes in a proof. */
export const PROOF_SIZE = 160;

/** Each kind of job: what it is given, and what it answers. */
export interface Jobs {
  /** Hashes whole files, signing their blocks on request. */
  hashFiles: [{ files: FileToHash[]; sign: boolean }, (HashedFile | DiskFailure)[]];
  /** Hashes a run of blocks of a file that is shared out among workers. */
  hashRange: [{ range: BlockRange; count: number }, HashedRange | DiskFailure];
  /** Signs a run of blocks. */
  signRange: [{ id: Uint8Array; size: number; first: number; hashes: Uint8Array }, Uint8Array];
  /** Whether every block of a run is signed by the publisher. */
  verifySignatures: [SignedRange, boolean];
  /** Compares a run of blocks with its hashes; one byte for each block, 1 where it is right. */
  verifyRange: [{ range: BlockRange; hashes: Uint8Array }, Uint8Array];
  land: [{ buffer: ArrayBuffer; entries: LandEntry[]; proofs: Uint8Array<ArrayBuffer> }, Landing];
  promote: [Placement, DiskFailure | undefined];
  release: [{ path: string }, undefined];
}

/** What a worker can be asked for. */
export type JobKind = keyof Jobs;

/** A job as it is sent. */
export type Job = { [K in JobKind]: { readonly kind: K; readonly input: Jobs[K][0] } }[JobKind];

/** What a worker sends back. */
export type Reply = WorkerReply<Jobs[JobKind][1]>;
