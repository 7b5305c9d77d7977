/** Whole contents in a thread of the stages: hashed, read, written and copied, many in a job. */

import * as fs from "node:fs";
import { sameBytes } from "../../protocol/bytes.ts";
import {
  blockCount,
  BlockHasher,
  blockSizeFor,
  HASH_SIZE,
  leavesBelowBlock,
} from "../content/tree.ts";
import type { DiskFailure } from "../store/disk.ts";
import type { FileState } from "../store/folder.ts";
import { isPossiblySame } from "../transfer/stage.ts";
import type { LocalContent, ReadPack } from "../transfer/stage.ts";
import { hashFile, regularFile } from "./block_reading.ts";
import { errorNameOf, failureOf, FileError } from "./disk_failure.ts";
import { makeStampLast, stateOf } from "./file_state.ts";
import { readSmallFiles } from "./small_files.ts";
import type { Failures, HashedFiles, StageJobs } from "./stage_jobs.ts";

const hasher = new BlockHasher();
const hash = new Uint8Array(HASH_SIZE);

/** Hashes whole files: their ids one after the other, and why some have none. Of large files also the block hashes. */
export function hashFiles({ files }: StageJobs["hashFiles"][0]): HashedFiles {
  const ids = new Uint8Array(files.length * HASH_SIZE);
  const hashes: [number, Uint8Array][] = [];
  const failures: [number, DiskFailure][] = [];
  for (const [i, { path, size, expect }] of files.entries()) {
    const blockSize = blockSizeFor(size);
    const hashed = hashFile({ path, size, blockSize, expect }, undefined);
    if ("error" in hashed) {
      failures.push([i, hashed]);
      continue;
    }
    ids.set(hashed.id, i * HASH_SIZE);
    if (blockCount(size, blockSize) > 1) hashes.push([i, hashed.hashes]);
  }
  return { ids, hashes, failures };
}

/** Hashes small files, whose bytes lie one behind the other in the buffer afterwards. */
export function hashIntoBuffer(
  { root, files, buffer }: StageJobs["hashIntoBuffer"][0],
): StageJobs["hashIntoBuffer"][1] {
  const unread = new Map(readSmallFiles(files, { root, buffer }));
  const ids = new Uint8Array(files.length * HASH_SIZE);
  let start = 0;
  for (const [i, { size }] of files.entries()) {
    if (!unread.has(i)) ids.set(idOf(new Uint8Array(buffer, start, size)), i * HASH_SIZE);
    start += size;
  }
  const failures = Array.from(
    unread,
    ([i, error]): [number, DiskFailure] => [i, failureOf(`hash ${files[i]!.path}`, error)],
  );
  return { ids, hashes: [], failures, buffer };
}

/** Reads small contents into the buffer, one behind the other; those whose files have changed are left out. */
export function readContents({ root, contents, buffer }: StageJobs["read"][0]): ReadPack {
  const files = contents.map(({ path, size, stamp }) => ({ path, size, expect: stamp }));
  const unread = new Map(readSmallFiles(files, { root, buffer }));
  const bytes = new Uint8Array(buffer);
  let [start, end] = [0, 0];
  const present = contents.map(({ size }, i) => {
    const isRead = !unread.has(i);
    if (isRead && end < start) bytes.copyWithin(end, start, start + size);
    start += size;
    if (isRead) end += size;
    return isRead;
  });
  return { buffer, present };
}

/** Verifies small contents that lie one behind the other in the buffer, and writes each into a new file. */
export function writeContents(
  { paths, sizes, ids, buffer }: StageJobs["write"][0],
): StageJobs["write"][1] {
  const failures: [number, "bad-hash" | DiskFailure][] = [];
  let start = 0;
  for (const [i, size] of sizes.entries()) {
    const bytes = new Uint8Array(buffer, start, size);
    start += size;
    const id = ids.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE);
    const failure = sameBytes(idOf(bytes), id) ? writeNew(paths[i]!, bytes) : "bad-hash";
    if (failure !== undefined) failures.push([i, failure]);
  }
  return { buffer, failures };
}

/** The id of a content of one block at most. Stands until the next call. */
function idOf(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return hash.fill(0);
  hasher.update(bytes);
  hasher.digest(
    leavesBelowBlock({ size: bytes.length, blockSize: blockSizeFor(bytes.length) }),
    hash,
    0,
  );
  return hash;
}

function writeNew(path: string, bytes: Uint8Array): DiskFailure | undefined {
  try {
    // In one call: to open, write and close one by one takes half as long again.
    Deno.writeFileSync(path, bytes, { createNew: true });
    return undefined;
  } catch (error) {
    // A file that was there before is somebody else's.
    if (errorNameOf(error) !== "EEXIST") removeFiles([path]);
    return failureOf(`write ${path}`, error);
  }
}

/** Copies contents from file to file; where a stamp does not vouch for the bytes, the copy is hashed. */
export function copyContents({ copies, durable }: StageJobs["copy"][0]): Failures<DiskFailure> {
  const failures: [number, DiskFailure][] = [];
  for (const [i, { from, to }] of copies.entries()) {
    try {
      copyContent(from, to, durable);
    } catch (error) {
      removeFiles([to]);
      failures.push([i, failureOf(`copy ${from.path}`, error)]);
    }
  }
  return failures;
}

function copyContent(from: LocalContent, to: string, durable: boolean): void {
  requireSame(from);
  Deno.copyFileSync(from.path, to);
  const { stamp } = requireSame(from);
  // The file may have been written again without a change of its stamp.
  if (stamp !== from.stamp && !hasContent(to, from)) throw new FileError("ECHANGED");
  makeStampLast(to);
  if (durable) syncFile(to);
}

function requireSame({ path, size, stamp }: LocalContent): FileState {
  const now = stateOf(regularFile(path));
  if (now.size !== size || !isPossiblySame(now.stamp, stamp)) throw new FileError("ECHANGED");
  return now;
}

function hasContent(path: string, { id, size }: LocalContent): boolean {
  const hashed = hashFile({ path, size, blockSize: blockSizeFor(size) }, undefined);
  return "id" in hashed && sameBytes(hashed.id, id);
}

/** Copies the first bytes of a file, whoever writes it meanwhile. */
export function takeSnapshot(
  { file: { path, size }, to }: StageJobs["snapshot"][0],
): DiskFailure | undefined {
  try {
    regularFile(path);
    Deno.copyFileSync(path, to);
    if (regularFile(to).size < size) throw new FileError("ECHANGED");
    Deno.truncateSync(to, size);
    return undefined;
  } catch (error) {
    removeFiles([to]);
    return failureOf(`copy ${path}`, error);
  }
}

/** Brings files, and the names in folders, to the disk for good. Those that are gone will do. */
export function makeDurable(paths: readonly string[]): DiskFailure | undefined {
  for (const path of paths) {
    try {
      syncPath(path);
    } catch (error) {
      if (errorNameOf(error) !== "ENOENT") return failureOf(`write ${path} to the disk`, error);
    }
  }
  return undefined;
}

/** Brings the bytes of a file to the disk for good. */
function syncFile(path: string): void {
  regularFile(path);
  syncPath(path);
}

function syncPath(path: string): void {
  using opened = Deno.openSync(path);
  opened.syncDataSync();
}

/** Removes files. Those that cannot be removed stay until the next start. */
export function removeFiles(paths: readonly string[]): void {
  for (const path of paths) {
    try {
      fs.unlinkSync(path);
    } catch {
      // It is gone already, or nothing can be done about it.
    }
  }
}
