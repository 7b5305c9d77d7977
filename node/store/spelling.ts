/**
 * Names on a disk that makes no difference between capitals and small letters, or between two ways to write
 * the same character: something that is asked for under one spelling is found under another.
 */

import { PRIVATE_FOLDER } from "../../protocol/path.ts";
import type { FileCalls } from "./file_calls.ts";

/** How the names below a folder are spelled. */
export class Spelling {
  readonly #root: string;
  readonly #calls: Pick<FileCalls, "look" | "list">;
  /** Whether the disk takes two spellings for one name. */
  readonly #isLoose: boolean;

  /** @param root A folder that has its private folder already. */
  constructor(root: string, calls: Pick<FileCalls, "look" | "list">) {
    this.#root = root;
    this.#calls = calls;
    const inodeOf = (name: string) => calls.look(`${root}/${name}`)?.inode;
    this.#isLoose = inodeOf(PRIVATE_FOLDER) === inodeOf(PRIVATE_FOLDER.toUpperCase());
  }

  /** What is there under another spelling of a path, where the disk takes both for one. */
  twinOf(path: string): string | undefined {
    if (!this.#isLoose || this.#calls.look(`${this.#root}/${path}`) === undefined) return undefined;
    const start = path.lastIndexOf("/") + 1;
    const [folder, name] = [path.slice(0, start), path.slice(start)];
    const names = this.#calls.list(`${this.#root}/${folder}`.slice(0, -1));
    if (names.includes(name)) return undefined;
    const twin = names.find((other) => folded(other) === folded(name));
    return twin === undefined ? undefined : folder + twin;
  }
}

/** The same for all spellings of a name. */
export function folded(name: string): string {
  return name.normalize("NFC").toLowerCase();
}
