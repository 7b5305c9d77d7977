/** The other programs that bring a folder to another place, each its own way, in one hop. */

import { join } from "node:path";
import { MeasuredProcess } from "./measured_process.ts";
import { RsyncDaemon } from "./rsync.ts";
import { compareFolders, linkTree, type Stage, type TreeSource } from "./stage.ts";
import { SyncthingPair } from "./syncthing.ts";
import { measureTransfer, secondsToEnd } from "./transfer.ts";
import type { Contestant, Figures } from "./workload.ts";

export const RSYNC = "rsync --daemon, one copy";
export const SYNCTHING = "syncthing, one hop";

/** Those that bring a whole folder. What one file alone left behind is removed after each run. */
export function syncRivals(stage: Stage, source: TreeSource): readonly Contestant[] {
  const copy = (bring: Bring) => () => copyBy(bring, { stage, source });
  return [
    { name: RSYNC, needs: ["rsync"], run: copy(bringByRsync) },
    { name: "unison, two local folders", needs: ["unison"], run: copy(bringByUnison) },
    { name: SYNCTHING, needs: ["syncthing"], run: copy(bringBySyncthing) },
  ];
}

/** A copy to be made. */
interface Job {
  readonly from: string;
  readonly to: string;
  /** For what the program needs besides. */
  readonly workFolder: string;
  readonly fileCount: number;
  /** Has to be called right before the clock starts. */
  readonly settle: () => Promise<void>;
}

type Bring = (job: Job) => Promise<Figures>;

async function copyBy(
  bring: Bring,
  { stage, source }: { readonly stage: Stage; readonly source: TreeSource },
): Promise<Figures> {
  const { names } = source;
  const [from, to, workFolder] = [
    await stage.newFolder(),
    await stage.newFolder(),
    await stage.newFolder(),
  ];
  await linkTree(source, from);
  const settle = () => stage.settle(names.map((name) => join(source.folder, name)));
  const figures = await bring({ from, to, workFolder, fileCount: names.length, settle });
  await compareFolders(source.folder, to, names);
  if (names.length === 1) await stage.discard(to);
  return figures;
}

async function bringByRsync({ from, to, workFolder, settle }: Job): Promise<Figures> {
  await using daemon = await RsyncDaemon.start(from, workFolder);
  await settle();
  const figures = await measureTransfer({
    source: daemon.process,
    start: () => daemon.startFetch("", to),
    secondsOf: secondsToEnd,
  });
  return {
    seconds: figures.seconds!,
    cpu: figures.sourceCpu! + figures.targetCpu!,
    serverMemory: figures.sourceMemory!,
    deviceMemory: figures.targetMemory!,
  };
}

async function bringByUnison({ from, to, workFolder, settle }: Job): Promise<Figures> {
  await settle();
  const command = ["unison", from, to, "-batch", "-silent", "-log=false"];
  await using unison = new MeasuredProcess(command, { env: { UNISON: workFolder } });
  await unison.success();
  const { cpuSeconds, peakMemory } = unison.figures;
  return { seconds: unison.seconds, cpu: cpuSeconds, deviceMemory: peakMemory };
}

async function bringBySyncthing({ from, to, workFolder, fileCount, settle }: Job) {
  await using pair = await SyncthingPair.prepare({ folders: [from, to], workFolder });
  await pair.startTarget();
  await settle();
  return await pair.measure(async () => {
    pair.startSource();
    await pair.untilTargetHas(fileCount);
  });
}
