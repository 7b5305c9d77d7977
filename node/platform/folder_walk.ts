/**
 * The walk through a folder that finds every regular file below it.
 *
 * Synchronous calls, some milliseconds at a time with a pause in between: 10,000 files take 0.1 s this way
 * and 0.35 s with asynchronous calls, because each of those goes through a thread. Only what `lstat`
 * calls a regular file is a file, so nothing is followed and nothing is opened.
 */

import { nameProblem, PRIVATE_FOLDER } from "../../protocol/path.ts";
import type { FolderScan, FoundFile, SkippedFile } from "../store/folder.ts";
import { errorNameOf, reasonOf } from "./disk_failure.ts";
import { kindOf, stateOf } from "./file_state.ts";

/** How long the walk keeps the event loop waiting. */
const SLICE_MS = 5;

/**
 * A file that was written less than this ago could be written again without a new time of modification:
 * file systems take it from a clock of up to 10 ms a tick. (Git calls such files "racily clean".)
 */
const RACY_MS = 20;

/** Added to the stamp of such a file, so that it equals no later state. */
const RACY_MARK = ".racy";

/** In place of bytes that are not UTF-8. Deno 2.9 shows such names so, 2.7 not at all. */
const REPLACEMENT_CHARACTER = "\ufffd";

/**
 * Walks through the folder at `root`.
 *
 * @throws {Error} `Cannot read ROOT: reason`; or the signal's reason.
 */
export async function walkFolder(root: string, signal?: AbortSignal): Promise<FolderScan> {
  const walk = new Walk(root);
  for (;;) {
    signal?.throwIfAborted();
    if (walk.advance(performance.now() + SLICE_MS)) return walk;
    // No socket makes progress between two calls of setImmediate in Deno; during a timer all do.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

class Walk implements FolderScan {
  readonly files: FoundFile[] = [];
  readonly skipped: SkippedFile[] = [];
  readonly #root: string;
  /** Names of the folders to visit, the root's being empty. */
  readonly #folders = [""];
  /** What is left of the folder that is being visited. */
  #entries: Iterator<Deno.DirEntry> | undefined;
  #prefix = "";

  constructor(root: string) {
    this.#root = root;
  }

  /** Goes on until there is nothing left, and answers true, or until the time is up. */
  advance(deadline: number): boolean {
    while (performance.now() < deadline) {
      const entry = this.#next();
      if (entry !== undefined) {
        this.#visit(entry);
      } else {
        const folder = this.#folders.pop();
        if (folder === undefined) return true;
        this.#enter(folder);
      }
    }
    return false;
  }

  #next(): Deno.DirEntry | undefined {
    const next = this.#entries?.next();
    return next === undefined || next.done === true ? undefined : next.value;
  }

  #enter(folder: string): void {
    this.#prefix = folder === "" ? "" : `${folder}/`;
    this.#entries = undefined;
    try {
      this.#entries = Deno.readDirSync(`${this.#root}/${folder}`)[Symbol.iterator]();
    } catch (error) {
      if (folder === "") throw new Error(`Cannot read ${this.#root}: ${reasonOf(error)}`);
      this.#skip(folder, error);
    }
  }

  #visit(entry: Deno.DirEntry): void {
    const name = this.#prefix + entry.name;
    if (name === PRIVATE_FOLDER) return;
    const problem = nameProblem(name);
    if (problem !== undefined) {
      this.skipped.push({ name, reason: `its name cannot be used: ${problem}` });
    } else if (entry.isDirectory) {
      this.#folders.push(name);
    } else {
      this.#look(name);
    }
  }

  #look(name: string): void {
    try {
      const info = Deno.lstatSync(`${this.#root}/${name}`);
      if (!info.isFile) return void this.skipped.push({ name, reason: `it is ${kindOf(info)}` });
      const { size, stamp } = stateOf(info);
      this.files.push({ name, size, stamp: isRacy(info) ? stamp + RACY_MARK : stamp });
    } catch (error) {
      this.#skip(name, error);
    }
  }

  /** Something that vanished between the listing and the look at it is not worth a word. */
  #skip(name: string, error: unknown): void {
    if (errorNameOf(error) !== "ENOENT") {
      this.skipped.push({ name, reason: reasonOf(error) });
    } else if (name.includes(REPLACEMENT_CHARACTER)) {
      this.skipped.push({ name, reason: "its name is not UTF-8" });
    }
  }
}

function isRacy({ mtime }: Deno.FileInfo): boolean {
  return mtime !== null && Math.abs(Date.now() - mtime.getTime()) < RACY_MS;
}
