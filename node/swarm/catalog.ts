/**
 * What this node holds: each file of the swarm that it has, wholly or in part, by file key.
 *
 * The catalog is the one place where that is known. Whoever serves reads it, whoever announces follows its
 * changes, and the shared folder and the downloads change it.
 */

import type { Manifest } from "../content/manifest.ts";
import { Bitfield } from "../../protocol/bitfield.ts";
import { toHex } from "../../protocol/bytes.ts";

/** Names a file on the wire: root and length. */
export interface FileId {
  readonly id: Uint8Array;
  readonly size: number;
}

/** A `FileId` as the key of maps and the name of partial files. */
export type FileKey = string;

/** The key of a file: its id in hexadecimal and its length. */
export function fileKey({ id, size }: FileId): FileKey {
  return `${toHex(id)}-${size}`;
}

/** Where the bytes of a held file are. */
export type Location =
  /** A file of the folder, whole, in the state in which it was hashed. */
  | { readonly kind: "file"; readonly name: string; readonly stamp: string }
  /** A partial file of the folder's private area. */
  | { readonly kind: "part"; readonly key: FileKey };

/** A file that this node has, wholly or in part. */
export interface HeldFile {
  readonly key: FileKey;
  /** Its name is the one under which the content came into the catalog. */
  readonly manifest: Manifest;
  readonly have: Bitfield;
  /** Where the bytes are now; of a whole file with several names, one of them. */
  location: Location;
  /** The names that the content has, or is to have, each with the stamp of the file there. */
  readonly names: Map<string, string>;
}

/** Follows the changes of a catalog. */
export interface CatalogObserver {
  added?(file: HeldFile): void;
  removed?(file: HeldFile): void;
  /** A whole file has one more name. */
  named?(file: HeldFile, name: string): void;
  /** A whole file has one name less, and at least one left. */
  unnamed?(file: HeldFile, name: string): void;
  /** One more block of a partial file is held. */
  gained?(file: HeldFile, index: number): void;
  /** A partial file is whole and under its name. */
  completed?(file: HeldFile): void;
}

export class Catalog implements Iterable<HeldFile> {
  readonly #files = new Map<FileKey, HeldFile>();
  readonly #observers = new Set<CatalogObserver>();

  get count(): number {
    return this.#files.size;
  }

  [Symbol.iterator](): Iterator<HeldFile> {
    return this.#files.values();
  }

  /** Tells `observer` of each change until the answer is called. */
  observe(observer: CatalogObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  get(key: FileKey): HeldFile | undefined {
    return this.#files.get(key);
  }

  /** The files of that name, or with an id that starts with these (at least 8) hexadecimal digits. */
  find(nameOrId: string): HeldFile[] {
    const prefix = /^[0-9a-f]{8,64}$/i.test(nameOrId) ? nameOrId.toLowerCase() : undefined;
    return [...this].filter((file) =>
      file.names.has(nameOrId) || (prefix !== undefined && file.key.startsWith(prefix))
    );
  }

  /**
   * Adds a whole file of the folder, or one more name of a content that is there already. A content that is
   * being fetched just now stays a partial file until that has ended; then the name counts.
   */
  addFile(manifest: Manifest, name: string, stamp: string): HeldFile {
    const key = fileKey(manifest);
    const known = this.#files.get(key);
    if (known !== undefined) {
      this.#addName(known, name, stamp);
      return known;
    }
    return this.#add({
      key,
      manifest,
      have: Bitfield.all(manifest.hashes.length / 32),
      location: { kind: "file", name, stamp },
      names: new Map([[name, stamp]]),
    });
  }

  /** Adds a file that is being fetched, with the blocks that are there already. */
  addPart(manifest: Manifest, have: Bitfield): HeldFile {
    const key = fileKey(manifest);
    const names = new Map([[manifest.name, ""]]);
    return this.#add({ key, manifest, have, location: { kind: "part", key }, names });
  }

  #addName(file: HeldFile, name: string, stamp: string): void {
    const isNew = !file.names.has(name);
    file.names.set(name, stamp);
    if (file.location.kind !== "file") return;
    if (file.location.name === name) file.location = { ...file.location, stamp };
    if (isNew) { for (const observer of this.#observers) observer.named?.(file, name); }
  }

  /** The folder has the file no longer under this name; without any name left it is removed. */
  dropName(key: FileKey, name: string): void {
    const file = this.#files.get(key);
    if (!file?.names.has(name)) return;
    if (file.names.size === 1) return this.remove(key);
    file.names.delete(name);
    if (file.location.kind !== "file") return;
    if (file.location.name === name) {
      const [next, stamp] = file.names.entries().next().value!;
      file.location = { kind: "file", name: next, stamp };
    }
    for (const observer of this.#observers) observer.unnamed?.(file, name);
  }

  #add(file: HeldFile): HeldFile {
    this.#files.set(file.key, file);
    for (const observer of this.#observers) observer.added?.(file);
    return file;
  }

  /** Notes that a block of a partial file is there. */
  gain(file: HeldFile, index: number): void {
    if (!file.have.add(index)) return;
    for (const observer of this.#observers) observer.gained?.(file, index);
  }

  /** Notes that a partial file has all its blocks and is now a file of the folder. */
  complete(file: HeldFile, name: string, stamp: string): void {
    const others = wholeNames(file).filter(([other]) => other !== name);
    file.location = { kind: "file", name, stamp };
    file.names.clear();
    file.names.set(name, stamp);
    for (const observer of this.#observers) observer.completed?.(file);
    for (const [other, otherStamp] of others) this.#addName(file, other, otherStamp);
  }

  /** A download has ended without the file; what the folder has under other names stays. */
  abandonPart(key: FileKey): void {
    const file = this.#files.get(key);
    if (file?.location.kind !== "part") return;
    this.remove(key);
    for (const [name, stamp] of wholeNames(file)) this.addFile(file.manifest, name, stamp);
  }

  remove(key: FileKey): void {
    const file = this.#files.get(key);
    if (file === undefined) return;
    this.#files.delete(key);
    for (const observer of this.#observers) observer.removed?.(file);
  }
}

/** Names under which the folder has the file, which the name that it is to have is not. */
function wholeNames(file: HeldFile): [name: string, stamp: string][] {
  return [...file.names].filter(([, stamp]) => stamp !== "");
}
