/** What an insertion into a large file costs a copy of it. */

import { CountingProxy } from "../../tests/counting_proxy.ts";
import { secondsColumn } from "./columns.ts";
import { formatSize } from "../../node/text/size.ts";
import { type Copier, OWN_COPIERS, RSYNC, serveSettled } from "./copiers.ts";
import { OwnCopyServer } from "./own_copy.ts";
import { compareFolders, type Stage } from "./stage.ts";
import { type Edit, fetchEdit, insertAtStart } from "./sync_insert_workload.ts";
import { secondsToEnd } from "./transfer.ts";
import type { Figures, Workload } from "./workload.ts";
import { join } from "node:path";

const MIB = 1024 ** 2;

export const copyInsertWorkload: Workload = {
  name: "copy-insert",
  title:
    "Copy of a file of 256 MiB over the one that was there before 1 MiB was inserted at its start",
  about:
    "The clock runs from the start of the client's process to its end. Sent is what went over the " +
    "wire in both directions: rsync's own figures; ours goes through a proxy that counts. p2pnode " +
    "fetched the old file itself, from a server that has ended since.",
  columns: [secondsColumn, { key: "sent", title: "sent", format: formatSize }],
  targets: [
    { key: "seconds", relativeTo: RSYNC, bound: "at most", value: 1 },
    { key: "sent", relativeTo: RSYNC, bound: "at most", value: 1 },
  ],
  async lineUp(stage) {
    const before = await stage.fileSource(256 * MIB);
    const edit = { before, after: await insertAtStart(before, await stage.newFolder()) };
    const ours = OWN_COPIERS.map((copier) => (
      { name: copier.name, run: () => fetchOwnEdit(stage, edit, copier) }
    ));
    return {
      ours,
      others: [{ name: RSYNC, needs: ["rsync"], run: () => fetchEdit(stage, edit) }],
    };
  },
};

async function fetchOwnEdit(
  stage: Stage,
  { before, after }: Edit,
  copier: Copier<OwnCopyServer>,
): Promise<Figures> {
  const destination = await stage.newFolder();
  await fetchAll(before.folder, destination);
  const paths = [after.path, join(destination, before.name)];
  await using server = await serveSettled(copier, { stage, folder: after.folder, paths });
  await using proxy = new CountingProxy(server.port);
  await using client = server.startFetch(destination, [], proxy.port);
  const seconds = await secondsToEnd(client);
  await compareFolders(after.folder, destination, [after.name]);
  await stage.discard(destination);
  return { seconds, sent: proxy.total };
}

async function fetchAll(folder: string, destination: string): Promise<void> {
  await using server = await OwnCopyServer.start(folder);
  await using client = server.startFetch(destination);
  await client.success();
}
