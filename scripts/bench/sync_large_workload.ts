/** One large file from one device through the server to the other. */

import { syncColumns } from "./own_sync.ts";
import { syncRivals } from "./sync_rivals.ts";
import { syncTwoHops } from "./sync_tree_workload.ts";
import type { Workload } from "./workload.ts";

const MIB = 1024 ** 2;

export const syncLargeWorkload: Workload = {
  name: "sync-large",
  title: "First sync of one file of 1 GiB",
  about:
    "As `sync-tree`. Each hop verifies every block, and the server has the file on its disk for " +
    "good (fsync) before it passes it on.",
  columns: syncColumns,
  // What Syncthing takes for one hop, on the machine of docs/benchmarks.md.
  targets: [{ key: "seconds", bound: "at most", value: 3.3 }],
  async lineUp(stage) {
    const { folder, name } = await stage.fileSource(1024 * MIB);
    const source = { folder, names: [name] };
    return {
      ours: [{ name: "p2pnode sync, two hops", run: () => syncTwoHops(stage, source) }],
      others: syncRivals(stage, source),
    };
  },
};
