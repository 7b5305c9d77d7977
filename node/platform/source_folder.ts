/**
 * What a source of trees offers, on the local disk: a folder, or a single file. Nothing is ever written to it,
 * and it is not locked.
 *
 * Others may change it while it is read, and put a symbolic link where a folder was. So files are found only on a
 * way that holds still (steady_way.ts); and what is opened later must be the very file that was found, which its
 * stamp tells (store/folder.ts).
 */

import { folderOf, nameProblem } from "../../protocol/path.ts";
import type {
  PathProblem,
  SourceEntry,
  SourceFolder,
  SourceWalkOptions,
} from "../copy/source/ports.ts";
import type { FileState } from "../store/folder.ts";
import type { Hint } from "../folder/live_folder.ts";
import { systemClock } from "./clock.ts";
import { errorNameOf, reasonOf } from "./disk_failure.ts";
import { kindOf, lookAt, obstacleOnWay, rememberedStamp } from "./file_state.ts";
import { watchPaths } from "./folder_watch.ts";
import { walkSource } from "./source_walk.ts";
import { steadyWay } from "./steady_way.ts";

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
      return {
        isAbsent,
        reason: isAbsent ? "there is no such file or folder here" : reasonOf(error),
      };
    }
  }

  walk(path: string, options: SourceWalkOptions): AsyncIterable<readonly SourceEntry[]> {
    return walkSource({ root: this.root, start: path }, options);
  }

  async state(path: string, signal: AbortSignal): Promise<FileState | undefined> {
    const way = await steadyWay({ root: this.root, folder: folderOf(path) }, signal);
    if (typeof way === "string") return undefined;
    try {
      const info = Deno.lstatSync(this.pathOf(path));
      const isThere = info.isFile && way.isStill();
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

  walk(_path: string, options: SourceWalkOptions): AsyncIterable<readonly SourceEntry[]> {
    return this.#folder.walk(this.#name, options);
  }

  state(path: string, signal: AbortSignal): Promise<FileState | undefined> {
    return this.#folder.state(path, signal);
  }

  pathOf(path: string): string {
    return this.#folder.pathOf(path);
  }

  async *watch(signal: AbortSignal): AsyncGenerator<Hint, void> {
    let last = lookAt(this.root)?.stamp;
    while (!signal.aborted) {
      await systemClock.sleep(FILE_WATCH_MS, signal);
      const now = lookAt(this.root)?.stamp;
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
