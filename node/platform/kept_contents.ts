/**
 * The bytes of small files that were hashed a moment ago: whoever is told of a content often asks for it next, and
 * opening a small file costs more than reading and hashing it.
 *
 * They stay as they were read, many in a buffer, until newer ones take their place. What is kept belongs to the id
 * that was made of it, whatever has become of the file since.
 */

import { sameBytes } from "../../protocol/bytes.ts";
import { SMALL_SIZE_MAX } from "../../protocol/content_messages.ts";
import { CHUNK_SIZE_MAX } from "../../protocol/header.ts";
import { HASH_SIZE } from "../content/tree.ts";
import type { LocalContent, LocalFile } from "../transfer/stage.ts";
import type { HashedFiles } from "./stage_jobs.ts";

/** Bytes that are kept, beside the pack that was added last. */
const SIZE_MAX = 16 * 1024 * 1024;
/** Files that are kept: more than a source lists before they are asked for, since each costs some memory. */
const COUNT_MAX = 8192;

/** Files that were read into one buffer, one after the other. */
interface Pack {
  readonly buffer: ArrayBuffer;
  readonly paths: readonly string[];
}

interface KeptFile {
  readonly pack: Pack;
  /** Where its bytes are in the pack, and how many. */
  readonly offset: number;
  readonly size: number;
  readonly id: Uint8Array;
}

/** Whether files are small enough, each and together, to be read into a buffer that is kept. */
export function areKept(files: readonly LocalFile[]): boolean {
  return files.every(({ size }) => size <= SMALL_SIZE_MAX) && sizeOf(files) <= CHUNK_SIZE_MAX;
}

/** A buffer for the bytes of files, one after the other. */
export function bufferFor(files: readonly LocalFile[]): ArrayBuffer {
  return new ArrayBuffer(sizeOf(files));
}

export class KeptContents {
  /** The packs, oldest first. */
  readonly #packs: Pack[] = [];
  /** By local path. */
  readonly #files = new Map<string, KeptFile>();
  #size = 0;

  /** Keeps files that were hashed and lie in a buffer, but those that could not be read. */
  add(files: readonly LocalFile[], { ids, failures }: HashedFiles, buffer: ArrayBuffer): void {
    const failed = new Set(failures.map(([index]) => index));
    const pack = { buffer, paths: files.map(({ path }) => path) };
    let offset = 0;
    for (const [i, { path, size }] of files.entries()) {
      const id = ids.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE);
      if (!failed.has(i)) this.#files.set(path, { pack, offset, size, id });
      offset += size;
    }
    const isTooMuch = () => this.#size > SIZE_MAX || this.#files.size > COUNT_MAX;
    while (this.#packs.length > 0 && isTooMuch()) this.#drop(this.#packs.shift()!);
    this.#packs.push(pack);
    this.#size += buffer.byteLength;
  }

  /** Copies contents to the front of `into`, one after the other. False where not all of them are kept. */
  read(contents: readonly LocalContent[], into: ArrayBuffer): boolean {
    const bytes = new Uint8Array(into);
    let end = 0;
    for (const { path, id, size } of contents) {
      const kept = this.#files.get(path);
      if (kept === undefined || kept.size !== size || !sameBytes(kept.id, id)) return false;
      bytes.set(new Uint8Array(kept.pack.buffer, kept.offset, size), end);
      end += size;
    }
    return true;
  }

  #drop(pack: Pack): void {
    this.#size -= pack.buffer.byteLength;
    for (const path of pack.paths) {
      // It may have been read again since.
      if (this.#files.get(path)?.pack === pack) this.#files.delete(path);
    }
  }
}

function sizeOf(files: readonly LocalFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}
