/**
 * The place where a tree is copied to: decides what is to be done about each entry, and does it.
 *
 * Contents decide, never times. A file is the same if its bytes are, which is remembered (known_contents.ts) or
 * found by hashing. Nothing is changed but what was looked at: a change of somebody else in between makes for
 * another look. Where something different is in the place of an entry, a file or link takes its place at once; a
 * folder goes only when it is empty, and makes way for nothing else unless the copy is to delete what its source
 * does not have.
 */

import { sameBytes } from "../../protocol/bytes.ts";
import { SMALL_SIZE_MAX } from "../../protocol/content_messages.ts";
import { isAtOrBelowAny, nameOf } from "../../protocol/path.ts";
import { isDone } from "../folder/live_folder.ts";
import type { Change, ChangeOutcome, FoundEntry, LiveFolder } from "../folder/live_folder.ts";
import type { DiskFailure } from "../store/disk.ts";
import { contentKey } from "../transfer/contents.ts";
import type { ContentId, LocatedContent, WantedContent } from "../transfer/contents.ts";
import { isPossiblySame } from "../transfer/stage.ts";
import type { Stage } from "../transfer/stage.ts";
import type { Decision, EntryTask, FolderTask, Task } from "./decision.ts";
import { findAt, findTree } from "./found_tree.ts";
import type { Found } from "./found_tree.ts";
import type { KnownContents } from "./known_contents.ts";
import { Leftovers } from "./leftovers.ts";
import type { IsExcluded } from "./selection.ts";
import type { TreeEntry } from "./tree_entry.ts";

export interface DestinationOptions {
  readonly folder: LiveFolder;
  readonly stage: Pick<Stage, "hashFiles" | "remove">;
  /** By path in the folder. */
  readonly known: KnownContents;
  /** A local path for a link on its way to its name, on the folder's file system, never used before. */
  readonly temporaryPath: () => string;
  /** The folder in the folder that the top of the source's offer becomes; the folder itself if not given. */
  readonly at?: string;
  /** What the source does not have may go. */
  readonly deletes: boolean;
}

/** What became of an entry: why its task could not be done, if it was not. */
export interface AppliedTask {
  readonly task: EntryTask;
  readonly failure: DiskFailure | undefined;
}

const BUSY: DiskFailure = {
  error: "somebody changes it at the same time (run this again)",
  code: "changed",
};
const IN_THE_WAY = "a folder with something in it is in its place (move it away, or use --delete)";

export class Destination {
  readonly #options: DestinationOptions;
  readonly #prefix: string;
  /** What was here and was not listed yet, by path in the folder. */
  #found = new Map<string, Found>();
  /** Files that are here and too large to be fetched again, by content. */
  readonly #holders = new Map<string, LocatedContent>();
  #start = "";
  /** Files and links that were here and were listed. */
  #listedCount = 0;

  constructor(options: DestinationOptions) {
    this.#options = options;
    this.#prefix = options.at === undefined || options.at === "" ? "" : `${options.at}/`;
  }

