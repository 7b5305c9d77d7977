/** The files of old versions on a simulated disk. */

import type { Trash } from "../../node/sync/server/ports.ts";
import type { MemoryFiles } from "./memory_files.ts";

export class MemoryTrash implements Trash {
  readonly #files: MemoryFiles;
  readonly #folder: string;

  /** The trash in the folder at the local path `folder`, which is made. */
  constructor(files: MemoryFiles, folder: string) {
    this.#files = files;
    this.#folder = folder;
    files.makeFolder(folder);
  }

  pathOf(key: string): string {
    return `${this.#folder}/${key}`;
  }

  stampOf(key: string): string | undefined {
    return this.#files.stateOf(this.pathOf(key))?.stamp;
  }

  keys(): Promise<string[]> {
    const paths = this.#files.paths(this.#folder);
    return Promise.resolve(paths.map((path) => path.slice(this.#folder.length + 1)));
  }

  remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      if (this.stampOf(key) !== undefined) this.#files.remove(this.pathOf(key));
    }
    return Promise.resolve();
  }
}
