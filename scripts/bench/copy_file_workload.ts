/** One large file from a copy server to an empty folder. */

import { secondsColumn, sideColumns } from "./columns.ts";
import { copyContestant, OWN_COPIERS, RSYNC, RSYNC_COPIER } from "./copiers.ts";
import { RSYNC_OVER_SSH, RSYNC_OVER_SSH_COPIER } from "./copiers.ts";
import { ARIA2, Race } from "./file_workload.ts";
import { syncRivals, SYNCTHING } from "./sync_rivals.ts";
import type { Workload } from "./workload.ts";

const MIB = 1024 ** 2;

export const copyFileWorkload: Workload = {
  name: "copy-file",
  title: "Copy of one file of 1 GiB to an empty folder",
  about:
    "The clock runs from the start of the client's process to its end; of aria2 (BitTorrent) to the " +
    "moment when every piece is checked, of Syncthing from the start of the one device to the moment when " +
    "the other lacks nothing. p2pnode compares every block with the hash tree of the file, for which " +
    "a server that has just been started hashes the file first, rsync an xxh128 of the whole.",
  columns: [secondsColumn, ...sideColumns],
  targets: [
    { key: "seconds", relativeTo: RSYNC, bound: "at most", value: 1 },
    ...[RSYNC_OVER_SSH, ARIA2, SYNCTHING].map((relativeTo) => (
      { key: "seconds", relativeTo, bound: "at most", value: 0.5 } as const
    )),
  ],
  async lineUp(stage) {
    const file = await stage.fileSource(1024 * MIB);
    const source = { folder: file.folder, names: [file.name] };
    const race = new Race(stage, file);
    return {
      ours: OWN_COPIERS.map((copier) => copyContestant(copier, { stage, source })),
      others: [
        copyContestant(RSYNC_COPIER, { stage, source }),
        copyContestant(RSYNC_OVER_SSH_COPIER, { stage, source }),
        { name: ARIA2, needs: ["aria2c", "opentracker"], run: () => race.aria2() },
        ...syncRivals(stage, source).filter(({ name }) => name === SYNCTHING),
      ],
    };
  },
};
