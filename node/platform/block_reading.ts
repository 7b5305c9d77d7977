/**
 * The reading half of a block worker: hashes the blocks of files.
 *
 * Files are read in pieces that stay in the processor's cache until they are hashed. A file is looked at
 * before it is opened, because to open a pipe would block the thread for good, and looked at again when
 * it was read, because somebody may be writing to it.
 */

import { sameBytes } from "../../protocol/bytes.ts";
import type { Identity } from "../../protocol/ports.ts";
import { SIGNATURE_SIZE } from "../content/identity.ts";
import { signBlock, verifyBlock } from "../content/signing.ts";
import {
  blockCount,
  BlockHasher,
  HASH_SIZE,
  leavesBelowBlock,
  rootOfBlocks,
  sizeOfBlock,
} from "../content/tree.ts";
import type { Geometry } from "../content/tree.ts";
import type { DiskFailure, FileToHash, HashedFile } from "../store/disk.ts";
import { isPossiblySame } from "../transfer/stage.ts";
import type { BlockRange, HashedRange, SignedRange } from "./block_jobs.ts";
import { failureOf, FileError } from "./disk_failure.ts";
import { stateOf } from "./file_state.ts";

const piece = new Uint8Array(256 * 1024);
const hasher = new BlockHasher();
/** The hash of the last block. */
const hash = new Uint8Array(HASH_SIZE);

/** Hashes a whole file and signs its blocks where there is a signer. */
export function hashFile(
  { path, size, blockSize, expect }: FileToHash,
  signer: Pick<Identity, "sign"> | undefined,
): HashedFile | DiskFailure {
  const range = { path, size, blockSize, first: 0, expect };
  const hashed = hashRange(range, blockCount(size, blockSize));
  if ("error" in hashed) return hashed;
  const { hashes } = hashed;
  const id = rootOfBlocks(hashes, blockSize, size);
  const signatures = signer === undefined
    ? new Uint8Array(0)
    : signRange({ id, size, first: 0, hashes }, signer);
  return { id, hashes, signatures };
}

/** Hashes `count` blocks of a file. */
export function hashRange(range: BlockRange, count: number): HashedRange | DiskFailure {
  try {
    const stamp = stampOf(regularFile(range.path));
    using file = openAt(range);
    const hashes = new Uint8Array(count * HASH_SIZE);
    for (let i = 0; i < count; i++) {
      const complete = hashBlock(file, range, range.first + i);
      if (!complete) throw new FileError("ECHANGED");
      hashes.set(hash, i * HASH_SIZE);
    }
    const info = file.statSync();
    if (info.size !== range.size || stampOf(info) !== stamp) throw new FileError("ECHANGED");
    const isExpected = range.expect === undefined ||
      isPossiblySame(stateOf(info).stamp, range.expect);
    if (!isExpected) throw new FileError("ECHANGED");
    return { hashes, stamp };
  } catch (error) {
    return failureOf(`hash ${range.path}`, error);
  }
}

/**
 * Compares a run of blocks with the hashes that they should have: one byte for each, 1 where it is right.
 * Blocks that cannot be read are not right.
 */
export function verifyRange(range: BlockRange, hashes: Uint8Array): Uint8Array {
  const right = new Uint8Array(hashes.length / HASH_SIZE);
  try {
    regularFile(range.path);
    using file = openAt(range);
    for (let i = 0; i < right.length && hashBlock(file, range, range.first + i); i++) {
      const expected = hashes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE);
      if (sameBytes(hash, expected)) right[i] = 1;
    }
  } catch {
    // A file that is missing or cannot be read has no blocks to keep; writing to it will say why.
  }
  return right;
}

/** Signs a run of blocks: 64 bytes for each. */
export function signRange(
  { id, size, first, hashes }: { id: Uint8Array; size: number; first: number; hashes: Uint8Array },
  signer: Pick<Identity, "sign">,
): Uint8Array {
  const count = hashes.length / HASH_SIZE;
  const signatures = new Uint8Array(count * SIGNATURE_SIZE);
  for (let i = 0; i < count; i++) {
    const hash = hashes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE);
    const signature = signBlock(signer, { id, size, index: first + i, hash });
    signatures.set(signature, i * SIGNATURE_SIZE);
  }
  return signatures;
}

/** Whether every block of a run is signed by the publisher. */
export function verifySignatures(
  { id, size, first, publisher, hashes, signatures }: SignedRange,
): boolean {
  for (let i = 0; i < hashes.length / HASH_SIZE; i++) {
    const hash = hashes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE);
    const signature = signatures.subarray(i * SIGNATURE_SIZE, (i + 1) * SIGNATURE_SIZE);
    if (!verifyBlock({ id, size, index: first + i, hash }, { publisher, signature })) return false;
  }
  return true;
}

/** Hashes the block at `index`, where the file stands, into `hash`; false where the file ends before it. */
function hashBlock(file: Deno.FsFile, geometry: Geometry, index: number): boolean {
  hasher.reset();
  let left = sizeOfBlock(geometry, index);
  while (left > 0) {
    const part = piece.subarray(0, Math.min(left, piece.length));
    if (!fill(part, file)) return false;
    hasher.update(part);
    left -= part.length;
  }
  hasher.digest(leavesBelowBlock(geometry), hash, 0);
  return true;
}

/** Fills `part` from where the file stands; false where the file ends before. */
function fill(part: Uint8Array, file: Deno.FsFile): boolean {
  let filled = 0;
  while (filled < part.length) {
    const count = file.readSync(part.subarray(filled));
    if (count === null) return false;
    filled += count;
  }
  return true;
}

/** Looks at a file before it is opened. Throws where it is missing or anything but a regular file. */
export function regularFile(path: string): Deno.FileInfo {
  const info = Deno.lstatSync(path);
  if (!info.isFile) throw new FileError("ENOTREG");
  return info;
}

function openAt({ path, first, blockSize }: BlockRange): Deno.FsFile {
  const file = Deno.openSync(path);
  if (first > 0) file.seekSync(first * blockSize, Deno.SeekMode.Start);
  return file;
}

/** Tells one state of a file from another. */
function stampOf({ dev, ino, size, mtime }: Deno.FileInfo): string {
  return `${dev} ${ino} ${size} ${mtime?.getTime()}`;
}
