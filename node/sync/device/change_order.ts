/**
 * The order in which changes of paths are made, on the way up and down alike: a folder before what comes
 * into it, deletions after all else so that moved contents can still be found under their old names, and
 * the deepest first, so that each folder is empty when it goes.
 */

import { SMALL_SIZE_MAX } from "../../../protocol/content_messages.ts";
import type { Kind, State } from "../entry.ts";

/** Classes of changes, in their order. */
export const Rank = {
  folder: 0,
  file: 1,
  /** A file whose content does not travel in a pack. */
  largeFile: 2,
  fileDeletion: 3,
  folderDeletion: 4,
  /** A file where a folder was: what was in that has to go before. */
  fileForFolder: 5,
} as const;

export type Rank = (typeof Rank)[keyof typeof Rank];

/** How many classes there are. */
export const RANK_COUNT = 6;

/** The class of a change of a path from one kind to a state. */
export function rankOf(from: Kind, to: Pick<State, "kind" | "size">): Rank {
  if (to.kind === "folder") return Rank.folder;
  if (to.kind === "absent") return from === "folder" ? Rank.folderDeletion : Rank.fileDeletion;
  if (from === "folder") return Rank.fileForFolder;
  return to.size > SMALL_SIZE_MAX ? Rank.largeFile : Rank.file;
}
