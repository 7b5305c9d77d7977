/**
 * Paths that a look did not find, until it is sure that they were deleted: editors save by deleting and
 * renaming, and what was moved turns up elsewhere a moment later.
 *
 * What goes missing shortly one after the other is taken together, so that whoever asks whether so much may
 * be deleted sees all of it.
 */

import { folderOf, isAtOrBelowAny } from "../../../protocol/path.ts";
import type { KnownEntry } from "./device_index.ts";

/** The more is missing, the longer more of it may take to go: up to so many times as long as for one path. */
const PATIENCE_MAX = 5;
/** Nothing is waited with for longer than so many times the time in which one path is sure to be gone. */
const SETTLE_COUNT_MAX = 10;

/** What is to be done about missing paths. */
export interface Verdict {
  /** They have been missing for long enough. */
  readonly gone: KnownEntry[];
  /** Paths to look at again, and when. */
  readonly again: readonly { readonly path: string; readonly atMs: number }[];
}

export class MissingPaths {
  /** Since when the topmost of the missing paths are missing. */
  readonly #since = new Map<string, number>();
  /** When the last of them went missing. */
  #lastMs = -Infinity;

  /** @param settleMs When nothing else went missing for this long, one path that is missing was deleted. */
  constructor(readonly settleMs: number) {}

  get count(): number {
    return this.#since.size;
  }

  paths(): Iterable<string> {
    return this.#since.keys();
  }

  /** Whether a path is missing, as far as the last look at it tells. */
  has(path: string): boolean {
    return isAtOrBelowAny(path, this.#since);
  }

  /** Takes what a look at `tops` ([""] for everything) did not find. */
  note(missing: readonly KnownEntry[], tops: readonly string[], nowMs: number): Verdict {
    const paths = new Set(missing.map(({ path }) => path));
    this.#forgetFound(paths, new Set(tops));
    const missingTops = missing.filter(({ path }) => !paths.has(folderOf(path)));
    for (const { path } of missing) if (paths.has(folderOf(path))) this.#since.delete(path);
    if (missingTops.length === 0) return { gone: [], again: [] };
    for (const { path } of missingTops) this.#add(path, nowMs);
    const sureMs = this.#sureMs();
    const tellAt = (paths: Iterable<string>, atMs: number) => ({
      gone: [],
      again: [...paths].map((path) => ({ path, atMs })),
    });
    if (nowMs < sureMs) return tellAt(missingTops.map(({ path }) => path), sureMs);
    // What goes, goes together.
    if (missingTops.length < this.#since.size) {
      return tellAt(this.#since.keys(), nowMs + this.settleMs / 4);
    }
    return { gone: [...missing], again: [] };
  }

  /** When all that is missing is sure to be gone. */
  #sureMs(): number {
    const oldestMs = this.#since.values().reduce((oldest, ms) => Math.min(oldest, ms), Infinity);
    const patience = Math.min(PATIENCE_MAX, this.#since.size);
    return Math.min(
      oldestMs + SETTLE_COUNT_MAX * this.settleMs,
      this.#lastMs + patience * this.settleMs,
    );
  }

  #add(path: string, nowMs: number): void {
    if (this.#since.has(path)) return;
    this.#since.set(path, nowMs);
    this.#lastMs = nowMs;
  }

  /** Paths are no longer missing: they are known to be deleted. */
  forget(paths: Iterable<string>): void {
    for (const path of paths) this.#since.delete(path);
  }

  #forgetFound(missing: ReadonlySet<string>, tops: ReadonlySet<string>): void {
    for (const path of [...this.#since.keys()]) {
      const wasLookedAt = isAtOrBelowAny(path, tops);
      if (wasLookedAt && !missing.has(path)) this.#since.delete(path);
    }
  }
}
