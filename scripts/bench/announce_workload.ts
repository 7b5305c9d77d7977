/** How many announces a second a tracker answers. */

import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { formatSize } from "../../node/text/size.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { AnnounceFigures } from "../bench_announce.ts";
import { formatDecimal } from "./columns.ts";
import { MeasuredProcess } from "./measured_process.ts";
import { Opentracker } from "./opentracker.ts";
import { binary } from "./p2pnode.ts";
import type { Stage } from "./stage.ts";
import type { Figures, Workload } from "./workload.ts";

const SCRIPTS = fileURLToPath(new URL("..", import.meta.url));
const LUA = fileURLToPath(new URL("announce.lua", import.meta.url));
const TORRENT_COUNT = 1000;
const CONNECTION_COUNT = 64;
/** In which every node announces itself for the first time. */
const WARM_UP_SECONDS = 3;

export const announceWorkload: Workload = {
  name: "announce",
  title: "Announces a second, 10,000 nodes registered",
  about: "Over kept connections, each announce answered with holders of its file: ours as " +
    "`scripts/bench_announce.ts` does it, opentracker over HTTP by wrk with " +
    `${CONNECTION_COUNT} connections. Per core is the rate divided by the cores' worth of CPU that the ` +
    "tracker took.",
  columns: [
    { key: "rate", title: "announces/s", format: (value) => value.toFixed(0) },
    { key: "perCore", title: "per core", format: (value) => value.toFixed(0) },
    { key: "memory", title: "tracker memory", format: formatSize },
    { key: "medianMs", title: "median ms", format: formatDecimal },
    { key: "p99Ms", title: "p99 ms", format: formatDecimal },
  ],
  targets: [{ key: "perCore", bound: "at least", value: 20_000 }],
  lineUp(stage) {
    return {
      ours: [{ name: "p2pnode tracker", run: () => measureOurs(stage) }],
      others: [{
        name: "opentracker, HTTP",
        needs: ["opentracker", "wrk"],
        run: () => measureOpentracker(stage),
      }],
    };
  },
};

/** In a process of its own, since it keeps itself to one core. */
async function measureOurs({ isSmoke }: Stage): Promise<Figures> {
  const script = join(SCRIPTS, "bench_announce.ts");
  // On a busy machine a node may wait for long between its registration and its first report.
  const tracker = [await binary(), "tracker", "0", "--host", "127.0.0.1", "--ttl", "600"];
  const flags = isSmoke ? ["--seconds", "0.2", "--nodes", "500"] : ["--seconds", "5"];
  await using bench = new MeasuredProcess(
    [Deno.execPath(), "run", "-A", script, ...flags, "--", ...tracker],
  );
  await bench.success();
  const figures: AnnounceFigures = JSON.parse(bench.lines.join("\n"));
  return {
    rate: figures.announcesPerSecond,
    perCore: figures.announcesPerCore,
    memory: figures.trackerMemory,
    medianMs: figures.medianMs,
    p99Ms: figures.p99Ms,
  };
}

async function measureOpentracker(stage: Stage): Promise<Figures> {
  const workFolder = await stage.newFolder();
  const hashes = Array.from(
    { length: TORRENT_COUNT },
    (_, number) => createHash("sha1").update(String(number)).digest(),
  );
  const list = join(workFolder, "hashes");
  await Deno.writeTextFile(list, hashes.map((hash) => `${toHex(hash)}\n`).join(""));
  await using tracker = await Opentracker.start(hashes, workFolder);
  await load(tracker, { seconds: WARM_UP_SECONDS, list });
  const cpuBefore = tracker.process.figures.cpuSeconds;
  const startMs = performance.now();
  const figures = await load(tracker, { seconds: stage.isSmoke ? 1 : 5, list });
  const elapsed = (performance.now() - startMs) / 1000;
  const { cpuSeconds, peakMemory } = tracker.process.figures;
  const cores = (cpuSeconds - cpuBefore) / elapsed;
  return { ...figures, perCore: figures.rate / cores, memory: peakMemory };
}

async function load(
  { port }: Opentracker,
  { seconds, list }: {
    readonly seconds: number; /** Of the torrents' hashes. */
    readonly list: string;
  },
): Promise<{ rate: number; medianMs: number; p99Ms: number }> {
  const flags = ["-t1", `-c${CONNECTION_COUNT}`, `-d${seconds}s`, "--latency", "-s", LUA];
  const command = ["wrk", ...flags, `http://127.0.0.1:${port}`];
  await using wrk = new MeasuredProcess(command, { env: { HASHES: list } });
  await wrk.success();
  const [, rate] = await wrk.line(/^Requests\/sec: +([\d.]+)/);
  const [, median] = await wrk.line(/^ +50% +(\S+)/);
  const [, p99] = await wrk.line(/^ +99% +(\S+)/);
  return { rate: Number(rate), medianMs: milliseconds(median!), p99Ms: milliseconds(p99!) };
}

/** Reads a duration as wrk prints it: `890.00us`, `1.16ms`, `2.00s`. */
function milliseconds(text: string): number {
  const scale = text.endsWith("us") ? 1e-3 : text.endsWith("ms") ? 1 : 1e3;
  return parseFloat(text) * scale;
}
