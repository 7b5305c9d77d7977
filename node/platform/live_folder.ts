/**
 * The port of a folder in which others work at the same time (node/folder/live_folder.ts), on the local disk.
 *
 * Looks are walks in slices on the main thread, changes are made by a thread of their own that several
 * folders may share. The folder is locked for this process until it is disposed of.
 */

import { AnySignal } from "../../protocol/any_signal.ts";
import { checkName } from "../../protocol/path.ts";
import type { OpenFile } from "../store/folder.ts";
import { Folders } from "../store/folders.ts";
import { Spelling } from "../store/spelling.ts";
import { Aside } from "../folder/aside.ts";
import type { Change, ChangeOutcome, FolderLook, Hint, LiveFolder } from "../folder/live_folder.ts";
import { ChangeBursts } from "./change_bursts.ts";
import type { ChangeWorker } from "./change_worker.ts";
import { systemClock } from "./clock.ts";
import { reasonOf } from "./disk_failure.ts";
import { fileCalls } from "./file_calls.ts";
import { openBelow } from "./file_state.ts";
import { finish } from "./finish.ts";
import { findRoot } from "./folder.ts";
import type { OpenFolderOptions } from "./folder.ts";
import { lookThrough } from "./folder_walk.ts";
import { EVERYTHING } from "./folder_watch.ts";
import { PrivateFolder } from "./private_folder.ts";
import { watchInThread } from "./watch_worker.ts";

/** In a long burst there is a hint for everything this often. */
const BURST_HINT_MS = 10_000;

/** A folder of the local disk that this process has for itself until it is disposed of. */
export interface LocalLiveFolder extends LiveFolder, AsyncDisposable {
  /** The private area in the folder: paths for temporary files. */
  readonly area: PrivateFolder;
}

/** How such a folder is opened. */
export interface OpenLiveFolderOptions extends OpenFolderOptions {
  /** Makes the changes; several folders may share one. Whoever made it disposes of it. */
  readonly changes: ChangeWorker;
}

/**
 * Opens the folder at `path`, locks it against other processes, and puts right what a crash left behind.
 *
 * @throws {Error} `Cannot use PATH: reason` or `Cannot write into PATH: reason`.
 */
export async function openLiveFolder(
  path: string,
  { create = false, changes }: OpenLiveFolderOptions,
): Promise<LocalLiveFolder> {
  const root = await findRoot(path, create);
  const area = PrivateFolder.open(root);
  try {
    finish(new Aside(new Folders(root, fileCalls), fileCalls).putAllBack());
    return new DiskLiveFolder(root, { area, changes });
  } catch (error) {
    area[Symbol.dispose]();
    throw new Error(`Cannot put back what was changed in ${root}: ${reasonOf(error)}`);
  }
}

class DiskLiveFolder implements LocalLiveFolder {
  readonly root: string;
  readonly area: PrivateFolder;
  readonly #changes: ChangeWorker;
  readonly #spelling: Spelling;
  readonly #bursts = new ChangeBursts(systemClock);
  /** A watcher was ended by a burst, and the next one does not work yet. */
  #isWatchPaused = false;

  constructor(root: string, options: { area: PrivateFolder; changes: ChangeWorker }) {
    this.root = root;
    this.area = options.area;
    this.#changes = options.changes;
    this.#spelling = new Spelling(root, fileCalls);
  }

  isIntact(): boolean {
    return this.area.isInPlace();
  }

  async look(path: string, signal?: AbortSignal): Promise<FolderLook> {
    const start = path === "" ? "" : checkName(path);
    if (start !== "" && this.twinOf(start) !== undefined) return { entries: [], skipped: [] };
    return await lookThrough({ root: this.root, start }, signal);
  }

  get isWatchPaused(): boolean {
    return this.#isWatchPaused || this.#bursts.leftMs > 0;
  }

  /** Nobody watches during a burst of our own changes. Whoever starts to watch hints at everything first. */
  async *watch(signal: AbortSignal): AsyncGenerator<Hint> {
    try {
      while (!signal.aborted) {
        using end = new AnySignal([signal, this.#bursts.beginning]);
        for await (const hint of watchInThread(this.root, end.signal)) {
          yield hint;
          this.#isWatchPaused = false;
        }
        this.#isWatchPaused = true;
        yield* this.#hintsInBurst(signal);
      }
    } finally {
      this.#isWatchPaused = false;
    }
  }

  /** Hints at everything now and then, as long as a burst lasts. */
  async *#hintsInBurst(signal: AbortSignal): AsyncGenerator<Hint> {
    let hintMs = systemClock.now() + BURST_HINT_MS;
    for (let ms; (ms = this.#bursts.leftMs) > 0 && !signal.aborted;) {
      await systemClock.sleep(ms, signal);
      if (systemClock.now() < hintMs) continue;
      yield [EVERYTHING];
      hintMs = systemClock.now() + BURST_HINT_MS;
    }
  }

  open(path: string): OpenFile {
    return openBelow(this.root, checkName(path));
  }

  twinOf(path: string): string | undefined {
    return this.#spelling.twinOf(checkName(path));
  }

  pathOf(path: string): string {
    return `${this.root}/${checkName(path)}`;
  }

  async change(changes: readonly Change[]): Promise<ChangeOutcome[]> {
    if (!this.isIntact()) {
      const error = `Cannot change ${this.root}: it was replaced, or is not mounted any more`;
      return changes.map(() => ({ error, code: "missing" }));
    }
    this.#bursts.begin(changes.length);
    try {
      return await this.#changes.change(this.root, changes);
    } finally {
      this.#bursts.end();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.area[Symbol.dispose]();
    return Promise.resolve();
  }
}
