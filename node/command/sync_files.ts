/**
 * The commands that put files into a synced folder, take them out of it, or delete them: changes of the
 * folder like a user's own, made so that no file is ever seen half, and none is replaced unasked.
 */

import { basename, join } from "node:path";
import { nameProblem } from "../../protocol/path.ts";
import type { Clock } from "../../protocol/ports.ts";
import type { SyncClient } from "../sync/client.ts";
import type { Entry } from "../sync/entry.ts";
import type { Change, ChangeOutcome, FoundEntry, LiveFolder } from "../folder/live_folder.ts";
import type { LocalFiles } from "./local_files.ts";

/** How often a file is looked at again that changes under our hands, and how long after. */
const ATTEMPTS_MAX = 5;
/** What was written a moment ago cannot be told from what is written now (`FoundEntry.stamp`). */
const ATTEMPT_MS = 50;

export interface SyncFilesOptions {
  readonly client: SyncClient;
  readonly folder: LiveFolder;
  readonly files: LocalFiles;
  /** A path for a file on its way into the folder, on the folder's file system, never used before. */
  readonly temporaryPath: () => string;
  readonly clock: Clock;
}

/** What became of an upload: its name in the folder, and whether anything had to be done for it. */
export interface Uploaded {
  readonly name: string;
  readonly outcome: "added" | "replaced" | "was here";
  readonly size: number;
}

/** What became of a download. */
export interface Downloaded {
  readonly path: string;
  readonly size: number;
  /** Whether the same file was there already. */
  readonly wasHere: boolean;
}

export class SyncFiles {
  readonly #options: SyncFilesOptions;

  constructor(options: SyncFilesOptions) {
    this.#options = options;
  }

  /**
   * Copies a file from anywhere into the folder, under its own name. Throws where another file has that
   * name, unless `replace` is set.
   */
  async upload(path: string, { replace }: { replace: boolean }): Promise<Uploaded> {
    const { client, files, temporaryPath } = this.#options;
    const source = await files.resolve(path);
    const name = await this.#within(source) ?? basename(source);
    const problem = nameProblem(name);
    if (problem !== undefined) throw new Error(`Cannot upload ${path}: ${problem} (rename it)`);
    const staged = temporaryPath();
    try {
      const { executable } = await files.copyIn(source, staged);
      const uploaded = await this.#place(name, { staged, executable, replace });
      client.changed([name]);
      return uploaded;
    } catch (error) {
      throw new Error(`Cannot upload ${path}: ${reason(error)}`);
    } finally {
      await files.remove(staged);
    }
  }

  /**
   * Copies a file out of the folder: to `destination`, or into it if it is a folder. Fetches it from the
   * server where it is not here. Throws where there is another file of that name.
   */
  async download(name: string, destination = "."): Promise<Downloaded> {
    const { folder, files } = this.#options;
    const typed = await files.resolve(destination);
    const path = files.isFolder(typed) ? join(typed, basename(name)) : typed;
    if (await this.#within(path) !== undefined) {
      throw new Error(
        `Cannot download ${name}: ${path} is in the synced folder (name a place outside: download NAME DEST)`,
      );
    }
    const found = await this.#find(name);
    if (found?.kind === "file") {
      const wasHere = !await files.copyOut(folder.pathOf(name), path);
      return { path, size: found.size, wasHere };
    }
    return await this.#fetch(name, path);
  }

