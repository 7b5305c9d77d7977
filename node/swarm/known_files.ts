/**
 * What is known of the files of the shared folder: in which state each was hashed, and its manifest.
 *
 * It is the ledger between three parties. The folder says which files there are, the catalog holds each
 * content once, however many names it has, and the store remembers everything until the next start.
 */

import type { Manifest } from "../content/manifest.ts";
import type { FileState, FoundFile } from "../store/folder.ts";
import type { ManifestStore, RememberedFile } from "../store/manifest_store.ts";
import { fileKey } from "./catalog.ts";
import type { Catalog, FileId, FileKey } from "./catalog.ts";

interface KnownFile extends RememberedFile {
  /** Whether the catalog has it. */
  isOffered: boolean;
  /** The look at the folder that saw it last. */
  look: number;
}

export class KnownFiles {
  readonly #catalog: Catalog;
  readonly #store: ManifestStore;
  readonly #files = new Map<string, KnownFile>();
  /** Manifests of files that vanished since the last look; a file may only have a new name. */
  readonly #vanished = new Map<FileKey, Manifest>();
  /** Names whose entries differ from what the store has. */
  readonly #unsaved = new Set<string>();
  #look = 0;

  constructor(catalog: Catalog, store: ManifestStore) {
    this.#catalog = catalog;
    this.#store = store;
    for (const file of store.files()) {
      this.#files.set(file.manifest.name, { ...file, isOffered: false, look: 0 });
    }
  }

  /** A look at the folder begins: what is not seen until it ends is gone. */
  beginLook(): void {
    this.#look++;
    this.#vanished.clear();
  }

  /** The folder has this file. Answers whether it is known in this state; then it is offered. */
  see(found: FoundFile): boolean {
    const file = this.#files.get(found.name);
    if (file === undefined) return false;
    file.look = this.#look;
    if (!isInState(file, found)) return false;
    if (!file.isOffered) this.#offer(file);
    return true;
  }

  /** The look has ended: forgets what was not seen. */
  endLook(): void {
    const gone = [...this.#files.values()].filter(({ look }) => look !== this.#look);
    for (const file of gone) {
      const { manifest } = file;
      this.#withdraw(file);
      this.#files.delete(manifest.name);
      this.#unsaved.add(manifest.name);
      this.#vanished.set(fileKey(manifest), manifest);
    }
  }

  /** The file has changed: it is not offered until it is known again. */
  withdraw(name: string): void {
    const file = this.#files.get(name);
    if (file !== undefined) this.#withdraw(file);
  }

  /** The file under the manifest's name has this content, in the state with this stamp. */
  put(manifest: Manifest, stamp: string): void {
    const old = this.#files.get(manifest.name);
    if (old !== undefined && fileKey(old.manifest) !== fileKey(manifest)) this.#withdraw(old);
    const file = { manifest, stamp, isOffered: false, look: this.#look };
    this.#files.set(manifest.name, file);
    this.#unsaved.add(manifest.name);
    this.#offer(file);
  }

  /**
   * The manifest of this content, from whoever published it first: this name before it was touched,
   * another name, or a name that has just vanished.
   */
  manifestOf(content: FileId, name: string): Manifest | undefined {
    const key = fileKey(content);
    const before = this.#files.get(name)?.manifest;
    const manifest = before !== undefined && fileKey(before) === key
      ? before
      : this.#catalog.get(key)?.manifest ?? this.#vanished.get(key);
    return manifest && named(manifest, name);
  }

  /** Brings the store up to date. */
  save(): void {
    if (this.#unsaved.size === 0) return;
    const put: RememberedFile[] = [];
    const removed: string[] = [];
    for (const name of this.#unsaved) {
      const file = this.#files.get(name);
      if (file === undefined) removed.push(name);
      else put.push(file);
    }
    this.#unsaved.clear();
    this.#store.save({ put, removed });
  }

  #offer(file: KnownFile): void {
    file.isOffered = true;
    this.#catalog.addFile(file.manifest, file.manifest.name, file.stamp);
  }

  #withdraw(file: KnownFile): void {
    if (!file.isOffered) return;
    file.isOffered = false;
    this.#catalog.dropName(fileKey(file.manifest), file.manifest.name);
  }
}

/** The manifest under another name; signatures do not cover the name. */
export function named(manifest: Manifest, name: string): Manifest {
  return manifest.name === name ? manifest : { ...manifest, name };
}

function isInState({ manifest, stamp }: RememberedFile, state: FileState): boolean {
  return manifest.size === state.size && stamp === state.stamp;
}
