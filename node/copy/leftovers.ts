/**
 * What is at the place of a copied tree and its source does not have: what `--delete` removes.
 *
 * So many deletions that nobody can have meant them are stopped, as in sync: a source that is empty by mistake must
 * not empty its copies.
 */

import type { Change, LiveFolder } from "../folder/live_folder.ts";
import type { Found } from "./found_tree.ts";

/** Trees with no more files than this are not worth asking. */
const FILES_MIN = 20;

export interface LeftoversOptions {
  readonly folder: Pick<LiveFolder, "change">;
  /** The path at which the tree is, which stays. */
  readonly start: string;
  /** Whether what is at a path of the folder stays, whatever the source has. */
  readonly isKept: (path: string, isFolder: boolean) => boolean;
}

/** What became of something that was to be removed. */
export interface Removal {
  readonly path: string;
  /** Nothing where it is gone. */
  readonly error?: string;
}

/** The deletions of one copy. */
export class Leftovers {
  readonly #options: LeftoversOptions;
  readonly #files: Exclude<Found, { kind: "folder" | "other" }>[] = [];
  /** Those that are in others come first. */
  readonly #folders: string[] = [];
  readonly #fileCount: number;

  /**
   * @param found What the source has not listed, each folder before what is in it.
   * @param listedCount Files and links that are here and were listed.
   */
  constructor(
    found: ReadonlyMap<string, Found>,
    listedCount: number,
    options: LeftoversOptions,
  ) {
    this.#options = options;
    for (const entry of found.values()) this.#add(entry);
    this.#folders.reverse();
    this.#fileCount = listedCount + this.#files.length;
  }

  /** The paths in the folder of the files and links that are to go. */
  get paths(): readonly string[] {
    return this.#files.map(({ path }) => path);
  }

  /** Files and links here, before anything is removed. */
  get fileCount(): number {
    return this.#fileCount;
  }

  /** Whether it is more than half of a tree of some size. */
  get isMass(): boolean {
    return this.#fileCount > FILES_MIN && this.#files.length > this.#fileCount / 2;
  }

  /** Removes files and links, and the folders that are empty then. */
  async remove(): Promise<Removal[]> {
    const { folder } = this.#options;
    const removals = this.#files.map(({ path, stamp }): Change => (
      { kind: "remove", path, expect: stamp }
    ));
    const outcomes = await folder.change(removals);
    await folder.change(this.#folders.map((path) => ({ kind: "removeFolder", path })));
    return this.#files.map(({ path }, i): Removal => {
      const outcome = outcomes[i]!;
      if (outcome === "changed" || outcome === "not-empty") {
        return { path, error: "somebody changed it meanwhile (run this again)" };
      }
      return "error" in outcome ? { path, error: outcome.error } : { path };
    });
  }

  #add(entry: Found): void {
    const { start, isKept } = this.#options;
    if (entry.kind === "other" || entry.path === start && entry.kind === "folder") return;
    if (isKept(entry.path, entry.kind === "folder")) return;
    if (entry.kind === "folder") this.#folders.push(entry.path);
    else this.#files.push(entry);
  }
}
