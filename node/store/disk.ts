/**
 * The port through which a node hashes, verifies and lands files.
 *
 * The real disk (node/platform/block_workers.ts) does this in worker threads; the simulation does it in
 * memory. Both keep the same promises: nothing becomes visible under a file's name before its hash and
 * signature are right, an existing file is replaced only on request, and what goes wrong with one file
 * is an outcome of that file, never the end of the batch.
 *
 * Paths are paths of the local machine, already joined and checked by the caller (protocol/path.ts).
 */

import type { Bitfield } from "../../protocol/bitfield.ts";
import type { Manifest } from "../content/manifest.ts";

/** Why the disk could not do something, in words that do not depend on the operating system. */
export type DiskErrorCode =
  | "no-space" // The file system or the quota is full.
  | "exists" // There is a file under that name already and replacing it was not asked for.
  | "missing" // No such file or folder.
  | "denied" // The permissions or a read-only file system forbid it.
  | "not-regular" // A symbolic link, folder, pipe or device where a regular file or folder must be.
  | "changed" // The file changed while it was read.
  | "failed"; // Anything else; the sentence tells what.

/** One thing that failed: a sentence for the user and a code for the program. */
export interface DiskFailure {
  /** A full sentence, `Cannot X: reason`. */
  readonly error: string;
  /** The kind of failure. */
  readonly code: DiskErrorCode;
}

/** A file to hash, as a scan of the folder found it. */
export interface FileToHash {
  /** Local path of the file. */
  readonly path: string;
  /** Length in bytes that the scan saw; a file of another length has "changed". */
  readonly size: number;
  /** Bytes in a block, usually `blockSizeFor(size)`. */
  readonly blockSize: number;
  /** The stamp (folder.ts) that the file must have while it is read; with another one it has "changed". */
  readonly expect?: string | undefined;
}

/** What hashing a file gives: the parts of a `Manifest` that depend on its bytes. */
export interface HashedFile {
  /** BEP 52 root, 32 bytes. */
  readonly id: Uint8Array;
  /** Block hashes, 32 bytes each. */
  readonly hashes: Uint8Array;
  /** This node's signatures, 64 bytes for each block; no bytes unless `sign` was asked for. */
  readonly signatures: Uint8Array;
}

/** How `hashFiles` works. */
export interface HashOptions {
  /** Signs each block with this node's key. */
  readonly sign: boolean;
  /** Stops the iteration, which then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Where a verified block goes. */
export type LandTarget =
  /**
   * Into a partial file of the full length that exists already, at `index * blockSize`. The disk keeps
   * such files open until `promote` or `release`.
   */
  | { readonly kind: "part"; readonly path: string }
  /**
   * A file of a single block, or an empty file, in one step: written to `temporary`, which must not
   * exist and lies on the same file system, and moved to `path`. Missing folders on the way to `path`
   * are made. Unless `replace` is set, an existing file stays and the outcome has the code "exists".
   */
  | {
    readonly kind: "whole";
    readonly temporary: string;
    readonly path: string;
    readonly replace: boolean;
  };

/** A block that arrived and where it goes. Its size and offset follow from manifest and index. */
export interface LandItem {
  /** Offset in the batch's buffer at which the bytes of the block start. */
  readonly start: number;
  /** A manifest that passed `checkManifest`. */
  readonly manifest: Manifest;
  /** Position of the block in the file; 0 for an empty file, which has no block to verify. */
  readonly index: number;
  /** Where the block goes when it is right. */
  readonly target: LandTarget;
}

/** What became of one block; only "landed" has written anything. */
export type LandOutcome = "landed" | "bad-hash" | "bad-signature" | DiskFailure;

/** The outcomes of a batch in the order of its items, and the buffer for use with another batch. */
export interface Landing {
  readonly buffer: ArrayBuffer;
  readonly outcomes: LandOutcome[];
}

/** A partial file whose blocks are to be checked against their manifest. */
export interface PartToVerify {
  /** Local path of the partial file. */
  readonly path: string;
  /** A manifest that passed `checkManifest`. */
  readonly manifest: Manifest;
  /** Stops the work; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A verified file on its way to its final name. */
export interface PartToPromote {
  /** The partial file, complete and verified. */
  readonly part: string;
  /** Its final path on the same file system; missing folders on the way are made. */
  readonly path: string;
  /** Replaces an existing file; without it, an existing file stays and the promotion fails. */
  readonly replace: boolean;
}

/** Hashes, verifies and lands the blocks of files. */
export interface BlockDisk {
  /**
   * Hashes files and, on request, signs their blocks. Yields one result for each file, in the order of
   * `files`, as they become ready. Only regular files are opened, symbolic links are not followed.
   */
  hashFiles(
    files: readonly FileToHash[],
    options: HashOptions,
  ): AsyncIterableIterator<HashedFile | DiskFailure>;

  /**
   * Verifies the hash of each item and, for a whole file, its signature, and writes it only if they are
   * right. The signatures of a file in parts are verified once, with `verifySignatures`: the caller sees
   * to it before `promote`. The buffer is detached meanwhile and comes back with the outcomes. Batch small
   * files (some dozens in one buffer) and leave large blocks single, so that several workers share them.
   *
   * @throws {Error} where the worker that had the batch crashed; the buffer is lost with it.
   */
  land(buffer: ArrayBuffer, items: readonly LandItem[]): Promise<Landing>;

  /** Whether every block of the manifest, which passed `checkManifest`, is signed by its publisher. */
  verifySignatures(manifest: Manifest): Promise<boolean>;

  /**
   * Tells which blocks of a partial file are right, by hash. A missing file holds none, and bytes that
   * cannot be read are blocks that are not there.
   */
  verifyBlocks(part: PartToVerify): Promise<Bitfield>;

  /**
   * Gives a complete partial file its final name, closing it first. Call it after all `land` calls for
   * that file have been answered. Resolves to nothing, or to the failure that left everything as it was.
   */
  promote(part: PartToPromote): Promise<DiskFailure | undefined>;

  /** Closes a partial file wherever it is open, so that it can be removed. */
  release(path: string): Promise<void>;
}
