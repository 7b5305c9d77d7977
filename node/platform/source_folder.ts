/**
 * What a source of trees offers, on the local disk: a folder, or a single file. Nothing is ever written to it,
 * and it is not locked.
 *
 * Others may change it while it is read, and put a symbolic link where a folder was. So whatever was found by
 * way of a folder counts only if, after all of it was looked at, the way there still leads over folders; and
 * what is opened later must be the very file that was found, which its stamp tells (store/folder.ts).
 */

import { nameProblem } from "../../protocol/path.ts";
import type { PathProblem, SourceEntry, SourceFolder } from "../copy/source/ports.ts";
import { linkProblem } from "../copy/tree_entry.ts";
import type { FileState } from "../store/folder.ts";
import type { Hint } from "../sync/folder.ts";
import { systemClock } from "./clock.ts";
import { errorNameOf, reasonOf } from "./disk_failure.ts";
import { isExecutable, kindOf, obstacleOnWay, rememberedStamp } from "./file_state.ts";
import { visitInSlices } from "./folder_walk.ts";
import type { Visitor } from "./folder_walk.ts";
import { watchPaths } from "./folder_watch.ts";

/** How often a single file is looked at to see whether it has changed. */
const FILE_WATCH_MS = 1_000;

/**
 * Opens the folder or file at `path`.
 *
 * @throws {Error} `Cannot serve PATH: reason`.
 */
export async function openSourceFolder(path: string): Promise<SourceFolder> {
  try {
    const root = await Deno.realPath(path);
    const info = await Deno.lstat(root);
    if (info.isDirectory) {
      // A folder that cannot be read is told of now, not to the first who asks for it.
      for await (const _ of Deno.readDir(root)) break;
      return new DiskSource(root);
    }
    if (!info.isFile) throw new Error(`it is ${kindOf(info)}, neither a folder nor a file`);
    const end = root.lastIndexOf("/");
    const name = root.slice(end + 1);
    const problem = nameProblem(name);
    if (problem !== undefined) throw new Error(`its name cannot be used: ${problem}`);
    return new FileSource(root.slice(0, end), name);
  } catch (error) {
    throw new Error(`Cannot serve ${path}: ${reasonOf(error)}`);
  }
}

class DiskSource implements SourceFolder {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  problemAt(path: string): PathProblem | undefined {
    if (path === "") return undefined;
    const problem = pathProblem(path);
    if (problem !== undefined) return { isAbsent: false, reason: problem };
    const obstacle = obstacleOnWay(this.root, path) ?? path;
    try {
      const info = Deno.lstatSync(this.pathOf(obstacle));
      if (info.isSymlink) return { isAbsent: false, reason: `${obstacle} is a symbolic link` };
      if (obstacle !== path) return { isAbsent: true, reason: `${obstacle} is no folder` };
      const isUsable = info.isFile || info.isDirectory;
      return isUsable ? undefined : { isAbsent: false, reason: `it is ${kindOf(info)}` };
    } catch (error) {
      const isAbsent = errorNameOf(error) === "ENOENT";
      return { isAbsent, reason: isAbsent ? "there is no such folder here" : reasonOf(error) };
    }
  }

  async *walk(path: string, signal: AbortSignal): AsyncGenerator<readonly SourceEntry[], void> {
    const lost = new Set<string>();
    let found: SourceEntry[] = [];
    const visitor = collector(this.root, (entry) => found.push(entry));
    for await (const _ of visitInSlices({ root: this.root, start: path }, visitor, signal)) {
      const batch = found;
      found = [];
      if (batch.length > 0) yield this.#reachable(batch, lost);
    }
  }

  state(path: string): FileState | undefined {
    try {
      const info = Deno.lstatSync(this.pathOf(path));
      const isThere = info.isFile && obstacleOnWay(this.root, path) === undefined;
      return isThere ? { size: info.size, stamp: rememberedStamp(info) } : undefined;
    } catch {
      return undefined;
    }
  }

  pathOf(path: string): string {
    return `${this.root}/${path}`;
  }

