/**
 * The writing half of a block worker: verifies blocks and writes those that are right.
 *
 * A block of a large file goes to its place in a partial file; partial files stay open between blocks. A
 * small file is written to a temporary file at once and then gets its name.
 */

import { sameBytes } from "../../protocol/bytes.ts";
import { verifyBlock } from "../content/signing.ts";
import { BlockHasher, HASH_SIZE, leavesBelowBlock, sizeOfBlock } from "../content/tree.ts";
import type { LandOutcome } from "../store/disk.ts";
import { Folders } from "../store/folders.ts";
import { PROOF, PROOF_SIZE } from "./block_jobs.ts";
import type { Jobs, LandEntry } from "./block_jobs.ts";
import { regularFile } from "./block_reading.ts";
import { failureOf } from "./disk_failure.ts";
import { fileCalls } from "./file_calls.ts";
import { place } from "./place.ts";
import type { Placement } from "./place.ts";

/** How many partial files a worker keeps open. */
const OPEN_PARTS_MAX = 16;

const hasher = new BlockHasher();
const hash = new Uint8Array(HASH_SIZE);

/** Verifies and writes the blocks of a batch. */
export function land(
  { buffer, entries, proofs }: Jobs["land"][0],
  { root, parts }: { root: string; parts: OpenParts },
): LandOutcome[] {
  const folders = new Folders(root, fileCalls);
  return entries.map((entry, i) => {
    const geometry = { size: entry.fileSize, blockSize: entry.blockSize };
    const bytes = new Uint8Array(buffer, entry.start, sizeOfBlock(geometry, entry.index));
    const proof = proofs.subarray(i * PROOF_SIZE, (i + 1) * PROOF_SIZE);
    const problem = verify(bytes, entry, proof);
    if (problem !== undefined) return problem;
    const { target, index, blockSize } = entry;
    if (target.kind === "whole") return writeWhole(target, bytes, folders);
    return writePart(target.path, bytes, index * blockSize, parts);
  });
}

/** What is wrong with the bytes of a block, or `undefined`. An empty file has nothing to prove. */
function verify(
  bytes: Uint8Array,
  { fileSize, blockSize, index, target }: LandEntry,
  proof: Uint8Array,
): "bad-hash" | "bad-signature" | undefined {
  if (bytes.length === 0) return undefined;
  hasher.update(bytes);
  hasher.digest(leavesBelowBlock({ size: fileSize, blockSize }), hash, 0);
  if (!sameBytes(hash, proof.subarray(PROOF.hash, PROOF.publisher))) return "bad-hash";
  // The signatures of a file in parts were verified with its manifest.
  if (target.kind === "part") return undefined;
  const id = proof.subarray(PROOF.id, PROOF.hash);
  const publisher = proof.subarray(PROOF.publisher, PROOF.signature);
  const signature = proof.subarray(PROOF.signature);
  const signed = verifyBlock({ id, size: fileSize, index, hash }, { publisher, signature });
  return signed ? undefined : "bad-signature";
}

function writePart(path: string, bytes: Uint8Array, offset: number, parts: OpenParts): LandOutcome {
  try {
    parts.write(path, bytes, offset);
    return "landed";
  } catch (error) {
    return failureOf(`write ${path}`, error);
  }
}

function writeWhole(
  { temporary, path, replace }: Placement,
  bytes: Uint8Array,
  folders: Folders,
): LandOutcome {
  try {
    Deno.writeFileSync(temporary, bytes, { createNew: true });
  } catch (error) {
    // A file that was there before is somebody else's.
    if (!(error instanceof Deno.errors.AlreadyExists)) removeIfPossible(temporary);
    return failureOf(`write ${temporary} for ${path}`, error);
  }
  const failure = place({ temporary, path, replace }, folders);
  if (failure === undefined) return "landed";
  removeIfPossible(temporary);
  return failure;
}

function removeIfPossible(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // The next start removes what is left among the temporary files.
  }
}

/** The partial files that are being written, kept open; those used longest ago are closed. */
export class OpenParts {
  readonly #files = new Map<string, Deno.FsFile>();

  /** Writes `bytes` at `offset` of a partial file that exists. Throws what the file calls throw. */
  write(path: string, bytes: Uint8Array, offset: number): void {
    const file = this.#open(path);
    file.seekSync(offset, Deno.SeekMode.Start);
    let written = 0;
    while (written < bytes.length) written += file.writeSync(bytes.subarray(written));
  }

  /** Closes a partial file if it is open. */
  release(path: string): void {
    this.#files.get(path)?.close();
    this.#files.delete(path);
  }

  #open(path: string): Deno.FsFile {
    let file = this.#files.get(path);
    if (file === undefined) {
      regularFile(path);
      file = Deno.openSync(path, { write: true });
      if (this.#files.size === OPEN_PARTS_MAX) this.release(this.#files.keys().next().value!);
    }
    // A map keeps the order of insertion, so the file used last goes to the end.
    this.#files.delete(path);
    this.#files.set(path, file);
    return file;
  }
}
