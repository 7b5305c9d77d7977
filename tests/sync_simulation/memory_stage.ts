/**
 * The stage of contents over a simulated disk, as one process sees it. Whatever it does takes time, and the
 * process may not live to see it done; partial files outlive it.
 */

import { Bitfield } from "../../protocol/bitfield.ts";
import { sameBytes } from "../../protocol/bytes.ts";
import {
  blockCount,
  BlockHasher,
  blockSizeFor,
  HASH_SIZE,
  hashesOfLeaves,
  leavesBelowBlock,
  sizeOfBlock,
  TreeHasher,
} from "../../node/content/tree.ts";
import type { HashTree } from "../../node/content/tree.ts";
import type { DiskFailure } from "../../node/store/disk.ts";
import type { OpenFile } from "../../node/store/folder.ts";
import { contentKey } from "../../node/transfer/contents.ts";
import type { ContentId, GrowingContent, Recipe } from "../../node/transfer/contents.ts";
import { cutPart } from "../memory_cutting.ts";
import type { Range } from "../../node/transfer/ranges.ts";
import type {
  ContentToStage,
  Copying,
  LandedBlock,
  LocalContent,
  LocalFile,
  PartialContent,
  ReadPack,
  Stage,
  StagedContent,
  StagedFolder,
  WrittenPack,
} from "../../node/transfer/stage.ts";
import { treeOf } from "../simulation/known_truth.ts";
import { openNode } from "./memory_folder.ts";
import type { MemoryFiles } from "./memory_files.ts";

export interface MemoryStageOptions {
  /** Waits as long as the disk takes; never resolves once the process has ended. There is no waiting without. */
  readonly pause?: () => Promise<void>;
}

const PART_SUFFIX = ".part";

export class MemoryStage implements Stage {
  readonly #files: MemoryFiles;
  readonly #folder: string;
  readonly #pause: () => Promise<void>;
  readonly #open = new Map<string, { readonly part: MemoryPart; readonly closed: Promise<void> }>();
  #count = 0;

  /** A stage in the folder at the local path `folder`. Removes what a crash left there; partial files stay. */
  constructor(files: MemoryFiles, folder: string, options: MemoryStageOptions = {}) {
    this.#files = files;
    this.#folder = folder;
    this.#pause = options.pause ?? (() => Promise.resolve());
    files.makeFolder(folder);
    for (const path of files.paths(folder)) if (!path.endsWith(PART_SUFFIX)) files.remove(path);
  }

