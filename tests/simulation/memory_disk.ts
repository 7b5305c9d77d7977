/**
 * The disk port over a simulated disk: hashes, verifies and lands blocks as the program's workers do, in
 * virtual time, and fails when the storage does.
 */

import { Bitfield } from "../../protocol/bitfield.ts";
import type { Manifest } from "../../node/content/manifest.ts";
import { blockCount, sizeOfBlock } from "../../node/content/tree.ts";
import type {
  BlockDisk,
  DiskFailure,
  FileToHash,
  HashedFile,
  HashOptions,
  Landing,
  LandItem,
  LandOutcome,
  PartToPromote,
  PartToVerify,
} from "../../node/store/disk.ts";
import { isRightBlock, isSigned, treeOf } from "./known_truth.ts";
import type { Life } from "./life.ts";
import { StoredFile } from "./memory_storage.ts";
import type { MemoryStorage } from "./memory_storage.ts";

export class MemoryDisk implements BlockDisk {
  readonly #storage: MemoryStorage;
  readonly #life: Life;

  constructor(storage: MemoryStorage, life: Life) {
    this.#storage = storage;
    this.#life = life;
  }

  async *hashFiles(
    files: readonly FileToHash[],
    { signal }: HashOptions,
  ): AsyncIterableIterator<HashedFile | DiskFailure> {
    for (const { path, size, blockSize } of files) {
      await this.#pause();
      signal?.throwIfAborted();
      const file = this.#storage.files.get(path);
      if (file === undefined) yield failure(`Cannot hash ${path}: no such file`, "missing");
      else if (file.bytes.length !== size) {
        yield failure(`Cannot hash ${path}: it changed`, "changed");
      } else {
        const { id, hashes } = treeOf(file.bytes, blockSize);
        yield { id, hashes, signatures: new Uint8Array(0) };
      }
    }
  }

  async land(buffer: ArrayBuffer, items: readonly LandItem[]): Promise<Landing> {
    const moved = buffer.transfer();
    await this.#pause();
    if (this.#storage.unreliability > 0 && this.#storage.fails() && this.#storage.fails()) {
      throw new Error("Cannot land blocks: the worker crashed");
    }
    const outcomes: LandOutcome[] = [];
    for (const item of items) outcomes.push(await this.#landOne(moved, item));
    return { buffer: moved, outcomes };
  }

  async verifySignatures(manifest: Manifest): Promise<boolean> {
    await this.#pause();
    return isSigned(manifest);
  }

  async verifyBlocks({ path, manifest }: PartToVerify): Promise<Bitfield> {
    await this.#pause();
    const { size, blockSize } = manifest;
    const have = Bitfield.none(blockCount(size, blockSize));
    const bytes = this.#storage.files.get(path)?.bytes;
    for (let index = 0; bytes !== undefined && index < have.count; index++) {
      const offset = index * blockSize;
      const block = bytes.subarray(offset, offset + sizeOfBlock(manifest, index));
      if (isRightBlock(manifest, index, block)) have.add(index);
    }
    return have;
  }

  async promote({ part, path, replace }: PartToPromote): Promise<DiskFailure | undefined> {
    await this.#pause();
    const { files } = this.#storage;
    if (!files.has(part)) return failure(`Cannot move ${part}: no such file`, "missing");
    if (files.has(path) && !replace) return failure(`Cannot write ${path}: it exists`, "exists");
    if (this.#storage.isFull) return failure(`Cannot write ${path}: no space left`, "no-space");
    this.#storage.rename(part, path);
    await this.#pause();
    return undefined;
  }

  async release(): Promise<void> {
    await this.#pause();
  }

  async #landOne(buffer: ArrayBuffer, item: LandItem): Promise<LandOutcome> {
    const { manifest, index, start, target } = item;
    const isEmpty = manifest.size === 0;
    const size = isEmpty ? 0 : sizeOfBlock(manifest, index);
    const bytes = new Uint8Array(buffer, start, size);
    if (!isEmpty && !isRightBlock(manifest, index, bytes)) return "bad-hash";
    if (target.kind === "whole" && !isSigned(manifest)) return "bad-signature";
    if (this.#storage.isFull) return failure(`Cannot write ${target.path}: no space`, "no-space");
    if (target.kind === "whole") return await this.#landWhole(bytes, target);
    const file = this.#storage.files.get(target.path);
    if (file === undefined) return failure(`Cannot write ${target.path}: no such file`, "missing");
    await this.#write(file, bytes, index * manifest.blockSize);
    return "landed";
  }

  async #landWhole(
    bytes: Uint8Array,
    { temporary, path, replace }: Extract<LandItem["target"], { kind: "whole" }>,
  ): Promise<LandOutcome> {
    const { files } = this.#storage;
    if (files.has(temporary)) return failure(`Cannot write ${temporary}: it exists`, "exists");
    const file = new StoredFile(new Uint8Array(bytes.length));
    files.set(temporary, file);
    await this.#write(file, bytes, 0);
    if (files.has(path) && !replace) {
      files.delete(temporary);
      return failure(`Cannot write ${path}: it exists`, "exists");
    }
    this.#storage.rename(temporary, path);
    return "landed";
  }

  async #write(file: StoredFile, bytes: Uint8Array, offset: number): Promise<void> {
    const finish = this.#storage.beginWrite(file, bytes, offset);
    await this.#pause();
    finish();
  }

  /** Whatever the disk does takes time; the process may not live to see it done. */
  #pause(): Promise<void> {
    return this.#life.outlive(this.#storage.delayMs());
  }
}

function failure(error: string, code: DiskFailure["code"]): DiskFailure {
  return { error, code };
}
