/**
 * Hints that something below a folder changed, from the system's file watcher.
 *
 * The watcher is emptied as fast as it fills, because Deno drops events that nobody takes; where some may
 * have been dropped, the hint is for everything as well. Until somebody takes a hint, all that happens is
 * gathered in it, but where too many paths come together it is for everything alone. What happens in the
 * private folder is our own doing and gives none.
 */

import { nameProblem } from "../../protocol/path.ts";
import type { Hint } from "../folder/live_folder.ts";
import { systemClock } from "./clock.ts";
import { reasonOf } from "./disk_failure.ts";
import { findLinkOut } from "./folder_walk.ts";

/** Paths in a hint: to look at more of them one by one costs more than to look at everything. */
const PATH_COUNT_MAX = 1_000;

/** Deno (2.7) keeps so many events that nobody has taken yet, and drops what comes then. */
const QUEUE_LENGTH = 16;
/** Events that lay in the queue together are taken faster than one in this time, on a busy machine too. */
const QUEUED_GAP_MS = 50;

/** The path in a hint that stands for everything. */
export const EVERYTHING = "";

/**
 * Yields when something below `root` may have changed since the last time, until `signal` is aborted.
 *
 * @throws {Error} `Cannot watch ROOT: reason`, from the iteration, when there are no hints any more.
 */
export async function* watchFolder(root: string, signal: AbortSignal): AsyncGenerator<void> {
  const hints = watchPaths(root, signal);
  // The first one only says that the watcher works now.
  await hints.next();
  for await (const _ of hints) yield;
}

/**
 * Yields the paths below `root` at or below which something may have changed since the last time, until
 * `signal` is aborted. The first hint is for everything: what changed before the watcher worked is unknown.
 *
 * @throws {Error} `Cannot watch ROOT: reason`, from the iteration, when there are no hints any more.
 */
export async function* watchPaths(root: string, signal: AbortSignal): AsyncGenerator<Hint> {
  const link = await findLinkOut(root, signal).catch(() => undefined);
  if (signal.aborted) return;
  if (link !== undefined) {
    // The watcher would follow it, wherever it leads, and block until it had seen all that is there.
    throw new Error(`Cannot watch ${root}: ${link} is a symbolic link out of it`);
  }
  using watch = new Watch(root);
  const stop = () => watch.end();
  signal.addEventListener("abort", stop);
  try {
    for (let hint = await watch.next(); hint.length > 0; hint = await watch.next()) yield hint;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

class Watch implements Disposable {
  readonly #watcher: Deno.FsWatcher;
  readonly #root: string;
  readonly #run = new EventRun();
  #paths = new Set<string>();
  #ended = false;
  #failure: Error | undefined;
  #wake = () => {};

  constructor(root: string) {
    this.#root = root;
    try {
      this.#watcher = Deno.watchFs(root, { recursive: true });
    } catch (error) {
      throw this.#unwatchable(error);
    }
    this.#paths.add(EVERYTHING);
    this.#empty();
  }

  /** Resolves to what has changed, or to no path at the end. */
  async next(): Promise<Hint> {
    while (this.#paths.size === 0 && !this.#ended) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    if (this.#failure !== undefined) throw this.#failure;
    const hint = this.#ended ? [] : [...this.#paths];
    this.#paths = new Set();
    return hint;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#watcher.close();
    this.#wake();
  }

  [Symbol.dispose](): void {
    this.end();
  }

  async #empty(): Promise<void> {
    try {
      for await (const event of this.#watcher) {
        if (this.#run.mayLack()) this.#paths.add(EVERYTHING);
        for (const path of this.#pathsOf(event)) this.#paths.add(path);
        if (this.#paths.size > PATH_COUNT_MAX) this.#paths = new Set([EVERYTHING]);
        if (this.#paths.size > 0) this.#wake();
      }
    } catch (error) {
      if (!this.#ended) this.#failure = this.#unwatchable(error);
    }
    this.end();
  }

  /** Where something changed. An event without a path, or with a flag, says that others were lost. */
  #pathsOf(event: Deno.FsEvent): string[] {
    // Reading changes nothing.
    if (event.kind === "access") return [];
    if (event.paths.length === 0 || event.flag !== undefined && event.flag !== null) {
      return [EVERYTHING];
    }
    const below = `${this.#root}/`;
    return event.paths.flatMap((path) => {
      if (path === this.#root) return [EVERYTHING];
      const name = path.startsWith(below) ? path.slice(below.length) : path;
      return nameProblem(name) === undefined ? [name] : [];
    });
  }

  #unwatchable(error: unknown): Error {
    // Neither limit has a code of its own in the runtime's errors.
    const text = String(error);
    const reason = text.includes("watch limit")
      ? "the system lets nobody watch so many folders (raise fs.inotify.max_user_watches)"
      : text.includes("Too many open files")
      ? "too many programs watch folders, or too many files are open (raise fs.inotify.max_user_instances)"
      : reasonOf(error);
    return new Error(`Cannot watch ${this.#root}: ${reason}`);
  }
}

/** Events that came one right after the other. */
class EventRun {
  #count = 0;
  #lastMs = -Infinity;

  /** Counts an event. Whether with this one a full queue of them may have been taken, so that some are lacking. */
  mayLack(): boolean {
    const nowMs = systemClock.now();
    this.#count = nowMs - this.#lastMs < QUEUED_GAP_MS ? this.#count + 1 : 1;
    this.#lastMs = nowMs;
    return this.#count % QUEUE_LENGTH === 0;
  }
}
