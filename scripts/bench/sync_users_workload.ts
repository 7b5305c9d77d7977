/** Many users of one server at once, each with two devices and a change a second. */

import { join } from "node:path";
import { formatSize } from "../../node/text/size.ts";
import { randomBytes } from "../../tests/files.ts";
import { formatDecimal } from "./columns.ts";
import { DeviceCrowd } from "./device_crowd.ts";
import { OwnSync } from "./own_sync.ts";
import type { Stage } from "./stage.ts";
import { type Figures, median, type Workload } from "./workload.ts";

const SIZE = 1024;
/** A change that has not come by then is lost. */
const PATIENCE_MS = 30_000;

export const syncUsersWorkload: Workload = {
  name: "sync-users",
  title: "200 users with two devices each, a change a second for each user",
  about:
    "For 60 s, each second each user's first device gets a new file of 1 KiB, spread over the " +
    "second. The clock runs from the end of the write to the moment when the second device has it under " +
    "its name. The devices run in the process of the benchmark, and are told where to look, because a " +
    "system does not let one process watch so many folders.",
  columns: [
    { key: "medianMs", title: "median ms", format: formatDecimal },
    { key: "p99Ms", title: "p99 ms", format: formatDecimal },
    { key: "lost", title: "lost", format: String },
    { key: "changes", title: "changes", format: String },
    { key: "serverCpu", title: "server CPU s", format: formatDecimal },
    { key: "serverMemory", title: "server peak", format: formatSize },
  ],
  targets: [
    { key: "medianMs", bound: "at most", value: 250 },
    { key: "lost", bound: "at most", value: 0 },
  ],
  lineUp(stage) {
    const load = stage.isSmoke ? { userCount: 3, seconds: 1 } : { userCount: 200, seconds: 60 };
    return { ours: [{ name: "p2pnode sync-server", run: () => run(stage, load) }], others: [] };
  },
};

async function run(
  stage: Stage,
  { userCount, seconds }: { readonly userCount: number; readonly seconds: number },
): Promise<Figures> {
  const root = await stage.newFolder();
  await using sync = await OwnSync.start(root);
  await using crowd = new DeviceCrowd({ root, server: sync.address });
  const users = Array.from({ length: userCount }, (_, number) => `user-${number}`);
  for (const user of users) await crowd.start(user, ["a", "b"]);
  await stage.settle([]);
  const cpuBefore = sync.serverFigures.cpuSeconds;
  const latencies: Promise<number | undefined>[] = [];
  const startMs = performance.now();
  for (let number = 0; number < seconds * userCount; number++) {
    await sleep(startMs + number / userCount * 1000 - performance.now());
    latencies.push(change(crowd, users[number % userCount]!, number));
  }
  const all = await Promise.all(latencies);
  const arrived = all.filter((latency) => latency !== undefined).sort((a, b) => a - b);
  const { cpuSeconds, peakMemory } = sync.serverFigures;
  return {
    medianMs: median(arrived),
    p99Ms: arrived[Math.ceil(arrived.length * 0.99) - 1]!,
    lost: all.length - arrived.length,
    changes: all.length,
    serverCpu: cpuSeconds - cpuBefore,
    serverMemory: peakMemory,
  };
}

/** Makes a file on a user's first device. Answers after how many milliseconds the second has it, if ever. */
async function change(
  crowd: DeviceCrowd,
  user: string,
  number: number,
): Promise<number | undefined> {
  const name = `${number}.bin`;
  const [from, to] = [crowd.device(user, "a"), crowd.device(user, "b")];
  await Deno.writeFile(join(from.folder, name), randomBytes(SIZE, number));
  const startMs = performance.now();
  const arrival = to.received(name);
  from.client.changed([name]);
  const lost = new AbortController();
  const endMs = await Promise.race([arrival, sleep(PATIENCE_MS, lost.signal)]);
  lost.abort();
  return endMs === undefined ? undefined : endMs - startMs;
}

/** Waits; not at all for a time that is over, nor after the signal was aborted. */
function sleep(ms: number, signal?: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (ms <= 0) return resolve(undefined);
    const timer = setTimeout(() => resolve(undefined), ms);
    signal?.addEventListener("abort", () => clearTimeout(timer), { once: true });
  });
}
