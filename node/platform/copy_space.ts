/**
 * What copying to a local folder works with: the folder, and in its private area the stage of contents that are on
 * their way, and the cache of those that are here.
 *
 *     .p2pnode/lock     locked while a process works here
 *     .p2pnode/known    which content each file has (known_file.ts)
 *     .p2pnode/parts/   links on their way to their names
 *     .p2pnode/stage/   contents that are being fetched (local_stage.ts)
 *
 * A trial run changes nothing: it has its stage in a temporary folder, and locks nothing.
 */

import { PRIVATE_FOLDER } from "../../protocol/path.ts";
import type { CopySpace } from "../command/world.ts";
import type { FolderLook, LiveFolder } from "../folder/live_folder.ts";
import { ChangeWorker } from "./change_worker.ts";
import { reasonOf } from "./disk_failure.ts";
import { isThere, openBelow } from "./file_state.ts";
import { lookThrough } from "./folder_walk.ts";
import { KnownFile } from "./known_file.ts";
import { StageWorkers } from "./local_stage.ts";
import { openLiveFolder } from "./live_folder.ts";
import { MadeFolder } from "./made_folder.ts";

const KNOWN = "known";
const STAGE = "stage";

/**
 * Opens the folder at `path` to copy trees to it; it is made if it is missing.
 *
 * @throws {Error} `Cannot use PATH: reason` or `Cannot write into PATH: reason`.
 */
export async function openCopySpace(path: string): Promise<CopySpace> {
  await using opened = new AsyncDisposableStack();
  const changes = opened.use(new ChangeWorker());
  const workers = opened.use(new StageWorkers());
  const made = new MadeFolder(path);
  const folder = opened.use(await openLiveFolder(path, { create: true, changes }));
  opened.use(made);
  const area = `${folder.root}/${PRIVATE_FOLDER}`;
  const known = new KnownFile(`${area}/${KNOWN}`, { isReadOnly: false });
  opened.defer(() => removeIfEmpty(`${area}/${STAGE}`));
  const stage = workers.openStage(`${area}/${STAGE}`);
  opened.defer(() => known.flush());
  const disposables = opened.move();
  return {
    folder,
    stage,
    known,
    temporaryPath: () => folder.area.temporaryPath(),
    abandon: () => made.abandon(),
    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  };
}

/** Opens the folder at `path` for a trial run, also if it is missing; nothing can be changed there. */
export async function openTrialSpace(path: string): Promise<CopySpace> {
  await using opened = new AsyncDisposableStack();
  const workers = opened.use(new StageWorkers());
  const temporary = await Deno.makeTempDir({ prefix: "p2pnode-" });
  opened.defer(() => Deno.remove(temporary, { recursive: true }));
  const root = await realPath(path);
  const stage = workers.openStage(temporary);
  const disposables = opened.move();
  return {
    folder: readOnly(root),
    stage,
    known: new KnownFile(`${root}/${PRIVATE_FOLDER}/${KNOWN}`, { isReadOnly: true }),
    temporaryPath: () => `${temporary}/link`,
    abandon: () => {},
    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  };
}

/** The folder without any way to change it. One that is missing is empty. */
function readOnly(root: string): LiveFolder {
  return {
    root,
    isIntact: () => true,
    look: async (path, signal): Promise<FolderLook> => {
      if (!isThere(root)) return { entries: [], skipped: [] };
      return await lookThrough({ root, start: path }, signal);
    },
    isWatchPaused: false,
    watch: unsupported,
    open: (path) => openBelow(root, path),
    twinOf: () => undefined,
    pathOf: (path) => `${root}/${path}`,
    change: unsupported,
  };
}

function unsupported(): never {
  throw new Error("Cannot change a folder in a trial run");
}

async function realPath(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw new Error(`Cannot use ${path}: ${reasonOf(error)}`);
  }
}

/** Removes a folder in which nothing is kept for the next run. */
function removeIfEmpty(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // What is in it is for the next run.
  }
}
