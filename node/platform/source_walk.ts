/**
 * The walk through what a source of trees offers: folder by folder, each on a way that holds still.
 *
 * What is found in a folder is handed out only when the way to it is known to have been the same since before the
 * folder was opened. Otherwise the folder is read again, a few times.
 */

import { folderOf } from "../../protocol/path.ts";
import type { SourceEntry, SourceWalkOptions } from "../copy/source/ports.ts";
import { linkProblem } from "../copy/tree_entry.ts";
import { isExecutable, rememberedStamp } from "./file_state.ts";
import { showAt, slices, visitFolder } from "./folder_walk.ts";
import type { Visitor, Walk } from "./folder_walk.ts";
import { steadyWay } from "./steady_way.ts";

/** How often a folder that is replaced is read at most. */
const ATTEMPTS_MAX = 5;
/** How long the walk keeps the event loop waiting. */
const SLICE_MS = 10;

/**
 * Finds what is at and below the start, folder by folder; each comes before what is in it.
 *
 * @throws {Error} `Cannot read ROOT: reason`; or the signal's reason.
 */
export async function* walkSource(
  { root, start }: Walk,
  { signal, isLeftOut = () => false }: SourceWalkOptions,
): AsyncGenerator<readonly SourceEntry[], void> {
  if (start !== "") {
    const found = await lookAtStart({ root, start }, signal);
    yield found;
    if (found[0]?.kind !== "folder") return;
  }
  const folders = [start];
  let sliceEndMs = performance.now() + SLICE_MS;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    if (isLeftOut(folder)) continue;
    for await (const batch of readFolder({ root, start: folder }, signal)) {
      for (const { kind, path } of batch) if (kind === "folder") folders.push(path);
      yield batch;
    }
    if (performance.now() < sliceEndMs) continue;
    await new Promise((resolve) => setTimeout(resolve, 0));
    sliceEndMs = performance.now() + SLICE_MS;
  }
}

/** What is at the start itself. */
async function lookAtStart({ root, start }: Walk, signal: AbortSignal): Promise<SourceEntry[]> {
  const way = await steadyWay({ root, folder: folderOf(start) }, signal);
  if (typeof way === "string") return [skipped(start, NOT_STEADY)];
  const found: SourceEntry[] = [];
  const visitor = collector(root, (entry) => found.push(entry));
  if (showAt(root, start, visitor)) visitor.folder!(start);
  return way.isStill() ? found : [skipped(start, NOT_STEADY)];
}

/** What is directly in a folder. It is read again from its start as long as nothing was handed out. */
async function* readFolder(
  walk: Walk,
  signal: AbortSignal,
): AsyncGenerator<readonly SourceEntry[], void> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    let outcome: Outcome = "replaced";
    let isBegun = false;
    for await (const { entries, outcome: next } of slicesOf(walk, signal)) {
      outcome = next;
      if (entries.length === 0) continue;
      yield entries;
      isBegun = true;
    }
    if (outcome === "done") return;
    if (isBegun) break;
  }
  yield [skipped(walk.start, NOT_STEADY)];
}

/** Whether a folder was read to its end; "more" if that is still open. */
type Outcome = "more" | "done" | "replaced";

/** Reads a folder, some milliseconds at a time, on a way that was seen right before and holds still meanwhile. */
async function* slicesOf(
  walk: Walk,
  signal: AbortSignal,
): AsyncGenerator<{ readonly entries: SourceEntry[]; readonly outcome: Outcome }, void> {
  let found: SourceEntry[] = [];
  const visitor = collector(walk.root, (entry) => found.push(entry));
  const seeWay = () => steadyWay({ root: walk.root, folder: walk.start }, signal);
  let way = await seeWay();
  if (way === "gone") return yield { entries: [], outcome: "done" };
  if (way === "unsteady") return yield { entries: [], outcome: "replaced" };
  for await (const isDone of slices(visitFolder(walk, visitor), signal)) {
    const entries = found;
    found = [];
    if (!way.isStill()) return yield { entries: [], outcome: "replaced" };
    yield { entries, outcome: isDone ? "done" : "more" };
    if (isDone) return;
    // Whoever takes the entries may take long, and the folder may change in the meantime.
    way = await seeWay();
    if (typeof way === "string") return yield { entries: [], outcome: "replaced" };
  }
}

const NOT_STEADY = "it was replaced while it was read";

/** Turns what a walk comes to into entries. */
function collector(root: string, add: (entry: SourceEntry) => void): Visitor {
  return {
    file: (path, info) => {
      const executable = isExecutable(info.mode);
      const stamp = rememberedStamp(info);
      add({ path, kind: "file", size: info.size, stamp, executable, target: "" });
    },
    folder: (path) =>
      add({ path, kind: "folder", size: 0, stamp: "", executable: false, target: "" }),
    skip: (path, reason, target) => {
      add(target === undefined ? skipped(path, reason) : linkAt(root, { path, target }));
    },
  };
}

/** A link as it is listed: as what it is if it leads to a place in the same tree. */
function linkAt(root: string, { path, target }: { path: string; target: string }): SourceEntry {
  const problem = linkProblem(path, target) ?? detourProblem(root, path);
  if (problem !== undefined) return skipped(path, problem);
  return { path, kind: "link", size: 0, stamp: "", executable: false, target };
}

/** Why a link leads out, by way of others. What leads nowhere leads nowhere else. */
function detourProblem(root: string, path: string): string | undefined {
  try {
    const end = Deno.realPathSync(`${root}/${path}`);
    if (end === root || end.startsWith(root === "/" ? root : `${root}/`)) return undefined;
    return "it is a link that leads out of the tree, by way of another";
  } catch {
    return undefined;
  }
}

function skipped(path: string, reason: string): SourceEntry {
  return { path, kind: "skipped", size: 0, stamp: "", executable: false, target: reason };
}
