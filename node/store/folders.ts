/**
 * The folders on the way to a file: makes those that are missing, and makes sure that none of them is a
 * symbolic link, which would lead out of the root.
 */

import { errorNameOf, FileCallError } from "./file_calls.ts";
import type { FileCalls } from "./file_calls.ts";

/**
 * The folders below `root` as one batch of files sees them. What is known is forgotten with the batch,
 * because somebody may remove or replace folders at any time.
 */
export class Folders {
  readonly #known = new Set<string>();
  readonly #calls: Pick<FileCalls, "look" | "makeFolder">;

  /** @param root A folder, which exists. The path to it may lead over symbolic links. */
  constructor(readonly root: string, calls: Pick<FileCalls, "look" | "makeFolder">) {
    this.#calls = calls;
    this.#known.add(root);
  }

  /**
   * Makes the folders that lead to `path`, which starts with the root and a slash.
   *
   * @throws {Error} from the file call that failed, or where a part of the path is no folder.
   */
  makeFor(path: string): void {
    const folder = this.#folderOf(path);
    if (this.#known.has(folder)) return;
    this.makeFor(folder);
    this.#make(folder);
    this.#known.add(folder);
  }

  /**
   * Whether the folders that lead to `path` are there.
   *
   * @throws {Error} where a part of the path is no folder.
   */
  leadTo(path: string): boolean {
    const folder = this.#folderOf(path);
    if (this.#known.has(folder)) return true;
    if (!this.leadTo(folder)) return false;
    const found = this.#calls.look(folder);
    if (found === undefined) return false;
    if (found.kind !== "folder") throw noFolder();
    this.#known.add(folder);
    return true;
  }

  /** Forgets a folder that is removed. */
  forget(folder: string): void {
    this.#known.delete(folder);
  }

  #folderOf(path: string): string {
    const folder = path.slice(0, path.lastIndexOf("/"));
    const isBelow = folder === this.root || folder.startsWith(`${this.root}/`);
    if (!isBelow || folder.endsWith("/..")) throw new Error(`it lies outside of ${this.root}`);
    return folder;
  }

  /** Makes one folder, unless it is there already and really one. */
  #make(path: string): void {
    const found = this.#calls.look(path);
    if (found?.kind === "folder") return;
    if (found !== undefined) throw noFolder();
    try {
      this.#calls.makeFolder(path);
    } catch (error) {
      // Somebody may have made it in between; whatever it is now, it is looked at once more.
      if (errorNameOf(error) !== "EEXIST") throw error;
      if (this.#calls.look(path)?.kind !== "folder") throw noFolder();
    }
  }
}

/** Something on the way is no folder. */
function noFolder(): FileCallError {
  return new FileCallError("ENOTDIR", "a part of its path is not a folder");
}
