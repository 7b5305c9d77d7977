/** A synced folder in which changes are found by looking only: no watcher runs, and no hint ever comes. */

import { untilAborted } from "../../protocol/until_aborted.ts";
import type { Hint, LiveFolder } from "../folder/live_folder.ts";

/** The folder without its watcher. */
export function unwatched(folder: LiveFolder): LiveFolder {
  return {
    root: folder.root,
    isIntact: () => folder.isIntact(),
    look: (path, signal) => folder.look(path, signal),
    isWatchPaused: false,
    watch: noHints,
    open: (path) => folder.open(path),
    twinOf: (path) => folder.twinOf(path),
    pathOf: (path) => folder.pathOf(path),
    change: (changes) => folder.change(changes),
  };
}

/** Hints that never come, until the signal is aborted. */
function noHints(signal: AbortSignal): AsyncIterable<Hint> {
  const next = async () => {
    await untilAborted(signal);
    return { done: true, value: undefined } as const;
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}
