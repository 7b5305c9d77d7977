/**
 * What whoever shows and steers a device sees of it: the port between the device engine
 * (node/sync/device/) and the commands (node/command/sync.ts).
 */

import type { BodyOf } from "../../protocol/messages.ts";
import type { SkippedFile } from "../store/folder.ts";
import type { Entry } from "./entry.ts";
import type { Hint } from "../folder/live_folder.ts";

/** Something that happened, as it happens. Paths are as they came, not made printable. */
export type SyncEvent =
  /** The server has given this device its place. */
  | { readonly kind: "online" }
  /** The server's list is complete for the first time on this connection: `entries("server")` is up to date. */
  | { readonly kind: "listed" }
  /** The connection is gone, or none could be had; the next one is tried by itself. */
  | { readonly kind: "offline"; readonly reason: string }
  /** Both sides are the same and nothing is under way; told whenever that becomes so. */
  | { readonly kind: "synced" }
  /** The server has stored for good what is at the path here. */
  | { readonly kind: "sent"; readonly entry: Entry }
  /** What came from the server is at the path now. */
  | { readonly kind: "received"; readonly entry: Entry }
  /** Two devices changed the path; what was here has the name `copy` now. */
  | { readonly kind: "conflict"; readonly path: string; readonly copy: string }
  /** What is at the path is not kept the same, and why. */
  | { readonly kind: "skipped"; readonly path: string; readonly reason: string }
  /** So many deletions are held back until `answerDeletions`. */
  | { readonly kind: "held"; readonly deletions: HeldDeletions }
  /** Something that could not be done now; it is tried again. */
  | { readonly kind: "trouble"; readonly path?: string; readonly reason: string };

/** Deletions that are so many that somebody has to say that they are meant. */
export interface HeldDeletions {
  /** How many files would go, of how many that the folder had. */
  readonly count: number;
  readonly total: number;
  /** Some of their paths. */
  readonly examples: readonly string[];
}

/** How many files a folder has, and how many bytes these have together. */
export interface FolderCount {
  readonly files: number;
  readonly bytes: number;
}

/** A content on its way. */
export interface SyncTransfer {
  readonly path: string;
  readonly direction: "up" | "down";
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

/** How things stand now. */
export interface SyncStatus {
  readonly isOnline: boolean;
  /** Paths whose state here the server has not stored yet. */
  readonly pendingUp: number;
  /** Paths whose state on the server is not here yet. */
  readonly pendingDown: number;
  /** Bytes that went over the wire in both directions since the start. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly lastError: string | undefined;
  readonly held: HeldDeletions | undefined;
}

/** Something that needs a person: two contents of one file, or what only one side can hold. */
export interface SyncConflict {
  readonly path: string;
  /** "conflict copy of NAME", "some disks take NAME for the same name", … */
  readonly reason: string;
}

/** A device that is connected, and an old version that the server keeps, as they travel. */
export type DeviceInfo = BodyOf<"devices">["devices"][number];
/** An old version of a file that the server keeps. */
export type VersionInfo = BodyOf<"versions">["versions"][number];

/** A device as the commands use it. */
export interface SyncClient {
  readonly status: SyncStatus;
  /** Large contents that are on their way now. */
  readonly transfers: Iterable<SyncTransfer>;
  /**
   * Keeps the folder the same as the user's on the server, over lost connections, until `signal` is
   * aborted. Throws what cannot be mended by itself: the server refuses this device, the folder cannot be
   * used, deletions were held back and nobody can be asked.
   */
  run(signal: AbortSignal): Promise<void>;
  /** Has these paths looked at at once. */
  changed(hint: Hint): void;
  /**
   * Resolves when all that was on the disk at the call (with `changed` for what a command did) is stored
   * by the server. Waits for a connection where there is none. Throws the reason of `signal`.
   */
  stored(signal: AbortSignal): Promise<void>;
  /** What is here, as the index knows it, or what the server said last; without tombstones, by path. */
  entries(side: "here" | "server"): Iterable<Entry>;
  /** How many files there are here, and their bytes, as the index knows it. */
  count(): FolderCount;
  /** The entry at a path, undefined where there is nothing. */
  entry(side: "here" | "server", path: string): Entry | undefined;
  /** What is not kept the same, as the last look found it. */
  skipped(): readonly SkippedFile[];
  conflicts(): readonly SyncConflict[];
  /** Deletions that were held back are passed on (`accept`), or the files come back from the server. */
  answerDeletions(accept: boolean): void;
  /** The user's connected devices. Throws where there is no connection. */
  devices(): Promise<DeviceInfo[]>;
  /** Old versions of a file, the newest first. Throws what the server refuses. */
  versions(path: string): Promise<VersionInfo[]>;
  /** Makes an old version the current one on all devices; resolves when the server has done so. */
  restore(path: string, number: number): Promise<void>;
  /**
   * Fetches a content of this user's from the server. Answers the local path of a temporary file, which
   * the caller moves away or removes. Throws `Cannot fetch …: reason`.
   */
  fetch(content: { readonly id: Uint8Array; readonly size: number }): Promise<string>;
}
