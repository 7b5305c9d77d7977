/**
 * Paths that a look did not find, until it is sure that they were deleted: editors save by deleting and
 * renaming, and what was moved turns up elsewhere a moment later.
 */

import { isAtOrBelow } from "./compare_look.ts";
import type { KnownEntry } from "./device_index.ts";

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

  constructor(readonly settleMs: number) {}

  get count(): number {
    return this.#since.size;
  }

  paths(): Iterable<string> {
    return this.#since.keys();
  }

  /** Whether a path is missing, as far as the last look at it tells. */
  has(path: string): boolean {
    return isAtOrBelow(path, this.#since);
  }

  /** Takes what a look at `tops` ([""] for everything) did not find. */
  note(missing: readonly KnownEntry[], tops: readonly string[], nowMs: number): Verdict {
    const paths = new Set(missing.map(({ path }) => path));
    this.#forgetFound(paths, new Set(tops));
    const goneTops = new Set<string>();
    const again: { path: string; atMs: number }[] = [];
    for (const { path } of missing) {
      if (paths.has(parentOf(path))) continue;
      const sinceMs = this.#since.get(path);
      if (sinceMs === undefined) this.#since.set(path, nowMs);
      const sureMs = (sinceMs ?? nowMs) + this.settleMs;
      if (sureMs <= nowMs) goneTops.add(path);
      else again.push({ path, atMs: sureMs });
    }
    return { gone: missing.filter(({ path }) => isAtOrBelow(path, goneTops)), again };
  }

  /** Paths are no longer missing: they are known to be deleted. */
  forget(paths: Iterable<string>): void {
    for (const path of paths) this.#since.delete(path);
  }

  #forgetFound(missing: ReadonlySet<string>, tops: ReadonlySet<string>): void {
    for (const path of [...this.#since.keys()]) {
      const wasLookedAt = tops.has("") || isAtOrBelow(path, tops);
      if (wasLookedAt && !missing.has(path)) this.#since.delete(path);
    }
  }
}

/** The folder that a path is in, "" for those at the top. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
