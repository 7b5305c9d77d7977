/**
 * The port through which a folder is seen and changed in which others work at the same time: what is in it,
 * hints that it changed, and changes that are made only where it still is as their maker saw it. A synced
 * device has one, a sync server one for each user, and a copier and a mirror one each to copy into.
 *
 * Paths are safe names (protocol/path.ts) relative to the folder. The real one is
 * node/platform/live_folder.ts; tests have one in memory.
 */

import type { DiskFailure } from "../store/disk.ts";
import type { OpenFile, SkippedFile } from "../store/folder.ts";

/** A regular file or a folder, as a look found it. */
export interface FoundEntry {
  readonly path: string;
  readonly kind: "file" | "folder";
  /** Length of a file in bytes, 0 for a folder. */
  readonly size: number;
  /** Of a file: changes whenever its bytes or its mode may have changed (store/folder.ts). "" for a folder. */
  readonly stamp: string;
  /** Whether a file's owner may execute it. */
  readonly executable: boolean;
}

/** What is below a folder. */
export interface FolderLook {
  /** Each folder comes before what is in it. */
  readonly entries: FoundEntry[];
  /** What is left out, and why: links, pipes, sockets, devices, unreadable folders, unsafe names. */
  readonly skipped: SkippedFile[];
}

/** Paths at or below which something may have changed; "" stands for everything. */
export type Hint = readonly string[];

/** What stands for a symbolic link's stamp where a change expects one. */
export function linkStamp(target: string): string {
  return `link ${target}`;
}

/** Whether it stands for a link, and not for a file. */
export function isLinkStamp(stamp: string): boolean {
  return stamp.startsWith("link ");
}

/**
 * A change of the folder. `expect` is the stamp of the file or the symbolic link that is there, or undefined for
 * nothing at all.
 */
export type Change =
  /**
   * A verified content gets a name. `staged` is a local path on the same file system and is gone
   * afterwards. Missing folders on the way are made.
   */
  | {
    readonly kind: "place";
    readonly path: string;
    readonly staged: string;
    readonly executable: boolean;
    readonly expect: string | undefined;
    /** Local path to which the file that was there is moved; without it, that file is removed. */
    readonly keep?: string;
  }
  /**
   * A verified content takes the name of a file or a link in one step: whoever opens the name meets the old
   * bytes or the new ones. Unlike with "place", what is put there at the very moment of that step is lost.
   */
  | {
    readonly kind: "swap";
    readonly path: string;
    readonly staged: string;
    readonly executable: boolean;
    readonly expect: string;
  }
  /** A file gets another path, at which there must be nothing. */
  | {
    readonly kind: "move";
    readonly from: string;
    /** The stamp of the file at `from`. */
    readonly expect: string;
    readonly path: string;
    readonly executable: boolean;
  }
  /** A symbolic link gets a name. Missing folders on the way are made. */
  | {
    readonly kind: "link";
    readonly path: string;
    /** Where it leads, as it stands in the link. */
    readonly target: string;
    /** A local path on the same file system at which there is nothing. */
    readonly temporary: string;
    readonly expect: string | undefined;
  }
  /** A file becomes executable, or stops being so. */
  | {
    readonly kind: "mode";
    readonly path: string;
    readonly executable: boolean;
    readonly expect: string;
  }
  /** A file goes, or moves to the local path `keep`. */
  | {
    readonly kind: "remove";
    readonly path: string;
    readonly expect: string;
    readonly keep?: string;
  }
  /**
   * A folder that was put together at the local path `staged`, on the same file system, gets its name with all that
   * is in it; there must be nothing at `path`. Missing folders on the way are made.
   */
  | {
    readonly kind: "placeFolder";
    readonly path: string;
    readonly staged: string;
    /** The files in it, each with a verified content. */
    readonly files: readonly { readonly name: string; readonly executable: boolean }[];
  }
  /** A folder is made, with those above it; one that is there will do. */
  | { readonly kind: "makeFolder"; readonly path: string }
  /** An empty folder goes; one that is not there will do. */
  | { readonly kind: "removeFolder"; readonly path: string };

/** What became of a change. Whatever is not "done" has changed nothing. */
export type ChangeOutcome =
  | {
    readonly done: true;
    /** Of the file that is at `path` now, "" where there is none. */
    readonly stamp: string;
    /** Of the files of a folder that was placed. */
    readonly stamps?: readonly string[];
  }
  /** What is there is not what was expected. Whoever wanted the change looks again. */
  | "changed"
  /** A folder still has something in it. */
  | "not-empty"
  | DiskFailure;

/** Whether a change was made. */
export function isDone(
  outcome: ChangeOutcome | undefined,
): outcome is Extract<ChangeOutcome, { readonly done: true }> {
  return typeof outcome === "object" && "done" in outcome;
}

/** A folder in which others work at the same time. */
export interface LiveFolder {
  /** Where the folder is, for messages to the user. */
  readonly root: string;
  /**
   * Whether the folder is still the one that was opened. It is not when it was replaced, or a file system
   * was mounted on it or taken off it; then nothing that is missing in it was deleted by anybody.
   */
  isIntact(): boolean;
  /**
   * Finds what is at and below `path`, "" for the whole folder. Nothing is followed. Throws
   * `Cannot read ROOT: reason` where the folder itself cannot be read.
   */
  look(path: string, signal?: AbortSignal): Promise<FolderLook>;
  /**
   * Whether nobody watches for the moment, because so much is changed by `change`. When somebody does again, a
   * hint for everything comes.
   */
  readonly isWatchPaused: boolean;
  /** Yields hints until `signal` is aborted. Some changes give none. Throws `Cannot watch ROOT: reason`. */
  watch(signal: AbortSignal): AsyncIterable<Hint>;
  /** Opens a regular file for reading. Throws `Cannot open PATH: reason`. */
  open(path: string): OpenFile;
  /**
   * What is there under another spelling of `path`, where the disk takes both for one name, as those do that
   * make no difference between capitals and small letters.
   */
  twinOf(path: string): string | undefined;
  /** The local path of what is at `path`. */
  pathOf(path: string): string;
  /** Makes changes one after the other, in order. Answers what became of each. */
  change(changes: readonly Change[]): Promise<ChangeOutcome[]>;
}
