/**
 * The names in a stage's folder.
 *
 *     KEY.part       a large content as far as it has come; the rest is a hole
 *     KEY.N.done     a large content that is complete and waits for its name
 *     N.whole        a small one
 *
 * A start takes what is complete for a partial content that is, so that nothing large comes twice.
 */

import { reasonOf } from "./disk_failure.ts";
import { removeFiles } from "./stage_contents.ts";

const PART_SUFFIX = ".part";
const DONE_SUFFIX = ".done";
/** Ends the names of small contents on their way. */
export const WHOLE_SUFFIX = ".whole";

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
      throw new Error(`Cannot write into ${path}: ${reasonOf(error)}`);
    }
  }

  /** The first of `count` numbers that were not used before. */
  takeNumbers(count: number): number {
    const first = this.#count;
    this.#count += count;
    return first;
  }

  /** A path for a content that is not large, or is copied; never used before. */
  wholePath(): string {
    return `${this.path}/${this.takeNumbers(1)}${WHOLE_SUFFIX}`;
  }

  partPath(key: string): string {
    return `${this.path}/${key}${PART_SUFFIX}`;
  }

  /** A path for a complete large content, never used before. */
  donePath(key: string): string {
    return `${this.path}/${key}.${this.takeNumbers(1)}${DONE_SUFFIX}`;
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
    else if (!name.endsWith(PART_SUFFIX)) removeFiles([path]);
  }
}
