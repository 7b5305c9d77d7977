/** Whether a slow source holds up the others that are mirrored with it. */

import { join } from "node:path";
import { formatDecimal } from "./columns.ts";
import { MeasuredProcess } from "./measured_process.ts";
import { Nginx } from "./nginx.ts";
import { mirrorOf, order, startContent, startMirror, untilHashed } from "./own_mirror.ts";
import { compareFolders, type Stage, type TreeSource } from "./stage.ts";
import type { Figures, Workload } from "./workload.ts";

const DELAY = 0.01;
/** Of the files of each source, in bytes. The contents differ, since the same ones would be fetched once. */
const SIZES = [4096, 4097, 4098];

export const mirrorSlowWorkload: Workload = {
  name: "mirror-slow",
  title: "Mirror of three sources with 1,000 files of 4 KiB each, one of them slow",
  about:
    `Once at full speed, once with ${DELAY} s before each file of the third source. All three: ` +
    "from the start of the initiator to its end. The other times are the mirror server's own, the longer " +
    "of the two fast sources. lftp mirrors four files of each source at once from nginx, wget one, " +
    "both all sources at once; neither makes hashes.",
  columns: [
    { key: "seconds", title: "seconds, none slow", format: formatDecimal },
    { key: "fastAlone", title: "two fast ones, none slow", format: formatDecimal },
    { key: "fast", title: "two fast ones, third slow", format: formatDecimal },
    { key: "slow", title: "slow one", format: formatDecimal },
    { key: "slowdown", title: "fast ones, slow / none slow", format: formatDecimal },
  ],
  targets: [{ key: "slowdown", bound: "at most", value: 1.1 }],
  async lineUp(stage) {
    const sources: TreeSource[] = [];
    for (const size of SIZES) {
      sources.push(
        await stage.treeSource({ folderCount: 10, fileCount: 100, size }),
      );
    }
    const ours = (isIdle: boolean) => () => mirrorOurs(stage, sources, { isIdle });
    const theirs = (tool: CommandOf) => () => mirrorByWeb(stage, sources, tool);
    return {
      ours: [
        { name: "p2pnode mirror, sources just started", run: ours(false) },
        { name: "p2pnode mirror, sources idle before", run: ours(true) },
      ],
      others: [
        { name: "lftp mirror", needs: ["nginx", "lftp"], run: theirs(lftp) },
        { name: "wget -m", needs: ["nginx", "wget"], run: theirs(wget) },
      ],
    };
  },
};

async function mirrorOurs(
  stage: Stage,
  sources: readonly TreeSource[],
  { isIdle }: { readonly isIdle: boolean },
): Promise<Figures> {
  const options = { stage, sources, isIdle };
  const even = await mirrorWithDelay(0, options);
  const uneven = await mirrorWithDelay(DELAY, options);
  const [fastAlone, fast] = [even, uneven].map(({ each }) => Math.max(...each.slice(0, -1)));
  return {
    seconds: even.seconds,
    fastAlone: fastAlone!,
    fast: fast!,
    slow: uneven.each.at(-1)!,
    slowdown: fast! / fastAlone!,
  };
}

/** Mirrors from new content servers; the last one waits so long before each file. */
async function mirrorWithDelay(
  delay: number,
  { stage, sources, isIdle }: {
    readonly stage: Stage;
    readonly sources: readonly TreeSource[];
    readonly isIdle: boolean;
  },
) {
  await using resources = new AsyncDisposableStack();
  const mirror = await startMirror(await stage.newFolder());
  resources.use(mirror.process);
  if (!isIdle) await settle(stage, sources);
  const ordered = await Promise.all(sources.map(async ({ folder }, number) => {
    const server = await startContent(folder);
    resources.use(server.process);
    return { server, delay: number === sources.length - 1 ? delay : 0 };
  }));
  if (isIdle) {
    for (const { server } of ordered) await untilHashed(server, await stage.newFolder());
    await settle(stage, sources);
  }
  const times = await order(mirror, ordered);
  for (const [number, { folder, names }] of sources.entries()) {
    await compareFolders(folder, mirrorOf(ordered[number]!.server, mirror), names);
  }
  return times;
}

/** The command that mirrors what is below a URL into a folder. */
type CommandOf = (url: string, destination: string) => readonly string[];

function lftp(url: string, destination: string): readonly string[] {
  return ["lftp", "--norc", "-c", `mirror --parallel=4 ${url} ${destination}`];
}

function wget(url: string, destination: string): readonly string[] {
  const flags = ["--no-config", "--mirror", "--quiet", "--no-parent", "-nH", "--cut-dirs=1"];
  return ["wget", ...flags, "-e", "robots=off", "-P", destination, url];
}

/** Mirrors all sources at once, each by a process of its own. */
async function mirrorByWeb(
  stage: Stage,
  sources: readonly TreeSource[],
  commandOf: CommandOf,
): Promise<Figures> {
  const out = await stage.newFolder();
  await using nginx = await Nginx.start(
    sources.map(({ folder }) => folder),
    await stage.newFolder(),
  );
  await settle(stage, sources);
  const startMs = performance.now();
  await Promise.all(sources.map(async (_, number) => {
    const command = commandOf(nginx.urlOf(number), join(out, String(number)));
    await using client = new MeasuredProcess(command);
    await client.success();
  }));
  const seconds = (performance.now() - startMs) / 1000;
  for (const [number, { folder, names }] of sources.entries()) {
    await compareFolders(folder, join(out, String(number)), names);
  }
  return { seconds };
}

async function settle(stage: Stage, sources: readonly TreeSource[]): Promise<void> {
  await stage.settle(
    sources.flatMap(({ folder, names }) => names.map((name) => join(folder, name))),
  );
}
