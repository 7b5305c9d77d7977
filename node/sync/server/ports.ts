/** What a user's space is made of. The program hands in the real pieces, tests some in memory. */

import type { Stage } from "../../transfer/stage.ts";
import type { LiveFolder } from "../../folder/live_folder.ts";
import type { UserIndex } from "./user_index.ts";

/**
 * The files of old versions, each under a key of lower-case letters, digits and `-` that follows from its
 * content. They are on the same file system as the user's folder, and out of its looks.
 */
export interface Trash {
  /** The local path of the file of that key. */
  pathOf(key: string): string;
  /** The stamp of the regular file of that key, undefined without it (store/folder.ts). */
  stampOf(key: string): string | undefined;
  /** The keys of all files. */
  keys(): Promise<string[]>;
  /** Removes files. Those that are gone will do. */
  remove(keys: readonly string[]): Promise<void>;
}

/** The pieces of one user's space. */
export interface UserPieces {
  /** The user's files. Whatever was left behind in it by a crash has been put right. */
  readonly folder: LiveFolder;
  readonly stage: Stage;
  readonly trash: Trash;
  readonly index: UserIndex;
  /** Closes everything. */
  close(): Promise<void>;
}
