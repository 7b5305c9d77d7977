/**
 * The names in a stage's folder.
 *
 *     KEY.part       a large content as far as it has come; the rest is a hole
 *     KEY.N.done     a large content that is complete and waits for its name
 *     N.whole        a small one
 *     N.folder/      small ones that get their names together, with the folder
 *
 * A start takes what is complete for a partial content that is, so that nothing large comes twice.
 */

import { reasonOf } from "./disk_failure.ts";

const PART_SUFFIX = ".part";
const DONE_SUFFIX = ".done";
const FOLDER_SUFFIX = ".folder";
const WHOLE_SUFFIX = ".whole";

export class StageFolder {
  readonly path: string;
  #count = 0;

  /**
   * Opens the folder at `path`; it is made if it is missing. Removes what a crash left in it.
   *
   * @throws {Error} `Cannot write into PATH: reason`.
   */
  constructor(path: string) {
    this.path = path;
    try {
      Deno.mkdirSync(path, { recursive: true });
      for (const { name } of [...Deno.readDirSync(path)]) this.#putRight(name);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** A path for a content that is not large, or is copied; never used before. */
  wholePath(): string {
    return `${this.path}/${this.#count++}${WHOLE_SUFFIX}`;
  }

  /** Makes a folder. Throws `Cannot write into PATH: reason`. */
  makeFolder(): string {
    const path = `${this.path}/${this.#count++}${FOLDER_SUFFIX}`;
    try {
      Deno.mkdirSync(path);
    } catch (error) {
      throw this.#failure(error);
    }
    return path;
  }

  partPath(key: string): string {
    return `${this.path}/${key}${PART_SUFFIX}`;
  }

  /** A path for a complete large content, never used before. */
  donePath(key: string): string {
    return `${this.path}/${key}.${this.#count++}${DONE_SUFFIX}`;
  }

  /** The keys of the partial contents. */
  partKeys(): string[] {
    return Array.from(Deno.readDirSync(this.path), ({ name }) => name)
      .filter((name) => name.endsWith(PART_SUFFIX))
      .map((name) => name.slice(0, -PART_SUFFIX.length));
  }

  #putRight(name: string): void {
    const path = `${this.path}/${name}`;
    if (name.endsWith(DONE_SUFFIX)) Deno.renameSync(path, this.partPath(name.split(".")[0]!));
    else if (!name.endsWith(PART_SUFFIX)) removeTree(path);
  }

  #failure(error: unknown): Error {
    return new Error(`Cannot write into ${this.path}: ${reasonOf(error)}`);
  }
}

/** Removes a file, or a folder with all that is in it. What cannot be removed stays until the next start. */
export function removeTree(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch {
    // It is gone already, or nothing can be done about it.
  }
}
