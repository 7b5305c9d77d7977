/**
 * Hints that something below a folder changed, from the system's file watcher.
 *
 * The watcher is emptied as fast as it fills, because Deno drops events that nobody takes, and any number
 * of them become one hint. What happens in the private folder is our own doing and gives none.
 */

import { PRIVATE_FOLDER } from "../../protocol/path.ts";
import { reasonOf } from "./disk_failure.ts";
import { findLinkOut } from "./folder_walk.ts";

/**
 * Yields when something below `root` may have changed since the last time, until `signal` is aborted.
 *
 * @throws {Error} `Cannot watch ROOT: reason`, from the iteration, when there are no hints any more.
 */
export async function* watchFolder(root: string, signal: AbortSignal): AsyncGenerator<void> {
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
    while (await watch.next()) yield;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

class Watch implements Disposable {
  readonly #watcher: Deno.FsWatcher;
  readonly #root: string;
  #changed = false;
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
    this.#empty();
  }

  /** Resolves to true after a change, to false at the end. */
  async next(): Promise<boolean> {
    while (!this.#changed && !this.#ended) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    if (this.#failure !== undefined) throw this.#failure;
    this.#changed = false;
    return !this.#ended;
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
        if (!this.#changed && this.#isRelevant(event)) {
          this.#changed = true;
          this.#wake();
        }
      }
    } catch (error) {
      if (!this.#ended) this.#failure = this.#unwatchable(error);
    }
    this.end();
  }

  /** Reading changes nothing. An event without a path says that others were lost. */
  #isRelevant({ kind, paths }: Deno.FsEvent): boolean {
    if (kind === "access") return false;
    const own = `${this.#root}/${PRIVATE_FOLDER}`;
    return !paths.length || paths.some((path) => path !== own && !path.startsWith(`${own}/`));
  }

  #unwatchable(error: unknown): Error {
    return new Error(`Cannot watch ${this.#root}: ${reasonOf(error)}`);
  }
}