  /**
   * Looks at what is at and below `path`, which is a path of the source, "" for its top. Comes before everything
   * else. Throws `Cannot read ROOT: reason`, or the signal's reason.
   */
  async look(path: string, signal?: AbortSignal): Promise<void> {
    const { folder, known } = this.#options;
    this.#start = (this.#prefix + path).replace(/\/$/, "");
    this.#found = await findTree(folder, this.#start, signal);
    known.keepOnly(this.#start, this.#found);
    for (const file of this.#found.values()) {
      if (file.kind !== "file" || file.size <= SMALL_SIZE_MAX) continue;
      const id = known.find(file.path, file.stamp);
      if (id !== undefined) this.#noteHolder(located(file, id));
    }
  }

  /** The path in the folder of what the source calls `path`. */
  pathOf(path: string): string {
    return this.#prefix + path;
  }

  /**
   * Decides about entries, in the source's order. Files are hashed where that is not known to be needless. Throws
   * the signal's reason.
   */
  async decide(entries: readonly TreeEntry[], signal: AbortSignal): Promise<Decision[]> {
    const found = entries.map((entry) => this.#found.get(this.pathOf(entry.path)));
    const contents = await this.#identify(entries, found, signal);
    return entries.map((entry, i) => {
      const decision = this.#decide(entry, found[i], contents[i]);
      if (decision.kind !== "blocked") this.#noteListed(found[i]);
      return decision;
    });
  }

  #noteListed(found: Found | undefined): void {
    if (found === undefined) return;
    this.#found.delete(found.path);
    if (found.kind === "file" || found.kind === "link") this.#listedCount++;
  }

  /** Looks again at the places of entries that were blocked, and decides about them. */
  async decideAgain(entries: readonly TreeEntry[], signal: AbortSignal): Promise<Decision[]> {
    for (const entry of entries) {
      const path = this.pathOf(entry.path);
      for (const below of this.#found.keys()) {
        if (below === path || below.startsWith(`${path}/`)) this.#found.delete(below);
      }
      const found = await findTree(this.#options.folder, path, signal);
      for (const [below, one] of found) this.#found.set(below, one);
    }
    return await this.decide(entries, signal);
  }

  /** Does what was decided; answers what became of each entry. Staged files are gone afterwards. */
  async apply(tasks: readonly Task[]): Promise<AppliedTask[]> {
    const changes = tasks.map((task) =>
      task.kind === "folder" ? [this.#placingOf(task)] : this.#changesOf(task)
    );
    const all = await this.#options.folder.change(changes.flat());
    const applied: AppliedTask[] = [];
    const unused: string[] = [];
    let at = 0;
    for (const [i, task] of tasks.entries()) {
      const first = outcomeOf(all.slice(at, at += changes[i]!.length));
      if (task.kind === "folder") {
        applied.push(...await this.#finishFolder(task, first));
        continue;
      }
      const last = first === "changed" ? await this.#applyAgain(task) : first;
      if (isDone(last)) this.#noteDone(task, last.stamp);
      else if ("staged" in task) unused.push(task.staged);
      applied.push({ task, failure: errorOf(last) });
    }
    if (unused.length > 0) await this.#options.stage.remove(unused);
    return applied;
  }

  /** A folder that did not get its name is made, and its files get theirs one by one. */
  async #finishFolder(task: FolderTask, outcome: ChangeOutcome): Promise<AppliedTask[]> {
    const { make, files } = task;
    if (!isDone(outcome)) return await this.apply([make, ...files]);
    for (const [i, file] of files.entries()) this.#noteDone(file, outcome.stamps![i]!);
    return [make, ...files].map((done) => ({ task: done, failure: undefined }));
  }

  /**
   * What was here and the source has not listed; complete when all of its entries were decided about.
   *
   * @param isExcluded Of paths of the source.
   * @param unknown Paths of the source at and below which it could not list everything.
   */
  leftovers(isExcluded: IsExcluded, unknown: ReadonlySet<string>): Leftovers {
    const prefix = this.#prefix;
    return new Leftovers(this.#found, this.#listedCount, {
      folder: this.#options.folder,
      start: this.#start,
      isKept: (path, isFolder) => {
        const name = path.slice(prefix.length);
        return isExcluded(name, isFolder) || isAtOrBelowAny(name, unknown);
      },
    });
  }

  /** The contents of the files in the places of files, where they matter; hashes those that are not known. */
  async #identify(
    entries: readonly TreeEntry[],
    found: readonly (Found | undefined)[],
    signal: AbortSignal,
  ): Promise<(LocatedContent | undefined)[]> {
    const unknown: { readonly index: number; readonly file: FoundEntry }[] = [];
    const contents = entries.map((entry, index) => {
      const file = found[index];
      if (file?.kind !== "file" || !isComparable(entry, file)) return undefined;
      const id = this.#options.known.find(file.path, file.stamp);
      if (id === undefined) unknown.push({ index, file });
      return id && located(file, id);
    });
    if (unknown.length === 0) return contents;
    const { folder, stage } = this.#options;
    const files = unknown.map(({ file: { path, size } }) => ({ path: folder.pathOf(path), size }));
    let at = 0;
    for await (const hashed of stage.hashFiles(files, signal)) {
      const { index, file } = unknown[at++]!;
      // A file that cannot be read, or is written to right now, is replaced like a different one.
      if (!("error" in hashed)) contents[index] = this.#learn(file, hashed.id);
    }
    return contents;
  }

  #decide(
    entry: TreeEntry,
    found: Found | undefined,
    content: LocatedContent | undefined,
  ): Decision {
    if (found?.kind === "other") {
      return { kind: "failed", entry, reason: `something is in its place: ${found.reason}` };
    }
    switch (entry.kind) {
      case "skipped":
        return { kind: "failed", entry, reason: entry.target };
      case "folder":
        return this.#decideFolder(entry, found);
      case "link":
        if (found?.kind === "folder") return this.#decideOverFolder(entry, found);
        return found?.kind === "link" && found.target === entry.target
          ? { kind: "same", entry }
          : { kind: "make", entry, found };
      case "file":
        if (found?.kind === "folder") return this.#decideOverFolder(entry, found);
        return this.#decideFile(entry, found, content);
    }
  }