  async *hashFiles(
    files: readonly LocalFile[],
    signal?: AbortSignal,
  ): AsyncGenerator<ContentId | DiskFailure> {
    for (const { path, size, expect } of files) {
      const before = this.#files.stateOf(path);
      await this.#pause();
      signal?.throwIfAborted();
      const now = this.#files.stateOf(path);
      if (before === undefined || now === undefined) yield failureOf("hash", path, "missing");
      else if (
        now.size !== size || now.stamp !== before.stamp || (expect ?? now.stamp) !== now.stamp
      ) {
        yield failureOf("hash", path, "changed");
      } else yield contentOf(this.#files.bytesOf(path)!);
    }
  }

  async blockHashes(content: LocalContent): Promise<Uint8Array | DiskFailure> {
    await this.#pause();
    const bytes = this.#bytesOf(content);
    return bytes === undefined ? failureOf("hash", content.path, "changed") : hashesOf(bytes);
  }

  async leafHashes(
    content: LocalContent,
    { offset, length }: Range,
  ): Promise<Uint8Array | DiskFailure> {
    await this.#pause();
    const bytes = this.#bytesOf(content);
    if (bytes === undefined) return failureOf("hash", content.path, "changed");
    return hashesOfLeaves(bytes.subarray(offset, offset + length));
  }

  async recipe(content: LocalContent, range: Range): Promise<Recipe | DiskFailure> {
    await this.#pause();
    const bytes = this.#bytesOf(content);
    return bytes === undefined ? failureOf("read", content.path, "changed") : cutPart(bytes, range);
  }

  open(path: string): OpenFile {
    const node = this.#files.nodeAt(path);
    if (node?.kind !== "file") throw new Error(`Cannot open ${path}: there is no such file`);
    return openNode(node, { name: path, pause: this.#pause });
  }

  async read(contents: readonly LocalContent[], buffer: ArrayBuffer): Promise<ReadPack> {
    const moved = buffer.transfer();
    await this.#pause();
    let end = 0;
    const present = contents.map((content) => {
      const bytes = this.#bytesOf(content);
      if (bytes === undefined) return false;
      new Uint8Array(moved, end, bytes.length).set(bytes);
      end += bytes.length;
      return true;
    });
    return { buffer: moved, present };
  }

  async write(contents: readonly ContentToStage[], buffer: ArrayBuffer): Promise<WrittenPack> {
    const moved = buffer.transfer();
    await this.#pause();
    let end = 0;
    const outcomes = contents.map((content) => {
      const bytes = new Uint8Array(moved.slice(end, end += content.size));
      const isRight = sameBytes(contentOf(bytes).id, content.id);
      return isRight ? this.#stage(bytes, content.stageAs) : "bad-hash";
    });
    await this.#pause();
    return { buffer: moved, outcomes };
  }

  makeFolder(): StagedFolder {
    const path = `${this.#folder}/${this.#count++}.folder`;
    this.#files.makeFolder(path);
    return { path, [Symbol.dispose]: () => this.#files.remove(path) };
  }

  async copy(contents: readonly LocalContent[]): Promise<(StagedContent | DiskFailure)[]> {
    await this.#pause();
    const outcomes = contents.map((content) => {
      const bytes = this.#bytesOf(content);
      return bytes === undefined ? failureOf("copy", content.path, "changed") : this.#stage(bytes);
    });
    await this.#pause();
    return outcomes;
  }

  async snapshot({ path, size }: LocalFile): Promise<StagedContent | DiskFailure> {
    await this.#pause();
    const bytes = this.#files.bytesOf(path);
    if (bytes === undefined) return failureOf("copy", path, "missing");
    return bytes.length < size
      ? failureOf("copy", path, "changed")
      : this.#stage(bytes.slice(0, size));
  }

  expectPart(): void {}

  async openPart(
    content: ContentId,
    hashes: Uint8Array,
    signal: AbortSignal,
  ): Promise<PartialContent | DiskFailure> {
    const key = contentKey(content);
    const path = `${this.#folder}/${key}${PART_SUFFIX}`;
    for (let open = this.#open.get(key); open !== undefined; open = this.#open.get(key)) {
      await open.closed;
    }
    if (this.#files.bytesOf(path)?.length !== content.size) {
      if (this.#files.isFull) return failureOf("write", path, "no-space");
      this.#files.write(path, new Uint8Array(content.size));
    }
    const closed = Promise.withResolvers<void>();
    const part = new MemoryPart(content, hashes, {
      files: this.#files,
      path,
      pause: this.#pause,
      bytesOf: (local) => this.#bytesOf(local),
      stage: (bytes) => this.#stage(bytes),
      close: () => {
        this.#open.delete(key);
        closed.resolve();
      },
    });
    this.#open.set(key, { part, closed: closed.promise });
    try {
      await part.verify(part.missing, signal);
      return part;
    } catch (error) {
      await part[Symbol.asyncDispose]();
      throw error;
    }
  }

  growing(content: ContentId): GrowingContent | undefined {
    return this.#open.get(contentKey(content))?.part;
  }

  async makeDurable(): Promise<undefined> {
    await this.#pause();
  }

  async remove(paths: readonly string[]): Promise<void> {
    await this.#pause();
    for (const path of paths) this.#files.remove(path);
  }

  async keepParts(contents: readonly ContentId[]): Promise<void> {
    await this.#pause();
    const kept = new Set([...contents.map(contentKey), ...this.#open.keys()]);
    for (const path of this.#files.paths(this.#folder)) {
      const key = path.slice(this.#folder.length + 1, -PART_SUFFIX.length);
      if (path.endsWith(PART_SUFFIX) && !kept.has(key)) this.#files.remove(path);
    }
  }

  /** The bytes of a file that is still the one that was meant. */
  #bytesOf({ path, stamp }: LocalContent): Uint8Array<ArrayBuffer> | undefined {
    return this.#files.stateOf(path)?.stamp === stamp ? this.#files.bytesOf(path) : undefined;
  }

  #stage(
    bytes: Uint8Array<ArrayBuffer>,
    staged = `${this.#folder}/${this.#count++}.whole`,
  ): StagedContent | DiskFailure {
    if (this.#files.isFull) return failureOf("write", this.#folder, "no-space");
    if (this.#files.nodeAt(staged) !== undefined) return failureOf("write", staged, "exists");
    this.#files.write(staged, bytes);
    return { staged };
  }
}

interface PartOptions {
  readonly files: MemoryFiles;
  readonly path: string;
  readonly pause: () => Promise<void>;
  readonly bytesOf: (content: LocalContent) => Uint8Array | undefined;
  readonly stage: (bytes: Uint8Array<ArrayBuffer>) => StagedContent | DiskFailure;
  readonly close: () => void;
}

class MemoryPart implements PartialContent, GrowingContent {
  readonly have: Bitfield;
  readonly path: string;
  readonly hashes: Uint8Array;
  readonly #geometry: { readonly size: number; readonly blockSize: number };
  readonly #options: PartOptions;

  constructor({ size }: ContentId, hashes: Uint8Array, options: PartOptions) {
    const blockSize = blockSizeFor(size);
    this.#geometry = { size, blockSize };
    this.path = options.path;
    this.hashes = hashes;
    this.#options = options;
    this.have = Bitfield.none(blockCount(size, blockSize));
  }

  async land(index: number, buffer: ArrayBuffer): Promise<LandedBlock> {
    const moved = buffer.transfer();
    await this.#options.pause();
    const block = new Uint8Array(moved, 0, sizeOfBlock(this.#geometry, index));
    if (!this.#isRight(index, block)) return { buffer: moved, outcome: "bad-hash" };
    if (this.#fullness !== undefined) return { buffer: moved, outcome: this.#fullness };
    this.#write(index * this.#geometry.blockSize, block);
    this.have.add(index);
    return { buffer: moved, outcome: "landed" };
  }

  async assemble(
    copies: readonly Copying[],
    { signal }: { readonly signal: AbortSignal },
  ): Promise<DiskFailure | undefined> {
    for (const { from, offset, length, to } of copies) {
      await this.#options.pause();
      signal.throwIfAborted();
      if (this.#fullness !== undefined) return this.#fullness;
      const bytes = this.#options.bytesOf(from);
      if (bytes !== undefined) this.#write(to, bytes.subarray(offset, offset + length));
    }
    await this.verify(this.missing, signal);
    return undefined;
  }

  async write(ranges: readonly Range[], buffer: ArrayBuffer) {
    const moved = buffer.transfer();
    await this.#options.pause();
    const failure = this.#fullness;
    if (failure !== undefined) return { buffer: moved, failure };
    let end = 0;
    for (const { offset, length } of ranges) {
      this.#write(offset, new Uint8Array(moved, end, length));
      end += length;
    }
    return { buffer: moved, failure };
  }

  async verify(indexes: readonly number[], signal: AbortSignal): Promise<void> {
    await this.#options.pause();
    signal.throwIfAborted();
    for (const index of indexes) {
      const start = index * this.#geometry.blockSize;
      const block = this.#bytes.subarray(start, start + sizeOfBlock(this.#geometry, index));
      if (this.#isRight(index, block)) this.have.add(index);
    }
  }

  /** The blocks that are not right yet. */
  get missing(): number[] {
    return Array.from({ length: this.have.count }, (_, i) => i).filter((i) => !this.have.has(i));
  }

  async finish(): Promise<StagedContent | DiskFailure> {
    await this.#options.pause();
    const staged = this.#options.stage(this.#bytes);
    if ("staged" in staged) this.#options.files.remove(this.#options.path);
    await this[Symbol.asyncDispose]();
    return staged;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#options.close();
    return Promise.resolve();
  }

  get #bytes(): Uint8Array<ArrayBuffer> {
    return this.#options.files.bytesOf(this.#options.path)!;
  }

  get #fullness(): DiskFailure | undefined {
    const { files, path } = this.#options;
    return files.isFull ? failureOf("write", path, "no-space") : undefined;
  }

  /** Writes bytes, but for those of blocks that are right already. */
  #write(offset: number, bytes: Uint8Array): void {
    const whole = this.#bytes.slice();
    const { blockSize } = this.#geometry;
    const end = offset + bytes.length;
    for (let start = offset; start < end;) {
      const index = Math.floor(start / blockSize);
      const stop = Math.min(end, (index + 1) * blockSize);
      if (!this.have.has(index)) whole.set(bytes.subarray(start - offset, stop - offset), start);
      start = stop;
    }
    this.#options.files.write(this.#options.path, whole);
  }

  #isRight(index: number, block: Uint8Array): boolean {
    const expected = this.hashes.subarray(index * HASH_SIZE, (index + 1) * HASH_SIZE);
    const found = new Uint8Array(HASH_SIZE);
    const hasher = new BlockHasher();
    hasher.update(block);
    hasher.digest(leavesBelowBlock(this.#geometry), found, 0);
    return sameBytes(found, expected);
  }
}

/** Up to this size hash trees are remembered. */
const REMEMBERED_SIZE_MAX = 1024;

/** The trees of larger ones; the bytes of a file are never changed in place. */
const trees = new WeakMap<Uint8Array, HashTree>();

function treeFor(bytes: Uint8Array): HashTree {
  const blockSize = blockSizeFor(bytes.length);
  if (bytes.length <= REMEMBERED_SIZE_MAX) return treeOf(bytes, blockSize);
  let tree = trees.get(bytes);
  if (tree === undefined) {
    const hasher = new TreeHasher(blockSize);
    hasher.update(bytes);
    trees.set(bytes, tree = hasher.digest());
  }
  return tree;
}

/** What a file's bytes are known by. */
export function contentOf(bytes: Uint8Array): ContentId {
  return { id: treeFor(bytes).id, size: bytes.length };
}

function hashesOf(bytes: Uint8Array): Uint8Array {
  return treeFor(bytes).hashes;
}

function failureOf(action: string, path: string, code: DiskFailure["code"]): DiskFailure {
  return { error: `Cannot ${action} ${path}: ${code}`, code };
}
