/** Many small files from one device through the server to the other. */

import { join } from "node:path";
import { OwnSync, syncColumns } from "./own_sync.ts";
import { compareFolders, linkTree, type Stage, type TreeSource } from "./stage.ts";
import { RSYNC, syncRivals } from "./sync_rivals.ts";
import type { Figures, Workload } from "./workload.ts";

export const syncTreeWorkload: Workload = {
  name: "sync-tree",
  title: "First sync of 10,000 files of 4 KiB in 100 folders",
  about:
    "From a device through the server to another device, which is there already and empty. The " +
    "clock runs from the start of the first device's process to the moment when the second one says " +
    "that it is in sync. The others make one hop: rsync a copy, unison between two local folders, " +
    "Syncthing from the start of the one device to the moment when the other lacks nothing.",
  columns: syncColumns,
  targets: [{ key: "seconds", relativeTo: RSYNC, bound: "at most", value: 3 }],
  async lineUp(stage) {
    const source = await stage.treeSource({ folderCount: 100, fileCount: 100, size: 4096 });
    return {
      ours: [{ name: "p2pnode sync, two hops", run: () => syncTwoHops(stage, source) }],
      others: syncRivals(stage, source),
    };
  },
};

/** Syncs a folder to a device that is empty. What one file alone left behind is removed. */
export async function syncTwoHops(stage: Stage, source: TreeSource): Promise<Figures> {
  const { folder, names } = source;
  // A single change is told as such, of many it is told when all is the same again.
  const arrival = names.length === 1 ? /^got / : new RegExp(`^in sync: ${names.length} files,`);
  const root = await stage.newFolder();
  const figures = await (async () => {
    await using sync = await OwnSync.start(root);
    const target = await sync.startDevice("b");
    await linkTree(source, sync.folderOf("a"));
    await stage.settle(names.map((name) => join(folder, name)));
    const figures = await sync.measure(async () => {
      sync.launchDevice("a");
      await target.line(arrival);
    });
    await compareFolders(folder, sync.folderOf("b"), names);
    return figures;
  })();
  if (names.length === 1) await stage.discard(root);
  return figures;
}