  watch(signal: AbortSignal): AsyncIterable<Hint> {
    return watchPaths(this.root, signal);
  }

  /** The entries to which the way leads over folders. Adds folders that are left out to `lost`. */
  #reachable(entries: readonly SourceEntry[], lost: Set<string>): readonly SourceEntry[] {
    const obstacles = new Map<string, string | undefined>();
    const reachable: SourceEntry[] = [];
    for (const entry of entries) {
      const folder = folderOf(entry.path);
      if (!obstacles.has(folder)) obstacles.set(folder, obstacleOnWay(this.root, `${folder}/`));
      if (obstacles.get(folder) === undefined && !lost.has(folder)) reachable.push(entry);
      else if (entry.kind === "folder") lost.add(entry.path);
    }
    const replaced = new Set([...obstacles.values()].filter((path) => path !== undefined));
    for (const path of replaced) {
      reachable.push(skipped(path, "it was replaced while it was read"));
    }
    return reachable;
  }
}

/** A single file, offered under its own name. */
class FileSource implements SourceFolder {
  readonly root: string;
  readonly #folder: DiskSource;
  readonly #name: string;

  constructor(folder: string, name: string) {
    this.#folder = new DiskSource(folder);
    this.#name = name;
    this.root = this.#folder.pathOf(name);
  }

  problemAt(path: string): PathProblem | undefined {
    const problem = path === "" ? undefined : pathProblem(path);
    if (problem !== undefined) return { isAbsent: false, reason: problem };
    const isHere = path === "" || path === this.#name;
    return isHere ? undefined : { isAbsent: true, reason: `only ${this.#name} is offered here` };
  }

  walk(_path: string, signal: AbortSignal): AsyncIterable<readonly SourceEntry[]> {
    return this.#folder.walk(this.#name, signal);
  }

  state(path: string): FileState | undefined {
    return this.#folder.state(path);
  }

  pathOf(path: string): string {
    return this.#folder.pathOf(path);
  }

  async *watch(signal: AbortSignal): AsyncGenerator<Hint, void> {
    let last = this.state(this.#name)?.stamp;
    while (!signal.aborted) {
      await systemClock.sleep(FILE_WATCH_MS, signal);
      const now = this.state(this.#name)?.stamp;
      if (now !== last) yield [this.#name];
      last = now;
    }
  }
}

/** Why a path that somebody asks for is none of what is offered, whatever is there. */
function pathProblem(path: string): string | undefined {
  const leadsOut = path.startsWith("/") || path.split("/").includes("..");
  return leadsOut ? "it leads out of what is served" : nameProblem(path);
}

/** Turns what a walk comes to into entries. */
function collector(root: string, add: (entry: SourceEntry) => void): Visitor {
  return {
    file: (path, info) => {
      const executable = isExecutable(info.mode);
      const stamp = rememberedStamp(info);
      add({ path, kind: "file", size: info.size, stamp, executable, target: "" });
    },
    folder: (path) =>
      add({ path, kind: "folder", size: 0, stamp: "", executable: false, target: "" }),
    skip: (path, reason, target) => {
      add(target === undefined ? skipped(path, reason) : linkAt(root, { path, target }));
    },
  };
}

/** A link as it is listed: as what it is if it leads to a place in the same tree. */
function linkAt(root: string, { path, target }: { path: string; target: string }): SourceEntry {
  const problem = linkProblem(path, target) ?? detourProblem(root, path);
  if (problem !== undefined) return skipped(path, problem);
  return { path, kind: "link", size: 0, stamp: "", executable: false, target };
}

/** Why a link leads out, by way of others. What leads nowhere leads nowhere else. */
function detourProblem(root: string, path: string): string | undefined {
  try {
    const end = Deno.realPathSync(`${root}/${path}`);
    if (end === root || end.startsWith(root === "/" ? root : `${root}/`)) return undefined;
    return "it is a link that leads out of the tree, by way of another";
  } catch {
    return undefined;
  }
}

function skipped(path: string, reason: string): SourceEntry {
  return { path, kind: "skipped", size: 0, stamp: "", executable: false, target: reason };
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
