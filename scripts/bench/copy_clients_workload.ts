/** Many clients of one copy server at once. */

import { formatDecimal } from "./columns.ts";
import { type Copier, OWN_COPIERS, RSYNC_COPIER, serveSettled } from "./copiers.ts";
import { compareFolders, type FileSource, type Stage } from "./stage.ts";
import { secondsToEnd } from "./transfer.ts";
import type { Figures, Workload } from "./workload.ts";

const MIB = 1024 ** 2;
const CLIENT_COUNT = 8;

export const copyClientsWorkload: Workload = {
  name: "copy-clients",
  title: "A file of 128 MiB to eight clients at once",
  about:
    "First one client fetches it, then, from another server, eight that start together, each into " +
    "an empty folder. The rate is all bytes by the time from the start of the first client to the end of " +
    "the last one; the start of the runtime is in it. Unfair is the longest time by the shortest.",
  columns: [
    { key: "relativeRate", title: "rate of all by one's", format: formatDecimal },
    { key: "rate", title: "MB/s, all", format: formatRate },
    { key: "rateOfOne", title: "MB/s, one alone", format: formatRate },
    { key: "unfairness", title: "slowest / fastest", format: formatDecimal },
  ],
  targets: [
    { key: "relativeRate", bound: "at least", value: 0.8 },
    { key: "unfairness", bound: "at most", value: 2 },
  ],
  async lineUp(stage) {
    const source = await stage.fileSource(128 * MIB);
    const contestant = (copier: Copier) => ({
      name: copier.name,
      needs: copier.needs,
      run: () => compareCrowd(copier, { stage, source }),
    });
    return { ours: OWN_COPIERS.map(contestant), others: [contestant(RSYNC_COPIER)] };
  },
};

interface Ground {
  readonly stage: Stage;
  readonly source: FileSource;
}

async function compareCrowd(copier: Copier, ground: Ground): Promise<Figures> {
  const one = await fetchTogether(1, copier, ground);
  const all = await fetchTogether(CLIENT_COUNT, copier, ground);
  return {
    relativeRate: all.rate / one.rate,
    rate: all.rate,
    rateOfOne: one.rate,
    unfairness: Math.max(...all.times) / Math.min(...all.times),
  };
}

/** Answers bytes a second of all clients, and the seconds that each took. */
async function fetchTogether(
  count: number,
  copier: Copier,
  { stage, source: { folder, name, path, size } }: Ground,
): Promise<{ rate: number; times: readonly number[] }> {
  const destinations: string[] = [];
  for (let number = 0; number < count; number++) destinations.push(await stage.newFolder());
  await using server = await serveSettled(copier, { stage, folder, paths: [path] });
  const startMs = performance.now();
  const times = await Promise.all(destinations.map(async (destination) => {
    await using client = server.startFetch(destination);
    return await secondsToEnd(client);
  }));
  const rate = count * size / (performance.now() - startMs) * 1000;
  for (const destination of destinations) {
    await compareFolders(folder, destination, [name]);
    await stage.discard(destination);
  }
  return { rate, times };
}

function formatRate(bytesPerSecond: number): string {
  return (bytesPerSecond / 1e6).toFixed(0);
}
