/**
 * The disk of a simulated machine: files and folders by local path, which outlive the processes that work
 * with them. One disk holds the folders of any number of roots, each with its private area.
 *
 * Times are counters: everything that happens to a file gives it another stamp.
 */

import type { DiskErrorCode } from "../../node/store/disk.ts";
import { errorNameOf, FileCallError } from "../../node/store/file_calls.ts";
import type { FileCalls, FileInfo } from "../../node/store/file_calls.ts";
import type { FileState } from "../../node/store/folder.ts";
import { folded } from "../../node/store/spelling.ts";
import { folderOf } from "../../protocol/path.ts";

const FILE_MODE = 0o644;
const EXECUTABLE_MODE = 0o755;
const FOLDER_MODE = 0o755;
const OWNER_MAY_EXECUTE = 0o100;

const CODES: Readonly<Record<string, DiskErrorCode>> = {
  EEXIST: "exists",
  ENOTEMPTY: "exists",
  ENOENT: "missing",
  EISDIR: "not-regular",
  ENOTDIR: "not-regular",
  ENOSPC: "no-space",
};

export interface WriteOptions {
  readonly executable?: boolean;
}

/** What is at one or more paths. */
export interface Inode {
  readonly kind: FileInfo["kind"];
  readonly number: number;
  /** Of a file, or what a symbolic link says; never changed in place. */
  bytes: Uint8Array<ArrayBuffer>;
  mode: number;
  /** Counts at the last write, and at the last change of any kind. */
  modified: number;
  changed: number;
}

const NO_BYTES = new Uint8Array(0);

/** A disk with nothing on it. */
export class MemoryFiles {
  readonly #nodes: Nodes;
  readonly #listeners = new Set<(path: string) => void>();
  #count = 0;
  /** Whether there is no room left: nothing can be written or made, only moved and removed. */
  isFull = false;

  /** @param isLoose Whether the disk takes names that differ in case only for one. */
  constructor({ isLoose = false }: { readonly isLoose?: boolean } = {}) {
    this.#nodes = new Nodes(isLoose ? folded : (path) => path);
  }

