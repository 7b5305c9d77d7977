/** How long a device with very many files takes to see that nothing has changed. */

import { OwnSync, syncColumns } from "./own_sync.ts";
import { linkTree, type Stage } from "./stage.ts";
import type { Figures, Workload } from "./workload.ts";

const MIB = 1024 ** 2;

export const syncStartWorkload: Workload = {
  name: "sync-start",
  title: "Start of a device with 100,000 unchanged files",
  about:
    "Files of 128 bytes in 1,000 folders, which device and server have in their indexes. The clock " +
    "runs from the start of the device's process to its line `in sync`.",
  columns: syncColumns,
  targets: [
    { key: "seconds", bound: "at most", value: 5 },
    { key: "deviceMemory", bound: "at most", value: 400 * MIB },
  ],
  lineUp(stage) {
    const device = new PreparedDevice(stage);
    return { ours: [{ name: "p2pnode sync", run: () => device.start() }], others: [] };
  },
};

/** A device whose files were synced once, for all rounds. */
class PreparedDevice {
  readonly #stage: Stage;
  #root: string | undefined;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async start(): Promise<Figures> {
    this.#root ??= await this.#prepare();
    await using sync = await OwnSync.start(this.#root);
    // The server looks through the user's folder for the first device; that is not what is measured.
    await sync.startDevice("other");
    await this.#stage.settle([]);
    return await sync.measure(() => sync.startDevice("many"));
  }

  async #prepare(): Promise<string> {
    const source = await this.#stage.treeSource({ folderCount: 1000, fileCount: 100, size: 128 });
    const root = await this.#stage.newFolder();
    await using sync = await OwnSync.start(root);
    await linkTree(source, sync.folderOf("many"));
    await sync.startDevice("many");
    await sync.startDevice("other");
    return root;
  }
}
