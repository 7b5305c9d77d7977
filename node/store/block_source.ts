/**
 * Where the blocks that a node serves come from: its folder, through the cache of the most requested ones.
 *
 * Where the system's page cache answers, a read costs less than keeping the block a second time would (see
 * docs/benchmarks.md). So a block goes to the cache only when it is asked for again although reading it was
 * slow. All other reads use the same few buffers over and over.
 *
 * A file that changed since it was hashed is not served: its bytes would not match the manifest, and the
 * receiver would rightly call this node a liar.
 */

import { HEAD_ROOM } from "../../protocol/header.ts";
import type { Clock } from "../../protocol/ports.ts";
import { sizeOfBlock } from "../content/tree.ts";
import type { Manifest } from "../content/manifest.ts";
import type { BlockCache } from "./block_cache.ts";
import type { Folder, OpenFile } from "./folder.ts";

/** Files that stay open between reads. */
const OPEN_FILES_MAX = 64;
/** Buffers that wait for their next read, over all sizes. */
const SPARE_BYTES_MAX = 16 * 1024 * 1024;
/** A read that takes longer than this, and so much more by the mebibyte, came from a disk. */
const SLOW_MS = 3;
const SLOW_MS_PER_MIB = 3;
const MIB = 1024 * 1024;
/** Blocks of which is known that reading them was slow. */
const SLOW_COUNT_MAX = 64 * 1024;

/** What a source must know of a file to read it. */
export interface ReadableFile {
  readonly key: string;
  readonly manifest: Manifest;
  readonly location:
    | { readonly kind: "file"; readonly name: string; readonly stamp: string }
    | { readonly kind: "part"; readonly key: string };
}

/** The bytes of a block, for as long as they are needed. */
export interface BlockLease {
  readonly bytes: Uint8Array;
  /** Nobody else has their buffer, in which what lies before the bytes that are being sent may be overwritten. */
  readonly isExclusive: boolean;
  /** The bytes are not used any more. */
  release(): void;
}

export class BlockSource implements Disposable {
  readonly #folder: Folder;
  readonly #cache: BlockCache;
  readonly #clock: Clock;
  /** Open files, the one used last at the end. */
  readonly #open = new Map<string, OpenFile>();
  readonly #reading = new Map<OpenFile, number>();
  readonly #retired = new Set<OpenFile>();
  readonly #spare: ArrayBuffer[] = [];
  #spareBytes = 0;
  #slow = new Set<string>();

  constructor(folder: Folder, cache: BlockCache, clock: Clock) {
    this.#folder = folder;
    this.#cache = cache;
    this.#clock = clock;
  }

  /**
   * Reads block `index`. Throws when the file is gone, too short, or not in the state any more in which it
   * was hashed.
   */
  async read(file: ReadableFile, index: number): Promise<BlockLease> {
    const size = sizeOfBlock(file.manifest, index);
    const offset = index * file.manifest.blockSize;
    const name = `${file.key}:${index}`;
    if (!this.#slow.has(name)) {
      const buffer = this.#takeBuffer(HEAD_ROOM + size);
      const bytes = new Uint8Array(buffer, HEAD_ROOM, size);
      const startMs = this.#clock.now();
      try {
        await this.#fill(file, bytes, offset);
      } catch (reason) {
        this.#giveBuffer(buffer);
        throw reason;
      }
      const slowMs = SLOW_MS + SLOW_MS_PER_MIB * size / MIB;
      if (this.#clock.now() - startMs > slowMs) this.#remember(name);
      return { bytes, isExclusive: true, release: () => this.#giveBuffer(buffer) };
    }
    const bytes = await this.#cache.get(file.key, index, async () => {
      const fresh = new Uint8Array(size);
      await this.#fill(file, fresh, offset);
      return fresh;
    });
    return { bytes, isExclusive: false, release: () => {} };
  }

  /** Closes and forgets all that is known of a file: it was removed, changed or moved. */
  forget(file: ReadableFile): void {
    this.#cache.invalidate(file.key);
    this.#closeFile(openKey(file));
  }

  [Symbol.dispose](): void {
    for (const key of [...this.#open.keys()]) this.#closeFile(key);
  }

  #remember(name: string): void {
    if (this.#slow.size >= SLOW_COUNT_MAX) this.#slow = new Set();
    this.#slow.add(name);
  }

  async #fill(file: ReadableFile, into: Uint8Array, offset: number): Promise<void> {
    const open = this.#openFile(file);
    this.#reading.set(open, (this.#reading.get(open) ?? 0) + 1);
    try {
      await open.read(into, offset);
      if (file.location.kind === "file" && open.state().stamp !== file.location.stamp) {
        this.#closeFile(openKey(file));
        throw new Error(`Cannot read ${file.location.name}: it has changed since it was hashed`);
      }
    } finally {
      this.#readingEnded(open);
    }
  }

  #openFile(file: ReadableFile): OpenFile {
    const key = openKey(file);
    let open = this.#open.get(key);
    if (open !== undefined) {
      this.#open.delete(key);
    } else {
      if (this.#open.size >= OPEN_FILES_MAX) this.#closeFile(this.#open.keys().next().value!);
      const { location } = file;
      open = location.kind === "file"
        ? this.#folder.open(location.name)
        : this.#folder.openPart(location.key);
    }
    this.#open.set(key, open);
    return open;
  }

  /** Closes a file at once, or when the last read from it has ended. */
  #closeFile(key: string): void {
    const open = this.#open.get(key);
    if (open === undefined) return;
    this.#open.delete(key);
    if (this.#reading.has(open)) this.#retired.add(open);
    else open.close();
  }

  #readingEnded(open: OpenFile): void {
    const count = this.#reading.get(open)! - 1;
    if (count > 0) {
      this.#reading.set(open, count);
      return;
    }
    this.#reading.delete(open);
    if (this.#retired.delete(open)) open.close();
  }

  #takeBuffer(size: number): ArrayBuffer {
    const at = this.#spare.findLastIndex((buffer) => buffer.byteLength >= size);
    if (at < 0) return new ArrayBuffer(size);
    const [buffer] = this.#spare.splice(at, 1);
    this.#spareBytes -= buffer!.byteLength;
    return buffer!;
  }

  #giveBuffer(buffer: ArrayBuffer): void {
    if (this.#spareBytes + buffer.byteLength > SPARE_BYTES_MAX) return;
    this.#spareBytes += buffer.byteLength;
    this.#spare.push(buffer);
  }
}

function openKey({ location }: ReadableFile): string {
  return location.kind === "file" ? `file ${location.name}` : `part ${location.key}`;
}
