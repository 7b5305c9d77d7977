/**
 * Tells clients that what they have copied has changed: one watcher for all, which starts when the first of them
 * asks.
 *
 * A watcher misses some changes, and cannot always be had. So after some time anything may have changed.
 */

import { isAtOrBelow } from "../../../protocol/path.ts";
import type { Log } from "../../../protocol/ports.ts";
import type { SourceFolder } from "./ports.ts";

/** After this long a tree counts as changed even if no hint came. */
const UNSEEN_MAX_MS = 60_000;

export class SourceWatch {
  readonly #folder: SourceFolder;
  readonly #options: { readonly signal: AbortSignal; readonly log: Log };
  readonly #followed = new Set<FollowedTree>();
  #running: Promise<void> | undefined;

  constructor(
    folder: SourceFolder,
    options: { readonly signal: AbortSignal; readonly log: Log },
  ) {
    this.#folder = folder;
    this.#options = options;
  }

  /** Notes changes at and below `path` from now on, until the answer is disposed of. */
  follow(path: string): FollowedTree {
    const tree = new FollowedTree(path, () => this.#followed.delete(tree));
    this.#followed.add(tree);
    this.#running ??= this.#run();
    return tree;
  }

  /** Resolves when nothing is watched any more, after the signal was aborted. */
  async ended(): Promise<void> {
    await this.#running;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    try {
      for await (const hint of this.#folder.watch(this.#options.signal)) {
        for (const tree of this.#followed) for (const path of hint) tree.hint(path);
      }
    } catch (reason) {
      this.#options.log(`${reason instanceof Error ? reason.message : reason}: changes show late`);
    }
  }
}

/** A tree whose changes are noted. */
export class FollowedTree implements Disposable {
  readonly #path: string;
  readonly #stop: () => void;
  #isChanged = false;
  #deadlineMs: number | undefined;

  constructor(path: string, stop: () => void) {
    this.#path = path;
    this.#stop = stop;
  }

  /** Whether anything may have changed. */
  get isChanged(): boolean {
    return this.#isChanged;
  }

  /** Something at or below `path` may have changed; "" stands for everything. */
  hint(path: string): void {
    this.#isChanged ||= isAtOrBelow(path, this.#path) || isAtOrBelow(this.#path, path);
  }

  tick(nowMs: number): void {
    this.#deadlineMs ??= nowMs + UNSEEN_MAX_MS;
    this.#isChanged ||= nowMs >= this.#deadlineMs;
  }

  [Symbol.dispose](): void {
    this.#stop();
  }
}