  /** The file calls of this disk. */
  readonly calls: FileCalls = {
    look: (path) => {
      const node = this.#nodes.get(path);
      return node && infoOf(node);
    },
    rename: (from, to) => this.#rename(from, to),
    link: (from, to) => {
      const node = this.#get(from);
      if (node.kind === "folder") return false;
      this.#requireRoom();
      this.#require(to, false);
      this.#put(to, node);
      return true;
    },
    readLink: (path) => {
      const node = this.#nodes.get(path);
      const isLink = node?.kind === "other" && node.bytes.length > 0;
      return isLink ? new TextDecoder().decode(node.bytes) : undefined;
    },
    makeLink: (path, target) => this.makeOther(path, target),
    remove: (path) => {
      if (this.#get(path).kind === "folder") throw errorOf("EISDIR");
      this.#drop(path);
    },
    makeFolder: (path) => {
      this.#require(path, false);
      this.#requireRoom();
      this.#put(path, this.#make("folder", FOLDER_MODE));
    },
    removeFolder: (path) => {
      if (this.#get(path).kind !== "folder") throw errorOf("ENOTDIR");
      if (this.#namesIn(path).length > 0) throw errorOf("ENOTEMPTY");
      this.#drop(path);
    },
    setMode: (path, mode, inode) => {
      const node = this.#get(path);
      if (node.number !== inode) throw errorOf("ENOENT");
      node.mode = mode;
      this.#tell(path, node);
    },
    list: (path) => this.#namesIn(path),
    failure: (action, error) => ({
      error: `Cannot ${action}: ${error instanceof Error ? error.message : error}`,
      code: CODES[errorNameOf(error)] ?? "failed",
    }),
  };

  /** The local paths of all files and folders below `folder`, sorted. */
  paths(folder = ""): string[] {
    return [...this.#nodes.keys()].filter((path) => path.startsWith(`${folder}/`)).sort();
  }

  /** What is at `path`; whoever holds on to it has the file open. */
  nodeAt(path: string): Inode | undefined {
    return this.#nodes.get(path);
  }

  /** The bytes of the file at `path`; they are never changed in place. */
  bytesOf(path: string): Uint8Array<ArrayBuffer> | undefined {
    const node = this.#nodes.get(path);
    return node?.kind === "file" ? node.bytes : undefined;
  }

  /** Size and stamp of the file at `path`, the stamp as a look gives it. */
  stateOf(path: string): FileState | undefined {
    const node = this.#nodes.get(path);
    return node?.kind === "file" ? stateOf(node) : undefined;
  }

  /** Writes a file, new or in place; missing folders on the way are made. */
  write(path: string, bytes: Uint8Array<ArrayBuffer>, { executable }: WriteOptions = {}): void {
    this.makeFolder(folderOf(path));
    const found = this.#nodes.get(path);
    if (found !== undefined && found.kind !== "file") throw errorOf("EISDIR");
    if (bytes.length > 0) this.#requireRoom();
    const node = found ?? this.#make("file", FILE_MODE);
    node.bytes = bytes;
    if (executable !== undefined) node.mode = executable ? EXECUTABLE_MODE : FILE_MODE;
    node.modified = ++this.#count;
    if (found === undefined) this.#put(path, node);
    else this.#tell(path, node);
  }

  /** Makes a folder, and those above it. */
  makeFolder(path: string): void {
    const found = this.#nodes.get(path);
    if (found?.kind === "folder" || path === "") return;
    if (found !== undefined) throw errorOf("ENOTDIR");
    this.#requireRoom();
    this.makeFolder(folderOf(path));
    this.#put(path, this.#make("folder", FOLDER_MODE));
  }

  /** Makes a symbolic link that says `target`, or without one a pipe or the like. */
  makeOther(path: string, target = ""): void {
    this.#require(path, false);
    const node = this.#make("other", FILE_MODE);
    node.bytes = new TextEncoder().encode(target);
    this.#put(path, node);
  }

  /** Removes a file, or a folder with all that is in it. */
  remove(path: string): void {
    for (const below of this.paths(path).reverse()) this.#drop(below);
    if (this.#nodes.has(path)) this.#drop(path);
  }

  /** Moves a file or folder, as a rename does. */
  move(from: string, to: string): void {
    this.#rename(from, to);
  }

  /** Writes the same bytes again: a new stamp. */
  touch(path: string): void {
    const node = this.#get(path);
    node.modified = ++this.#count;
    this.#tell(path, node);
  }

  setExecutable(path: string, executable: boolean): void {
    const node = this.#get(path);
    node.mode = executable ? EXECUTABLE_MODE : FILE_MODE;
    this.#tell(path, node);
  }

  /** Calls `listener` with the local path of everything that changes. Answers how to stop that. */
  onChange(listener: (path: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #rename(from: string, to: string): void {
    const node = this.#get(from);
    if (from === to) return;
    const target = this.#nodes.get(to);
    this.#requireFolderOf(to);
    if (to.startsWith(`${from}/`)) throw errorOf("EINVAL");
    if (node.kind !== "folder" && target?.kind === "folder") throw errorOf("EISDIR");
    if (node.kind === "folder" && target !== undefined) {
      if (target.kind !== "folder") throw errorOf("ENOTDIR");
      if (this.#namesIn(to).length > 0) throw errorOf("ENOTEMPTY");
    }
    const below = this.paths(from);
    for (const path of [from, ...below]) {
      const moved = this.#nodes.get(path)!;
      this.#nodes.delete(path);
      this.#nodes.set(to + path.slice(from.length), moved);
    }
    this.#tell(from, node);
    this.#tell(to, node);
  }

  #make(kind: Inode["kind"], mode: number): Inode {
    const number = ++this.#count;
    return { kind, number, bytes: NO_BYTES, mode, modified: number, changed: number };
  }

  #get(path: string): Inode {
    const node = this.#nodes.get(path);
    if (node === undefined) throw errorOf("ENOENT");
    return node;
  }

  /** Throws where there is something at `path`, or no folder for it. */
  #require(path: string, present: boolean): void {
    this.#requireFolderOf(path);
    if (this.#nodes.has(path) !== present) throw errorOf("EEXIST");
  }

  #requireFolderOf(path: string): void {
    const folder = folderOf(path);
    if (folder === "") return;
    if (this.#get(folder).kind !== "folder") throw errorOf("ENOTDIR");
  }

  #requireRoom(): void {
    if (this.isFull) throw errorOf("ENOSPC");
  }

  #namesIn(folder: string): string[] {
    const start = `${folder}/`;
    const names: string[] = [];
    for (const path of this.#nodes.keys()) {
      const isIn = path.startsWith(start) && !path.includes("/", start.length);
      if (isIn) names.push(path.slice(start.length));
    }
    return names.sort();
  }

  #put(path: string, node: Inode): void {
    this.#nodes.set(path, node);
    this.#tell(path, node);
  }

  #drop(path: string): void {
    const node = this.#get(path);
    this.#nodes.delete(path);
    this.#tell(path, node);
  }

  #tell(path: string, node: Inode): void {
    node.changed = ++this.#count;
    for (const listener of this.#listeners) listener(path);
  }
}

/** Inodes by path; which paths are the same is said by their keys, and the first spelling stays. */
class Nodes {
  readonly #byKey = new Map<string, { readonly path: string; readonly node: Inode }>();

  constructor(readonly keyOf: (path: string) => string) {}

  has(path: string): boolean {
    return this.#byKey.has(this.keyOf(path));
  }

  get(path: string): Inode | undefined {
    return this.#byKey.get(this.keyOf(path))?.node;
  }

  set(path: string, node: Inode): void {
    this.#byKey.set(this.keyOf(path), { path: this.#spelled(path), node });
  }

  delete(path: string): void {
    this.#byKey.delete(this.keyOf(path));
  }

  *keys(): Generator<string> {
    for (const { path } of this.#byKey.values()) yield path;
  }

  /** The path below its folder as that is spelled. */
  #spelled(path: string): string {
    const known = this.#byKey.get(this.keyOf(path))?.path;
    if (known !== undefined) return known;
    const start = path.lastIndexOf("/");
    const folder = this.#byKey.get(this.keyOf(path.slice(0, Math.max(0, start))))?.path;
    return folder === undefined ? path : folder + path.slice(start);
  }
}

/** Size and stamp of a file that is open. */
export function stateOf({ bytes, number, changed, mode }: Inode): FileState {
  return { size: bytes.length, stamp: `${number}.${changed}.${mode & OWNER_MAY_EXECUTE}` };
}

function infoOf(node: Inode): FileInfo {
  const { kind, number, mode, modified } = node;
  const state = stateOf(node);
  return { kind, inode: number, mode, modifiedMs: modified, seenStamp: state.stamp, ...state };
}

function errorOf(code: string): FileCallError {
  return new FileCallError(code, code);
}
