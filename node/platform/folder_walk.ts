/**
 * The walk through a folder that finds every regular file below it.
 *
 * Synchronous calls, some milliseconds at a time with a pause in between: 10,000 files take 0.1 s this way
 * and 0.35 s with asynchronous calls, because each of those goes through a thread. Only what `lstat`
 * calls a regular file is a file, so nothing is followed and nothing is opened.
 */

import { nameProblem, PRIVATE_FOLDER } from "../../protocol/path.ts";
import type { FileState, FolderScan, FoundFile, SkippedFile } from "../store/folder.ts";
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
 * Finds the files below `root`.
 *
 * @throws {Error} `Cannot read ROOT: reason`; or the signal's reason.
 */
export async function walkFolder(root: string, signal?: AbortSignal): Promise<FolderScan> {
  const found = { files: [], skipped: [] };
  await inSlices(findFiles(root, found), signal);
  return found;
}

/**
 * Finds a symbolic link below `root` that leads to a folder outside of it.
 *
 * @throws {Error} the signal's reason.
 */
export async function findLinkOut(root: string, signal: AbortSignal): Promise<string | undefined> {
  let found: string | undefined;
  const search = function* () {
    for (const { name, isSymlink } of entriesBelow(root, () => {})) {
      if (isSymlink && leadsOut(`${root}/${name}`, root)) {
        found = name;
        return;
      }
      yield;
    }
  };
  await inSlices(search(), signal);
  return found;
}

/** Goes through `steps`, some milliseconds at a time. */
async function inSlices(steps: Iterator<void>, signal?: AbortSignal): Promise<void> {
  for (;;) {
    signal?.throwIfAborted();
    const endMs = performance.now() + SLICE_MS;
    while (performance.now() < endMs) {
      if (steps.next().done) return;
    }
    // No socket makes progress between two calls of setImmediate in Deno; during a timer all do.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** Something in a folder. */
interface Entry {
  /** Its path from the root. */
  readonly name: string;
  readonly isDirectory: boolean;
  readonly isSymlink: boolean;
  /** Why the name is not safe, if it is not. */
  readonly problem: string | undefined;
}

/** Everything below `root`, without what is in the private folder or in folders with unsafe names. */
function* entriesBelow(
  root: string,
  unreadable: (folder: string, error: unknown) => void,
): Generator<Entry> {
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    let entries: Iterable<Deno.DirEntry>;
    try {
      entries = Deno.readDirSync(`${root}/${folder}`);
    } catch (error) {
      unreadable(folder, error);
      continue;
    }
    const prefix = folder === "" ? "" : `${folder}/`;
    for (const { name: last, isDirectory, isSymlink } of entries) {
      const name = prefix + last;
      if (name === PRIVATE_FOLDER) continue;
      const problem = nameProblem(name);
      if (isDirectory && problem === undefined) folders.push(name);
      yield { name, isDirectory, isSymlink, problem };
    }
  }
}

function* findFiles(
  root: string,
  { files, skipped }: { files: FoundFile[]; skipped: SkippedFile[] },
): Generator<void> {
  // Something that vanished between the listing and the look at it is not worth a word.
  const skip = (name: string, error: unknown) => {
    if (name === "") throw new Error(`Cannot read ${root}: ${reasonOf(error)}`);
    if (errorNameOf(error) !== "ENOENT") skipped.push({ name, reason: reasonOf(error) });
    else if (name.includes(REPLACEMENT_CHARACTER)) {
      skipped.push({ name, reason: "its name is not UTF-8" });
    }
  };
  for (const { name, isDirectory, problem } of entriesBelow(root, skip)) {
    if (problem !== undefined) {
      skipped.push({ name, reason: `its name cannot be used: ${problem}` });
    } else if (!isDirectory) {
      try {
        const info = Deno.lstatSync(`${root}/${name}`);
        if (info.isFile) files.push({ name, ...stateWhenFound(info) });
        else skipped.push({ name, reason: `it is ${kindOf(info)}` });
      } catch (error) {
        skip(name, error);
      }
    }
    yield;
  }
}

function stateWhenFound(info: Deno.FileInfo): FileState {
  const { size, stamp } = stateOf(info);
  const isRacy = info.mtime !== null && Math.abs(Date.now() - info.mtime.getTime()) < RACY_MS;
  return { size, stamp: isRacy ? stamp + RACY_MARK : stamp };
}

function leadsOut(path: string, root: string): boolean {
  try {
    const target = Deno.realPathSync(path);
    return target !== root && !target.startsWith(`${root}/`) && Deno.statSync(target).isDirectory;
  } catch {
    return false;
  }
}
