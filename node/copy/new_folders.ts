/**
 * The folders that are missing here, while they are put together. The small files directly in such a folder are staged
 * in a temporary one, and get their names all at once, with that of the folder: a rename, where each file would take
 * four calls.
 *
 * A source lists what is directly in a folder one after the other. So a folder is closed when something in another one
 * is listed, or when it has got much, or a file that is not staged in it; and it is ready when all that is staged in it has
 * come. Whatever else belongs into it, large files, links and other folders, is put off until it is there. When a copy
 * ends before, each file that has come gets its name by itself.
 */

import { SMALL_SIZE_MAX } from "../../protocol/content_messages.ts";
import { folderOf, nameOf } from "../../protocol/path.ts";
import type { Stage, StagedFolder } from "../transfer/stage.ts";
import type { EntryTask, FetchDecision, FetchTask, MakeDecision, Task } from "./decision.ts";

/** Entries of one folder that wait for its name; a source lists only so many that are not settled. */
const ENTRIES_MAX = 1024;
/** Bytes that one folder waits for: this much is lost when the process dies before. */
const SIZE_MAX = 4 * 1024 * 1024;
/** Folders that are put together, or were listed and have nothing yet; more are made at once. */
const FOLDERS_MAX = 16_384;

export interface NewFoldersOptions {
  /** Without it nothing is put together, and all is done at once. */
  readonly stage: Pick<Stage, "makeFolder"> | undefined;
  /** Takes what can be done now. */
  readonly place: (tasks: readonly Task[]) => void;
}

/** A folder that is missing here. */
interface NewFolder {
  readonly make: MakeDecision;
  staged: StagedFolder | undefined;
  /** The names of the files that are staged in it, or will be. */
  readonly names: Set<string>;
  /** How many of them have not come. */
  awaitedCount: number;
  readonly files: FetchTask[];
  /** What is put off until it is there. */
  readonly later: Task[];
  entryCount: number;
  size: number;
  isClosed: boolean;
}

export class NewFolders implements Disposable {
  readonly #options: NewFoldersOptions;
  /** By path, until they are there. */
  readonly #folders = new Map<string, NewFolder>();
  /** The one whose entries are being listed. */
  #listed: NewFolder | undefined;

  constructor(options: NewFoldersOptions) {
    this.#options = options;
  }

  /**
   * Takes what was decided, in the source's order. Answers what is to be fetched; of each of these the caller tells that
   * it `arrived`, or is `missing`.
   */
  take(decisions: readonly (FetchDecision | MakeDecision)[]): FetchDecision[] {
    const fetch: FetchDecision[] = [];
    for (const decision of decisions) {
      const folder = this.#enter(folderOf(decision.entry.path));
      if (decision.kind === "fetch") fetch.push(this.#expect(decision, folder));
      else if (isNewFolder(decision)) this.#hold(decision);
      else this.#place(decision);
      if (folder !== undefined && ++folder.entryCount >= ENTRIES_MAX) this.#close(folder);
    }
    return fetch;
  }

  /** Whether a folder is being put together, or waits for something to be listed in it. */
  isHeld(make: EntryTask): boolean {
    return this.#folders.get(make.entry.path)?.make === make;
  }

  /** A content has come. */
  arrived(task: FetchTask): void {
    const folder = this.#folders.get(folderOf(task.entry.path));
    const { stageAs } = task.want;
    if (folder === undefined || stageAs === undefined) return this.#place(task);
    (task.staged === stageAs ? folder.files : folder.later).push(task);
    this.#noteCome(folder);
  }

  /** A content does not come. */
  missing({ entry, want }: FetchDecision): void {
    const folder = this.#folders.get(folderOf(entry.path));
    if (folder !== undefined && want.stageAs !== undefined) this.#noteCome(folder);
  }

  /** Nothing more is listed for the time being. */
  close(): void {
    for (const folder of this.#folders.values()) this.#close(folder);
    this.#listed = undefined;
  }

  /** Tasks were done, or could not be. */
  applied(tasks: readonly Task[]): void {
    for (const task of tasks) {
      const make = task.kind === "folder" ? task.make : task;
      if (!this.isHeld(make)) continue;
      const folder = this.#folders.get(make.entry.path)!;
      this.#folders.delete(make.entry.path);
      folder.staged?.[Symbol.dispose]();
      if (folder.later.length > 0) this.#options.place(folder.later);
    }
  }

  /** Nothing more comes. What has come is done by itself, without what its folder still waits for. */
  breakOff(): void {
    for (const { files, later } of this.#folders.values()) {
      this.#options.place([...files.splice(0), ...later.splice(0)]);
    }
  }

  /** Removes what was staged and has got no name. */
  [Symbol.dispose](): void {
    for (const { staged } of this.#folders.values()) staged?.[Symbol.dispose]();
    this.#folders.clear();
  }

  /** Something is listed that is in the folder at `path`. Answers it if more may be staged in it. */
  #enter(path: string): NewFolder | undefined {
    const folder = this.#folders.get(path);
    if (folder !== this.#listed) {
      if (this.#listed !== undefined) this.#close(this.#listed);
      this.#listed = folder;
    }
    return folder?.isClosed ? undefined : folder;
  }

  #hold(make: MakeDecision): void {
    const { path } = make.entry;
    const isFull = this.#options.stage === undefined || this.#folders.size >= FOLDERS_MAX;
    // Nobody lists a folder twice but to cause trouble.
    if (isFull || this.#folders.has(path)) return this.#place(make);
    this.#folders.set(path, {
      ...{ make, staged: undefined, names: new Set(), awaitedCount: 0, files: [], later: [] },
      ...{ entryCount: 0, size: 0, isClosed: false },
    });
  }

  /** Says where a file is to be staged. */
  #expect(decision: FetchDecision, folder: NewFolder | undefined): FetchDecision {
    const { entry: { path, size }, found, want } = decision;
    const name = nameOf(path);
    if (folder === undefined) return decision;
    const isFree = found === undefined && !folder.names.has(name);
    if (!isFree || size > SMALL_SIZE_MAX || folder.size + size > SIZE_MAX) {
      // The source may have to hash it, or others like it, before it lists anything else.
      this.#close(folder);
      return decision;
    }
    folder.staged ??= this.#options.stage!.makeFolder();
    folder.names.add(name);
    folder.awaitedCount++;
    folder.size += size;
    return { ...decision, want: { ...want, stageAs: `${folder.staged.path}/${name}` } };
  }

  #noteCome(folder: NewFolder): void {
    folder.awaitedCount--;
    if (folder.isClosed && folder.awaitedCount === 0) this.#finish(folder);
  }

  #close(folder: NewFolder): void {
    if (folder.isClosed) return;
    folder.isClosed = true;
    if (folder.awaitedCount === 0) this.#finish(folder);
  }

  /** Has a folder get its name, with all that has come. */
  #finish({ make, staged, files: come }: NewFolder): void {
    const files = come.splice(0);
    const isEmpty = staged === undefined || files.length === 0;
    this.#place(isEmpty ? make : { kind: "folder", make, staged: staged.path, files });
  }

  #place(task: Task): void {
    const { entry }: EntryTask = task.kind === "folder" ? task.make : task;
    const folder = this.#folders.get(folderOf(entry.path));
    if (folder === undefined) this.#options.place([task]);
    else folder.later.push(task);
  }
}

/** Whether it is about a folder in whose place there is nothing. */
function isNewFolder({ entry, found }: MakeDecision): boolean {
  return entry.kind === "folder" && found === undefined;
}
