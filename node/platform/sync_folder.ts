/**
 * The folder port of sync on the local disk.
 *
 * Looks are walks in slices on the main thread, changes are made by a thread of their own that several
 * folders may share. The folder is locked for this process until it is disposed of.
 */

import type { SyncFolder } from "../sync/folder.ts";
import type { ChangeWorker } from "./change_worker.ts";
import type { OpenFolderOptions } from "./folder.ts";
import type { PrivateFolder } from "./private_folder.ts";

/** A folder of the local disk that this process has for itself until it is disposed of. */
export interface LocalSyncFolder extends SyncFolder, AsyncDisposable {
  /** The private area in the folder: paths for staged files, and for whatever else is kept in it. */
  readonly area: PrivateFolder;
}

/** How a synced folder is opened. */
export interface OpenSyncFolderOptions extends OpenFolderOptions {
  /** Makes the changes; several folders may share one. Whoever made it disposes of it. */
  readonly changes: ChangeWorker;
}

/**
 * Opens the folder at `path`, locks it against other processes, and puts right what a crash left behind.
 *
 * @throws {Error} `Cannot use PATH: reason` or `Cannot write into PATH: reason`.
 */
export declare function openSyncFolder(
  path: string,
  options: OpenSyncFolderOptions,
): Promise<LocalSyncFolder>;
