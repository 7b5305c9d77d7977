/**
 * What was at and below the place where a tree goes, before it was copied: by path, each until the source lists
 * something with that path. What is left in the end is what the source does not have.
 */

import { linkStamp } from "../folder/live_folder.ts";
import type { FolderLook, FoundEntry, LiveFolder } from "../folder/live_folder.ts";

/** A symbolic link. */
export interface FoundLink {
  readonly path: string;
  readonly kind: "link";
  readonly target: string;
  /** As a change expects it (node/folder/live_folder.ts). */
  readonly stamp: string;
}

/** Something that p2pnode neither makes nor takes away. */
export interface FoundOther {
  readonly path: string;
  readonly kind: "other";
  /** What it is, or why it cannot be looked at. */
  readonly reason: string;
}

/** What is at a path of the folder. */
export type Found = FoundEntry | FoundLink | FoundOther;

/** Looks at what is at and below a path. Throws `Cannot read ROOT: reason`, or the signal's reason. */
export async function findTree(
  folder: Pick<LiveFolder, "look">,
  path: string,
  signal?: AbortSignal,
): Promise<Map<string, Found>> {
  const all = new Map<string, Found>();
  for (const found of foundIn(await folder.look(path, signal))) all.set(found.path, found);
  return all;
}

/** What is at a path itself. */
export async function findAt(
  folder: Pick<LiveFolder, "look">,
  path: string,
): Promise<Found | undefined> {
  for (const found of foundIn(await folder.look(path))) if (found.path === path) return found;
  return undefined;
}

function* foundIn({ entries, skipped }: FolderLook): Generator<Found> {
  yield* entries;
  for (const { name: path, reason, target } of skipped) {
    yield target === undefined
      ? { path, kind: "other", reason }
      : { path, kind: "link", target, stamp: linkStamp(target) };
  }
}