  /** Deletes a file, or a folder with all that is in it. Answers how many files went. */
  async delete(name: string): Promise<number> {
    const { client, folder, clock } = this.#options;
    if (await this.#find(name) === undefined) {
      throw new Error(
        `Cannot delete ${name}: there is no such file here (list_client shows what there is)`,
      );
    }
    let fileCount = 0;
    for (let attempt = 1;; attempt++) {
      const { entries } = await folder.look(name);
      // What is in a folder comes behind it, and has to go before it.
      const changes = entries.toReversed().map(removalOf);
      const outcomes = await folder.change(changes);
      client.changed(changes.map(({ path }) => path));
      const isDone = (index: number) => problemOf(outcomes[index]) === undefined;
      fileCount += changes.filter(({ kind }, index) => kind === "remove" && isDone(index)).length;
      const failed = changes.findIndex((_, index) => !isDone(index));
      if (failed === -1) return fileCount;
      if (!outcomes.includes("changed") || attempt === ATTEMPTS_MAX) {
        const { path } = changes[failed]!;
        throw new Error(`Cannot delete ${path}: ${problemOf(outcomes[failed])}`);
      }
      await clock.sleep(ATTEMPT_MS);
    }
  }

  /** The path in the folder of what is at an absolute path, or undefined where that is outside. */
  async #within(path: string): Promise<string | undefined> {
    const { folder, files } = this.#options;
    const root = await files.resolve(folder.root);
    return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : undefined;
  }

  /** What is at a name on the disk. */
  async #find(name: string): Promise<FoundEntry | undefined> {
    const problem = nameProblem(name);
    if (problem !== undefined) throw new Error(`Cannot use the name ${name}: ${problem}`);
    const { entries } = await this.#options.folder.look(name);
    return entries.find(({ path }) => path === name);
  }

  async #place(
    name: string,
    { staged, executable, replace }: { staged: string; executable: boolean; replace: boolean },
  ): Promise<Uploaded> {
    const { folder, files, clock } = this.#options;
    let expect: string | undefined;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const [outcome] = await folder.change([{
        kind: "place",
        path: name,
        staged,
        executable,
        expect,
      }]);
      if (outcome !== "changed") {
        const problem = problemOf(outcome);
        if (problem !== undefined) throw new Error(problem);
        const size = (await this.#find(name))?.size ?? 0;
        return { name, outcome: expect === undefined ? "added" : "replaced", size };
      }
      const there = await this.#find(name);
      if (there?.kind === "folder") throw new Error(`there is a folder named ${name}`);
      if (there !== undefined) {
        if (await files.haveSameBytes(staged, folder.pathOf(name))) {
          return { name, outcome: "was here", size: there.size };
        }
        if (!replace) {
          throw new Error(
            `the folder has another ${name} (upload PATH --replace takes its place; the old one is kept as a version)`,
          );
        }
      }
      expect = there?.stamp;
      if (attempt > 0) await clock.sleep(ATTEMPT_MS);
    }
    throw new Error(`${name} changes all the time (try again)`);
  }

  async #fetch(name: string, path: string): Promise<Downloaded> {
    const { client, files } = this.#options;
    const entry: Entry | undefined = client.entry("server", name);
    if (entry === undefined) {
      throw new Error(
        `Cannot download ${name}: there is no such file (list_server shows what there is)`,
      );
    }
    if (entry.kind !== "file") throw new Error(`Cannot download ${name}: it is a folder`);
    const staged = await client.fetch(entry);
    try {
      return { path, size: entry.size, wasHere: !await files.copyOut(staged, path) };
    } finally {
      await files.remove(staged);
    }
  }
}

function removalOf({ kind, path, stamp }: FoundEntry): Change {
  if (kind === "folder") return { kind: "removeFolder", path };
  return { kind: "remove", path, expect: stamp };
}

/** Why a change was not made, without "Cannot …", as it stands behind another one; undefined if it was made. */
function problemOf(outcome: ChangeOutcome | undefined): string | undefined {
  if (outcome === undefined) return "nothing was done";
  if (outcome === "changed") return "it changed meanwhile (try again)";
  if (outcome === "not-empty") return "something in it is not synced (remove that first)";
  return "done" in outcome ? undefined : reason(new Error(outcome.error));
}

/** The reason alone of `Cannot X: reason`. */
function reason(error: unknown): string {
  const { message } = error as Error;
  return message.replace(/^Cannot [^:]*: /, "");
}
