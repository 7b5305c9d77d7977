/**
 * What a syncing device works with, on the local disk: the folder, and in its private area the index, the
 * stage of contents that are being fetched, and the device's key.
 *
 *     .p2pnode/lock        locked while a process works here
 *     .p2pnode/key         the device's key (key_file.ts)
 *     .p2pnode/index.db    what the device and the server have (device_index.ts)
 *     .p2pnode/parts/      files on their way to their names
 *     .p2pnode/stage/      contents that are being fetched (local_stage.ts)
 */

import { PRIVATE_FOLDER } from "../../protocol/path.ts";
import type { DeviceSpace, DeviceSpaceOptions } from "../command/world.ts";
import { unwatched } from "../sync/unwatched_folder.ts";
import { ChangeWorker } from "./change_worker.ts";
import { DeviceDatabase } from "./device_index.ts";
import { StageWorkers } from "./local_stage.ts";
import { openLiveFolder } from "./live_folder.ts";
import { MadeFolder } from "./made_folder.ts";

/**
 * Opens the folder at `path` for a device; it is made if it is missing.
 *
 * @throws {Error} `Cannot use PATH: reason` or `Cannot write into PATH: reason`.
 */
export async function openDeviceSpace(
  path: string,
  { poll, log }: DeviceSpaceOptions,
): Promise<DeviceSpace> {
  await using opened = new AsyncDisposableStack();
  const changes = opened.use(new ChangeWorker());
  const made = new MadeFolder(path);
  const folder = opened.use(await openLiveFolder(path, { create: true, changes }));
  opened.use(made);
  const area = `${folder.root}/${PRIVATE_FOLDER}`;
  const index = opened.use(new DeviceDatabase(`${area}/index.db`, log));
  const workers = opened.use(new StageWorkers());
  const stage = workers.openStage(`${area}/stage`);
  // The first change should not wait for threads.
  changes.warmUp();
  workers.warmUp();
  const disposables = opened.move();
  return {
    folder: poll ? unwatched(folder) : folder,
    index,
    stage,
    temporaryPath: () => folder.area.temporaryPath(),
    abandon: () => made.abandon(),
    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  };
}
