/**
 * The order in which changes of paths are made, on the way up and down alike: a folder before what comes
 * into it, deletions after all else so that moved contents can still be found under their old names, and
 * the deepest first, so that each folder is empty when it goes.
 */

import type { Kind } from "../entry.ts";

/** Classes of changes, in their order. */
export const Rank = {
  folder: 0,
  file: 1,
  fileDeletion: 2,
  folderDeletion: 3,
  /** A file where a folder was: what was in that has to go before. */
  fileForFolder: 4,
} as const;

export type Rank = (typeof Rank)[keyof typeof Rank];

/** How many classes there are. */
export const RANK_COUNT = 5;

/** The class of a change of a path from one kind to another. */
export function rankOf(from: Kind, to: Kind): Rank {
  if (to === "folder") return Rank.folder;
  if (to === "file") return from === "folder" ? Rank.fileForFolder : Rank.file;
  return from === "folder" ? Rank.folderDeletion : Rank.fileDeletion;
}

/** A change that has its place in the order. */
export interface RankedPath {
  readonly path: string;
  readonly rank: Rank;
}

/** Compares two changes for sorting. */
export function compareChanges(a: RankedPath, b: RankedPath): number {
  if (a.rank !== b.rank) return a.rank - b.rank;
  const isAscending = a.rank !== Rank.folderDeletion;
  return (a.path < b.path) === isAscending ? -1 : 1;
}
