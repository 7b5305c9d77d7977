/** How soon a small file that was made on one device is on the other. */

import { join } from "node:path";
import { randomBytes } from "../../tests/files.ts";
import { formatDecimal } from "./columns.ts";
import { OwnSync } from "./own_sync.ts";
import type { Stage } from "./stage.ts";
import { SyncthingPair } from "./syncthing.ts";
import { type Figures, median, type Workload } from "./workload.ts";

const SIZE = 1024;
/** Long enough that one file has nothing to do with the next. */
const PAUSE_MS = 50;
const LOOK_MS = 1;
const PATIENCE_MS = 60_000;

export const syncLatencyWorkload: Workload = {
  name: "sync-latency",
  title: "A file of 1 KiB, made on one device, seen on the other",
  about:
    "One file after the other, through the server. The clock runs from the end of the write to the " +
    "moment when the file is there under its name, looked for every millisecond. Syncthing without a " +
    "server in between, its watcher with the smallest delay that it takes, one second.",
  columns: [
    { key: "medianMs", title: "median ms", format: formatDecimal },
    { key: "p99Ms", title: "p99 ms", format: formatDecimal },
    { key: "maxMs", title: "max ms", format: formatDecimal },
  ],
  targets: [
    { key: "medianMs", bound: "at most", value: 50 },
    { key: "p99Ms", bound: "at most", value: 200 },
  ],
  lineUp(stage) {
    return {
      ours: [{ name: "p2pnode sync, two hops", run: () => measureOurs(stage) }],
      others: [{
        name: "syncthing, one hop",
        needs: ["syncthing"],
        run: () => measureSyncthing(stage),
      }],
    };
  },
};

async function measureOurs(stage: Stage): Promise<Figures> {
  await using sync = await OwnSync.start(await stage.newFolder());
  await sync.startDevice("a");
  await sync.startDevice("b");
  const folders = [sync.folderOf("a"), sync.folderOf("b")] as const;
  return await measureFiles(folders, { count: stage.isSmoke ? 3 : 300 });
}

async function measureSyncthing(stage: Stage): Promise<Figures> {
  const folders = [await stage.newFolder(), await stage.newFolder()] as const;
  const workFolder = await stage.newFolder();
  await using pair = await SyncthingPair.prepare({ folders, workFolder });
  await pair.startTarget();
  pair.startSource();
  // The first file waits until the two have found each other.
  await measureFiles(folders, { count: 1, prefix: "first" });
  return await measureFiles(folders, { count: 20 });
}

async function measureFiles(
  [from, to]: readonly [string, string],
  { count, prefix = "file" }: { readonly count: number; readonly prefix?: string },
): Promise<Figures> {
  const latencies: number[] = [];
  for (let number = 0; number < count; number++) {
    const name = `${prefix}-${number}.bin`;
    await Deno.writeFile(join(from, name), randomBytes(SIZE, number));
    const startMs = performance.now();
    await untilThere(join(to, name));
    latencies.push(performance.now() - startMs);
    await sleep(PAUSE_MS);
  }
  const sorted = latencies.sort((a, b) => a - b);
  return {
    medianMs: median(sorted),
    p99Ms: sorted[Math.ceil(count * 0.99) - 1]!,
    maxMs: sorted.at(-1)!,
  };
}

async function untilThere(path: string): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!isThere(path)) {
    if (performance.now() > endMs) throw new Error(`Cannot go on: ${path} did not come`);
    await sleep(LOOK_MS);
  }
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).size === SIZE;
  } catch {
    return false;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
