/** What is to be done about an entry of a tree, by what is at its place. */

import type { WantedContent } from "../transfer/contents.ts";
import type { Found } from "./found_tree.ts";
import type { TreeEntry } from "./tree_entry.ts";

export type Decision =
  /** It is here already. */
  | { readonly kind: "same"; readonly entry: TreeEntry }
  | FetchDecision
  | MakeDecision
  /** A folder with something in it is in its place; it may be gone when what is left over was removed. */
  | { readonly kind: "blocked"; readonly entry: TreeEntry }
  /** It cannot be copied, whatever the source sends. */
  | { readonly kind: "failed"; readonly entry: TreeEntry; readonly reason: string };

/** A file whose content is wanted. */
export interface FetchDecision {
  readonly kind: "fetch";
  readonly entry: TreeEntry;
  /** What it takes the place of. */
  readonly found: Found | undefined;
  readonly want: WantedContent;
}

/** A folder or a link that is missing here, or a file with another mode. */
export interface MakeDecision {
  readonly kind: "make";
  readonly entry: TreeEntry;
  readonly found: Found | undefined;
}

/** A wanted content has come. */
export interface FetchTask extends FetchDecision {
  /** Its temporary file. */
  readonly staged: string;
  /** When it had come, by the copy's clock. */
  readonly cameMs: number;
}

/** What can be done about one entry now. */
export type EntryTask = MakeDecision | FetchTask;

/** A folder is missing here, and was put together with files that are in it. */
export interface FolderTask {
  readonly kind: "folder";
  readonly make: MakeDecision;
  /** The temporary folder, with each file under its name. */
  readonly staged: string;
  /** In the order in which they came; at least one. */
  readonly files: readonly FetchTask[];
}

/** Something that can be done now. */
export type Task = EntryTask | FolderTask;
