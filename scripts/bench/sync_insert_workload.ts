/** What an insertion into a large file sends. */

import { join } from "node:path";
import { formatSize } from "../../node/text/size.ts";
import { randomBytes } from "../../tests/files.ts";
import { secondsColumn } from "./columns.ts";
import type { MeasuredProcess } from "./measured_process.ts";
import { OwnSync } from "./own_sync.ts";
import { RsyncDaemon } from "./rsync.ts";
import { compareFolders, type FileSource, linkTree, type Stage } from "./stage.ts";
import type { Figures, Workload } from "./workload.ts";

const MIB = 1024 ** 2;
const RSYNC = "rsync --daemon";

export const syncInsertWorkload: Workload = {
  name: "sync-insert",
  title: "1 MiB inserted at the start of a file of 256 MiB",
  about:
    "The file is there on both sides and gets a new beginning on one of them. Ours: from the moment " +
    "when the edited file takes the name to the device's word that the server has stored it for good. " +
    "rsync fetches the edited file over the old one, from the start of the client to its end. Sent is " +
    "what went over the wire in both directions.",
  columns: [
    secondsColumn,
    { key: "sent", title: "sent", format: formatSize },
  ],
  targets: [
    { key: "seconds", relativeTo: RSYNC, bound: "at most", value: 1 },
    { key: "sent", bound: "at most", value: 2 * MIB },
  ],
  async lineUp(stage) {
    const before = await stage.fileSource(256 * MIB);
    const after = await insertAtStart(before, await stage.newFolder());
    const edit = { before, after };
    return {
      ours: [{ name: "p2pnode sync, one hop", run: () => syncEdit(stage, edit) }],
      others: [{ name: RSYNC, needs: ["rsync"], run: () => fetchEdit(stage, edit) }],
    };
  },
};

/** A file, and what became of it under the same name in another folder. */
export interface Edit {
  readonly before: FileSource;
  readonly after: FileSource;
}

/** Makes a copy of the file in another folder, with 1 MiB more at its start. */
export async function insertAtStart(
  { name, path, size }: FileSource,
  folder: string,
): Promise<FileSource> {
  const edited = join(folder, name);
  await Deno.writeFile(edited, randomBytes(MIB, 1));
  using from = await Deno.open(path);
  const to = await Deno.open(edited, { append: true });
  await from.readable.pipeTo(to.writable);
  return { folder, name, path: edited, size: size + MIB };
}

async function syncEdit(stage: Stage, { before, after }: Edit): Promise<Figures> {
  const root = await stage.newFolder();
  const figures = await (async () => {
    await using sync = await OwnSync.start(root);
    const folder = sync.folderOf("a");
    await linkTree({ folder: before.folder, names: [before.name] }, folder);
    const device = await sync.startDevice("a", ["--json"]);
    const edited = join(root, after.name);
    await Deno.copyFile(after.path, edited);
    await stage.settle([edited]);
    const sentBefore = await wireBytes(device);
    const from = device.lines.length;
    const { seconds } = await sync.measure(async () => {
      await Deno.rename(edited, join(folder, after.name));
      await device.line(/^\{"event":"sent"/, { from });
    });
    const sent = await wireBytes(device) - sentBefore;
    await compareFolders(after.folder, sync.serverFolder, [after.name]);
    return { seconds: seconds!, sent };
  })();
  await stage.discard(root);
  return figures;
}

/** Bytes that went over a device's connection so far, in both directions. */
async function wireBytes(device: MeasuredProcess): Promise<number> {
  const from = device.lines.length;
  await device.write("status");
  const [line] = await device.line(/^\{"event":"status".*$/, { from });
  const { bytes_sent, bytes_received } = JSON.parse(line);
  return bytes_sent + bytes_received;
}

/** rsync fetches the edited file over the old one. */
export async function fetchEdit(stage: Stage, { before, after }: Edit): Promise<Figures> {
  const destination = await stage.newFolder();
  await Deno.copyFile(before.path, join(destination, before.name));
  await using daemon = await RsyncDaemon.start(after.folder, await stage.newFolder());
  await stage.settle([after.path, join(destination, before.name)]);
  await using client = daemon.startFetch(after.name, destination, ["--stats"]);
  await client.success();
  const sent = await rsyncBytes(client, "sent") + await rsyncBytes(client, "received");
  await compareFolders(after.folder, destination, [after.name]);
  await stage.discard(destination);
  return { seconds: client.seconds, sent };
}

async function rsyncBytes(client: MeasuredProcess, direction: string): Promise<number> {
  const [, digits] = await client.line(new RegExp(`^Total bytes ${direction}: ([\\d,]+)$`));
  return Number(digits!.replaceAll(",", ""));
}
