/** Many small files from a copy server: to an empty folder, to one that has them, and very many of them. */

import { secondsColumn, sideColumns } from "./columns.ts";
import { copyContestant, OWN_COPIERS, RSYNC, RSYNC_COPIER } from "./copiers.ts";
import type { Stage, TreeShape } from "./stage.ts";
import type { Lineup, Workload } from "./workload.ts";

const MIB = 1024 ** 2;
const MANY_SMALL: TreeShape = { folderCount: 100, fileCount: 100, size: 4096 };
const VERY_MANY: TreeShape = { folderCount: 100, fileCount: 1000, size: 1024 };
const CLOCK = "The clock runs from the start of the client's process to its end.";

export const copyTreeWorkload: Workload = {
  name: "copy-tree",
  title: "Copy of 10,000 files of 4 KiB in 100 folders to an empty folder",
  about: CLOCK,
  columns: [secondsColumn, ...sideColumns],
  targets: [{ key: "seconds", relativeTo: RSYNC, bound: "at most", value: 1 }],
  lineUp: (stage) => lineUpTree(stage, MANY_SMALL),
};

export const copyAgainWorkload: Workload = {
  name: "copy-again",
  title: "The same copy of 10,000 files again, nothing changed",
  about: `Each program copied them before by itself, from a server that has ended since. ${CLOCK}`,
  columns: [secondsColumn, ...sideColumns],
  targets: [{ key: "seconds", relativeTo: RSYNC, bound: "at most", value: 1 }],
  lineUp: (stage) => lineUpTree(stage, MANY_SMALL, { again: true }),
};

export const copyManyWorkload: Workload = {
  name: "copy-many",
  title: "Copy of 100,000 files of 1 KiB in 100 folders to an empty folder",
  about: CLOCK,
  columns: [secondsColumn, ...sideColumns],
  targets: [
    { key: "sourceMemory", bound: "at most", value: 300 * MIB },
    { key: "targetMemory", bound: "at most", value: 300 * MIB },
  ],
  lineUp: (stage) => lineUpTree(stage, VERY_MANY),
};

async function lineUpTree(stage: Stage, shape: TreeShape, { again = false } = {}): Promise<Lineup> {
  const source = await stage.treeSource(shape);
  const options = { stage, source, again };
  return {
    ours: OWN_COPIERS.map((copier) => copyContestant(copier, options)),
    others: [copyContestant(RSYNC_COPIER, options)],
  };
}
