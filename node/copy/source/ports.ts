/**
 * The port through which a source of trees sees what it offers: a folder, or a single file. It only reads.
 *
 * The real one is node/platform/source_folder.ts; tests have one in memory (testing.ts).
 */

import type { FileState } from "../../store/folder.ts";
import type { Hint } from "../../folder/live_folder.ts";

/** Something at or below a path, as a walk found it. */
export interface SourceEntry {
  /** From the top of what is offered; a safe name (protocol/path.ts) unless it is skipped. */
  readonly path: string;
  readonly kind: "file" | "folder" | "link" | "skipped";
  /** Of a file its length in bytes, otherwise 0. */
  readonly size: number;
  /** Of a file: changes whenever its bytes or its mode may have changed (store/folder.ts), otherwise "". */
  readonly stamp: string;
  /** Whether a file's owner may execute it. */
  readonly executable: boolean;
  /** Where a link leads, or why something is skipped, otherwise "". */
  readonly target: string;
}

/** Why there is nothing to copy at a path. */
export interface PathProblem {
  /** Nothing is there; otherwise it may not be had. */
  readonly isAbsent: boolean;
  readonly reason: string;
}

/** How a tree is walked through. */
export interface SourceWalkOptions {
  readonly signal: AbortSignal;
  /** Whether what is in a folder, and below it, is of no interest. The folder itself is found nevertheless. */
  readonly isLeftOut?: (folder: string) => boolean;
}

export interface SourceFolder {
  /** Where it is, for messages to the user. */
  readonly root: string;
  /** Why nothing at `path` can be copied, or undefined when a walk may start there. Any text may be asked for. */
  problemAt(path: string): PathProblem | undefined;
  /**
   * Finds what is at and below `path`, "" for everything, some hundred entries at a time; each folder comes
   * before what is in it. Goes on only as its results are taken. No link is followed. Throws `Cannot read ROOT:
   * reason`, and the signal's reason.
   */
  walk(path: string, options: SourceWalkOptions): AsyncIterable<readonly SourceEntry[]>;
  /** The state of the regular file at `path`, if the way to it leads over folders only. Throws the signal's reason. */
  state(path: string, signal: AbortSignal): Promise<FileState | undefined>;
  /** The local path of what is at `path`. */
  pathOf(path: string): string;
  /** Yields hints until `signal` is aborted. Some changes give none. Throws `Cannot watch ROOT: reason`. */
  watch(signal: AbortSignal): AsyncIterable<Hint>;
}
