/**
 * The port of a device's index: one row for each path, and how far the server's changes are known.
 *
 * The index is a cache. One that is lost or damaged is made anew under a new replica id and filled by a
 * look at the folder and a listing of the server, which never deletes anything. The real one is
 * node/platform/device_index.ts; tests have one in memory.
 */

import type { ContentId } from "../../transfer/contents.ts";
import type { FolderCount } from "../client.ts";
import type { Entry } from "../entry.ts";
import type { ReplicaId } from "../version.ts";
import type { Row } from "./row.ts";

/** How far this device has heard the changes of a server's index. */
export interface ServerPosition {
  /** The id of the server's index in hexadecimal, "" before the first connection. */
  readonly index: string;
  /** The sequence number up to which its changes are known. */
  readonly after: number;
}

/** The position of a device that has never heard of a server. */
export const NOWHERE: ServerPosition = { index: "", after: 0 };

/** Something that was on the disk when it was last looked at. */
export interface KnownEntry {
  readonly path: string;
  readonly kind: "file" | "folder";
  readonly stamp: string;
}

/** Changes that are saved together or not at all. */
export interface IndexChanges {
  /** Rows that replace those of the same paths; one with neither side is forgotten. */
  readonly rows?: readonly Row[];
  readonly position?: ServerPosition;
}

export interface DeviceIndex {
  /** Names this index in versions; another one for each index that is made. */
  readonly replica: ReplicaId;
  readonly position: ServerPosition;
  row(path: string): Row | undefined;
  /** What was on the disk at `path` and below it, "" for all of it. Rows may change meanwhile. */
  known(path: string): Iterable<KnownEntry>;
  /** How many files were on the disk, and their bytes. */
  count(): FolderCount;
  /** Rows that are not synced, whatever there is to do about them. Rows may change meanwhile. */
  unsynced(): Iterable<Row>;
  /** Some of the rows whose local side is a file with this content. */
  holders(content: ContentId): Row[];
  /** What is on one side, without tombstones, by path. Rows may change meanwhile. */
  entries(side: "here" | "server"): Iterable<Entry>;
  save(changes: IndexChanges): void;
  /** Notes what a batch of changes is about to bring into the folder (intentions.ts). */
  intend(entries: readonly Entry[]): void;
  /** All that was to be at a path after one of the last batches, the last first. */
  intended(path: string): readonly Entry[];
  /** Forgets what any server said: another index, of this id, takes its place, heard up to nothing. */
  forgetServer(index: string): void;
}