  #decideFile(
    entry: TreeEntry,
    found: FoundEntry | Exclude<Found, { kind: "other" }> | undefined,
    content: LocatedContent | undefined,
  ): Decision {
    if (content === undefined || !isContent(content, entry) || found?.kind !== "file") {
      return { kind: "fetch", entry, found, want: this.#wantOf(entry, content) };
    }
    return found.executable === entry.executable
      ? { kind: "same", entry }
      : { kind: "make", entry, found };
  }

  #decideFolder(entry: TreeEntry, found: Exclude<Found, { kind: "other" }> | undefined): Decision {
    if (found?.kind === "folder") return { kind: "same", entry };
    if (found === undefined || this.#options.deletes) return { kind: "make", entry, found };
    const reason = `a ${found.kind} is in its place (move it away, or use --delete)`;
    return { kind: "failed", entry, reason };
  }

  /** A file or a link is to take the place of a folder. */
  #decideOverFolder(entry: TreeEntry, found: FoundEntry): Decision {
    if (this.#hasContent(found.path)) {
      return this.#options.deletes
        ? { kind: "blocked", entry }
        : { kind: "failed", entry, reason: IN_THE_WAY };
    }
    return entry.kind === "link"
      ? { kind: "make", entry, found }
      : { kind: "fetch", entry, found, want: this.#wantOf(entry, undefined) };
  }

  #hasContent(folder: string): boolean {
    for (const path of this.#found.keys()) if (path.startsWith(`${folder}/`)) return true;
    return false;
  }

  #wantOf({ id, size }: TreeEntry, old: LocatedContent | undefined): WantedContent {
    const holder = size > SMALL_SIZE_MAX ? this.#holders.get(contentKey({ id, size })) : undefined;
    const bases = [holder, old].filter((base) => base !== undefined);
    return { id, size, bases };
  }

  #placingOf({ make, staged, files }: FolderTask): Change {
    return {
      kind: "placeFolder",
      path: this.pathOf(make.entry.path),
      staged,
      files: files.map(({ entry: { path, executable } }) => ({ name: nameOf(path), executable })),
    };
  }

  #changesOf(task: EntryTask): Change[] {
    const { entry, found } = task;
    const path = this.pathOf(entry.path);
    const { executable, target } = entry;
    const expect = found === undefined || found.kind === "folder" || found.kind === "other"
      ? undefined
      : found.stamp;
    if (entry.kind === "folder") {
      const make: Change = { kind: "makeFolder", path };
      return expect === undefined ? [make] : [{ kind: "remove", path, expect }, make];
    }
    const changes: Change[] = found?.kind === "folder" ? [{ kind: "removeFolder", path }] : [];
    if ("staged" in task) {
      const { staged } = task;
      changes.push(
        expect === undefined
          ? { kind: "place", path, staged, executable, expect }
          : { kind: "swap", path, staged, executable, expect },
      );
    } else if (entry.kind === "link") {
      const temporary = this.#options.temporaryPath();
      changes.push({ kind: "link", path, target, temporary, expect });
    } else {
      changes.push({ kind: "mode", path, executable, expect: expect! });
    }
    return changes;
  }

  /** Somebody changed something in between: looks again, and may replace what is there now. */
  async #applyAgain(task: EntryTask): Promise<ChangeOutcome> {
    const { folder } = this.#options;
    const { entry } = task;
    const found = await findAt(folder, this.pathOf(entry.path));
    if (found?.kind === "folder") return entry.kind === "folder" ? MADE : "changed";
    if (found?.kind === "other" || entry.kind === "folder") return "changed";
    if (entry.kind === "file" && task.kind === "make" && !isStill(task.found, found)) {
      return "changed";
    }
    return outcomeOf(await folder.change(this.#changesOf({ ...task, found })));
  }

  #noteDone({ entry }: EntryTask, stamp: string): void {
    if (entry.kind === "file") {
      this.#learn({ path: this.pathOf(entry.path), size: entry.size, stamp }, entry.id);
    }
  }

  #learn(file: Pick<FoundEntry, "path" | "size" | "stamp">, id: Uint8Array): LocatedContent {
    this.#options.known.remember(file.path, file.stamp, id);
    const content = located(file, id);
    this.#noteHolder(content);
    return content;
  }

  #noteHolder(content: LocatedContent): void {
    if (content.size > SMALL_SIZE_MAX) this.#holders.set(contentKey(content), content);
  }
}

const MADE: ChangeOutcome = { done: true, stamp: "" };

/** What became of the changes of one task: the first that was not done, or the last. */
function outcomeOf(outcomes: readonly ChangeOutcome[]): ChangeOutcome {
  return outcomes.find((outcome) => !isDone(outcome)) ?? outcomes.at(-1)!;
}

function errorOf(outcome: ChangeOutcome): DiskFailure | undefined {
  if (outcome === "changed") return BUSY;
  if (outcome === "not-empty") return { error: IN_THE_WAY, code: "exists" };
  return isDone(outcome) ? undefined : outcome;
}

/** Whether a file has still the bytes that it was found with. */
function isStill(before: Found | undefined, now: Found | undefined): boolean {
  return before?.kind === "file" && now?.kind === "file" && isPossiblySame(now.stamp, before.stamp);
}

function located(
  { path, size, stamp }: Pick<FoundEntry, "path" | "size" | "stamp">,
  id: Uint8Array,
): LocatedContent {
  return { path, size, stamp, id };
}

/** Whether the bytes that are here matter: as the same content, or as a similar one. */
function isComparable(entry: TreeEntry, { size }: FoundEntry): boolean {
  if (entry.kind !== "file") return false;
  return size === entry.size || size > SMALL_SIZE_MAX && entry.size > SMALL_SIZE_MAX;
}

function isContent(content: LocatedContent, { id, size }: ContentId): boolean {
  return content.size === size && sameBytes(content.id, id);
}
