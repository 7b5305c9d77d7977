/** Many small files from one node to another. */

import { secondsColumn, sideColumns } from "./columns.ts";
import { OwnSwarm } from "./p2pnode.ts";
import { RsyncDaemon } from "./rsync.ts";
import { compareFolders, type Stage, type TreeSource } from "./stage.ts";
import { join } from "node:path";
import { measureTransfer, secondsToEnd, type Transfer } from "./transfer.ts";
import type { Figures, Workload } from "./workload.ts";

const RSYNC = "rsync --daemon";

export const treeWorkload: Workload = {
  name: "tree",
  title: "10,000 files of 4 KiB in 100 folders",
  about: "The clock runs from the start of the client's process to its end.",
  columns: [secondsColumn, ...sideColumns],
  targets: [{ key: "seconds", relativeTo: RSYNC, bound: "at most", value: 2 }],
  async lineUp(stage) {
    const source = await stage.treeSource({ folderCount: 100, fileCount: 100, size: 4096 });
    return {
      ours: [{ name: "p2pnode get --all", run: () => runOurs(stage, source) }],
      others: [{ name: RSYNC, needs: ["rsync"], run: () => runRsync(stage, source) }],
    };
  },
};

async function runOurs(stage: Stage, source: TreeSource): Promise<Figures> {
  await using swarm = await OwnSwarm.start();
  const peer = await swarm.share(source.folder, { fileCount: source.names.length });
  return await measure({ stage, source }, (destination) => ({
    source: peer,
    start: () => swarm.startGet(destination, ["--all"]),
    secondsOf: secondsToEnd,
  }));
}

async function runRsync(stage: Stage, source: TreeSource): Promise<Figures> {
  await using daemon = await RsyncDaemon.start(source.folder, await stage.newFolder());
  return await measure({ stage, source }, (destination) => ({
    source: daemon.process,
    start: () => daemon.startFetch("", destination),
    secondsOf: secondsToEnd,
  }));
}

/** Measures a transfer into a new folder, which stays: see stage.ts. */
async function measure(
  { stage, source }: { readonly stage: Stage; readonly source: TreeSource },
  transferTo: (destination: string) => Transfer,
): Promise<Figures> {
  const destination = await stage.newFolder();
  const transfer = transferTo(destination);
  await stage.settle(source.names.map((name) => join(source.folder, name)));
  const figures = await measureTransfer(transfer);
  await compareFolders(source.folder, destination, source.names);
  return figures;
}
