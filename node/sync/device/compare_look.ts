/**
 * Compares what a look found with what the index knew: what is new or different, and what is missing.
 * Pure.
 */

import { folderOf, isAtOrBelowAny } from "../../../protocol/path.ts";
import type { SkippedFile } from "../../store/folder.ts";
import type { FolderLook, FoundEntry } from "../../folder/live_folder.ts";
import type { KnownEntry } from "./device_index.ts";

/** How a look differs from what was known. */
export interface LookDifferences {
  /** New, or of another kind or stamp than known; folders before what is in them. */
  readonly changed: FoundEntry[];
  /** Known and not found. */
  readonly missing: KnownEntry[];
}

export interface CompareOptions {
  /** Whether sync leaves a path alone. */
  readonly isIgnored: (path: string, isFolder: boolean) => boolean;
}

/**
 * Compares a look with what was known at and below the same path. What could not be looked at is neither
 * changed nor missing, and so is what is below it.
 */
export function compareLook(
  { entries, skipped }: FolderLook,
  known: Iterable<KnownEntry>,
  { isIgnored }: CompareOptions,
): LookDifferences {
  const rest = new Map<string, FoundEntry>();
  for (const entry of entries) rest.set(entry.path, entry);
  const unseen = new Set(skipped.map(({ name }: SkippedFile) => name));
  const missing: KnownEntry[] = [];
  for (const entry of known) {
    const found = rest.get(entry.path);
    if (found !== undefined) {
      if (found.kind === entry.kind && found.stamp === entry.stamp) rest.delete(entry.path);
    } else if (
      !isAtOrBelowAny(entry.path, unseen) && !isIgnored(entry.path, entry.kind === "folder")
    ) {
      missing.push(entry);
    }
  }
  const changed = [...rest.values()].filter(({ path, kind }) =>
    !isIgnored(path, kind === "folder")
  );
  return { changed, missing };
}

/** Those of `paths` that are below no other one: to look at these is to look at all. */
export function topmost(paths: Iterable<string>): string[] {
  const all = new Set(paths);
  if (all.has("")) return [""];
  return [...all].filter((path) => !isAtOrBelowAny(folderOf(path), all));
}
