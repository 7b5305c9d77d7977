/**
 * The bytes of small contents that were hashed, or came, a moment ago: whoever is told of a content often asks for it
 * next, and opening a small file costs more than reading and hashing it.
 *
 * They stay as they were read, many in a buffer, until newer ones take their place. What is kept belongs to the id
 * that was made of it, whatever has become of the file since.
 */

import { SMALL_SIZE_MAX } from "../../protocol/content_messages.ts";
import { CHUNK_SIZE_MAX } from "../../protocol/header.ts";
import { contentKey } from "../transfer/contents.ts";
import type { ContentId } from "../transfer/contents.ts";
import type { LocalFile } from "../transfer/stage.ts";

/** Bytes that are kept, beside the pack that was added last. */
const SIZE_MAX = 32 * 1024 * 1024;
/** Contents that are kept: more than a source lists before they are asked for, since each costs some memory. */
const COUNT_MAX = 8192;

/** Contents that lie in one buffer, one after the other. */
interface Pack {
  readonly buffer: ArrayBuffer;
  readonly keys: readonly string[];
}

interface KeptContent {
  readonly pack: Pack;
  /** Where its bytes are in the pack. */
  readonly offset: number;
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
  /** By key. */
  readonly #contents = new Map<string, KeptContent>();
  #size = 0;

  /**
   * Keeps contents that lie in a buffer one after the other.
   *
   * @param left Positions of those whose bytes are none of theirs, or are not there.
   */
  add(contents: readonly ContentId[], left: Iterable<number>, buffer: ArrayBuffer): void {
    const leftOut = new Set(left);
    const pack = { buffer, keys: contents.map(contentKey) };
    let offset = 0;
    for (const [i, { size }] of contents.entries()) {
      if (!leftOut.has(i)) this.#contents.set(pack.keys[i]!, { pack, offset });
      offset += size;
    }
    const isTooMuch = () => this.#size > SIZE_MAX || this.#contents.size > COUNT_MAX;
    while (this.#packs.length > 0 && isTooMuch()) this.#drop(this.#packs.shift()!);
    this.#packs.push(pack);
    this.#size += buffer.byteLength;
  }

  /** Copies contents to the front of `into`, one after the other. False where not all of them are kept. */
  read(contents: readonly ContentId[], into: ArrayBuffer): boolean {
    const bytes = new Uint8Array(into);
    let end = 0;
    for (const content of contents) {
      const kept = this.#contents.get(contentKey(content));
      if (kept === undefined) return false;
      bytes.set(new Uint8Array(kept.pack.buffer, kept.offset, content.size), end);
      end += content.size;
    }
    return true;
  }

  #drop(pack: Pack): void {
    this.#size -= pack.buffer.byteLength;
    for (const key of pack.keys) {
      // It may have come again since.
      if (this.#contents.get(key)?.pack === pack) this.#contents.delete(key);
    }
  }
}

function sizeOf(files: readonly LocalFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}
