/** What a user's space is made of. The program hands in the real pieces, tests some in memory. */

import type { Connection } from "../../../protocol/connection.ts";
import type { Frame } from "../../../protocol/frame_reader.ts";
import type { BlockDisk, DiskFailure } from "../../store/disk.ts";
import type { ContentFetcher, ContentSource, LocatedContent } from "../../transfer/contents.ts";
import type { SyncFolder } from "../folder.ts";
import type { UserIndex } from "./user_index.ts";

/** The files of old versions, by content. They are on the same file system as the user's folder. */
export interface Trash {
  /** The local path of the file of that key, which is lower-case letters, digits and `-`. */
  pathOf(key: string): string;
  /** The path by which `LocatedContent` names the file to whoever serves it, and its stamp; undefined without it. */
  locate(key: string): { readonly path: string; readonly stamp: string } | undefined;
  /** The keys of all files in the trash. */
  keys(): Promise<string[]>;
  /** Removes files; those that are not there will do. */
  remove(keys: readonly string[]): Promise<void>;
}

/** One connection's contents, in both directions. */
export interface ContentExchange extends Disposable {
  /** Fetches from the device. */
  readonly fetcher: ContentFetcher;
  /** Takes a request for contents, or a cancel. Throws a `ProtocolError` for what is none. */
  receive(frame: Frame): void | Promise<void>;
}

/** The pieces of one user's space. */
export interface UserPieces {
  readonly folder: SyncFolder;
  readonly index: UserIndex;
  readonly trash: Trash;
  /** Hashes files by local path. */
  readonly disk: Pick<BlockDisk, "hashFiles">;
  /** Copies a content into the staging area, verified. Answers the local path of the copy. */
  copyToStage(content: LocatedContent): Promise<string | DiskFailure>;
  /** Writes bytes to a new file in the staging area. Answers its local path. */
  writeToStage(bytes: Uint8Array): Promise<string | DiskFailure>;
  /** Removes staged files; those that are not there will do. */
  removeStaged(paths: readonly string[]): Promise<void>;
  /** Removes what a crash left in the staging area and nobody can go on with. */
  cleanStage(): Promise<void>;
  /** Brings files to the disk for good (fsync). Those that are gone by now will do. */
  makeDurable(paths: readonly string[]): Promise<DiskFailure | undefined>;
  /** Serves from `source` to the device and fetches from it. */
  exchange(connection: Connection, source: ContentSource): ContentExchange;
  /** Closes everything. */
  close(): Promise<void>;
}
