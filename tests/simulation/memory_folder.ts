/** The folder port over a simulated disk, as one process sees it. */

import type { FileState, Folder, FolderScan, OpenFile } from "../../node/store/folder.ts";
import { PRIVATE_FOLDER } from "../../protocol/path.ts";
import type { Life } from "./life.ts";
import { PARTS, StoredFile } from "./memory_storage.ts";
import type { MemoryStorage } from "./memory_storage.ts";

export class MemoryFolder implements Folder {
  readonly root = "";
  readonly #storage: MemoryStorage;
  readonly #life: Life;
  #temporaryCount = 0;
  /** Files that are open: an orderly end leaves none. */
  openCount = 0;

  /** Opening a folder removes temporary files that a crash has left. */
  constructor(storage: MemoryStorage, life: Life) {
    this.#storage = storage;
    this.#life = life;
    for (const path of [...storage.files.keys()]) {
      if (path.endsWith(".whole") && path.startsWith(PARTS)) storage.files.delete(path);
    }
  }

  async scan(): Promise<FolderScan> {
    await this.#life.outlive(this.#storage.delayMs());
    const names = [...this.#storage.files.keys()].filter((path) =>
      !path.startsWith(PRIVATE_FOLDER)
    );
    return { files: names.map((name) => ({ name, ...this.state(name)! })), skipped: [] };
  }

  /** Hints may be missed, so none at all is a way to keep the promise. */
  // deno-lint-ignore require-yield -- see above
  async *watch(signal: AbortSignal): AsyncIterable<void> {
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  }

  existing(names: readonly string[]): Set<string> {
    return new Set(names.filter((name) => this.state(name) !== undefined));
  }

  state(name: string): FileState | undefined {
    const file = this.#storage.files.get(name);
    return file && stateOf(file);
  }

  open(name: string): OpenFile {
    const file = this.#storage.files.get(name);
    if (file === undefined) throw new Error(`Cannot open ${name}: no such file`);
    this.openCount++;
    return {
      state: () => stateOf(file),
      read: (into, offset) => this.#read(file, into, offset),
      close: () => this.openCount--,
    };
  }

  readWhole(name: string, { size, stamp }: FileState, into: Uint8Array): boolean {
    const file = this.#storage.files.get(name);
    if (file === undefined || file.stamp !== stamp || file.bytes.length !== size) return false;
    into.set(file.bytes);
    return true;
  }

  async copy(from: string, to: string, { replace }: { replace: boolean }): Promise<void> {
    await this.#life.outlive(this.#storage.delayMs());
    const { files, isFull } = this.#storage;
    if (files.has(to) && !replace) throw new Error(`Cannot copy to ${to}: it exists`);
    if (isFull) throw new Error(`Cannot copy to ${to}: no space left`);
    files.set(to, new StoredFile(files.get(from)!.bytes.slice()));
  }

  pathOf(name: string): string {
    return name;
  }

  partPath(key: string): string {
    return `${PARTS}${key}.part`;
  }

  partKeys(): string[] {
    return [...this.#storage.files.keys()]
      .filter((path) => path.startsWith(PARTS) && path.endsWith(".part"))
      .map((path) => path.slice(PARTS.length, -".part".length));
  }

  async makePart(key: string, size: number): Promise<void> {
    await this.#life.outlive(this.#storage.delayMs());
    const { files, isFull } = this.#storage;
    const path = this.partPath(key);
    if (files.get(path)?.bytes.length === size) return;
    if (isFull) throw new Error(`Cannot make ${path}: no space left`);
    files.set(path, new StoredFile(new Uint8Array(size)));
  }

  openPart(key: string): OpenFile {
    return this.open(this.partPath(key));
  }

  async removePart(key: string): Promise<void> {
    await this.#life.outlive(this.#storage.delayMs());
    this.#storage.files.delete(this.partPath(key));
  }

  temporaryPath(): string {
    return `${PARTS}${this.#temporaryCount++}.whole`;
  }

  async #read(file: StoredFile, into: Uint8Array, offset: number): Promise<void> {
    await this.#life.outlive(this.#storage.delayMs());
    if (this.#storage.fails()) throw new Error("Cannot read: the disk has failed");
    if (offset + into.length > file.bytes.length) throw new Error("Cannot read: the file ends");
    into.set(file.bytes.subarray(offset, offset + into.length));
  }
}

function stateOf({ bytes, stamp }: StoredFile): FileState {
  return { size: bytes.length, stamp };
}
