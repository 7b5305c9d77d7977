/**
 * The folders of a sync server's users, on the local disk: one in the server's folder for each, under the
 * user's name.
 *
 *     .p2pnode/            the server's lock and key
 *     USER/                the user's files, under their own names
 *     USER/.p2pnode/       index, staged contents, and the contents of old versions (trash/)
 */

import { PRIVATE_FOLDER } from "../../protocol/path.ts";
import type { UserSpaces } from "../command/world.ts";
import type { UserPieces } from "../sync/server/ports.ts";
import { ChangeWorker } from "./change_worker.ts";
import { openFolder } from "./folder.ts";
import { StageWorkers } from "./local_stage.ts";
import { openLiveFolder } from "./live_folder.ts";
import { LocalTrash } from "./trash.ts";
import { UserDatabase } from "./user_index.ts";

/**
 * Opens the folder of a server at `path`; it is made if it is missing.
 *
 * @throws {Error} `Cannot use PATH: reason` or `Cannot write into PATH: reason`.
 */
export async function openUserSpaces(
  path: string,
  log: (line: string) => void,
): Promise<UserSpaces> {
  await using opened = new AsyncDisposableStack();
  const { root } = opened.use(await openFolder(path, { create: true }));
  const changes = opened.use(new ChangeWorker());
  const workers = opened.use(new StageWorkers());
  const disposables = opened.move();
  return {
    root,
    open: (name) => openUser(`${root}/${name}`, { changes, workers, log }),
    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  };
}

/** What all users share. */
interface Shared {
  readonly changes: ChangeWorker;
  readonly workers: StageWorkers;
  readonly log: (line: string) => void;
}

async function openUser(root: string, { changes, workers, log }: Shared): Promise<UserPieces> {
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await openLiveFolder(root, { create: true, changes }));
  const area = `${root}/${PRIVATE_FOLDER}`;
  const index = opened.use(new UserDatabase(`${area}/index.db`, log));
  const stage = workers.openStage(`${area}/stage`, { passesOn: true });
  // The first change should not wait for threads.
  changes.warmUp();
  workers.warmUp();
  const trash = new LocalTrash(`${area}/trash`);
  const disposables = opened.move();
  return { folder, index, stage, trash, close: () => disposables.disposeAsync() };
}
