/** What the cache of blocks buys when many nodes fetch one file from the same source. */

import { formatDecimal, secondsColumn } from "./columns.ts";
import { formatSize } from "../../node/text/size.ts";
import { OwnSwarm, statusOf } from "./p2pnode.ts";
import { compareFolders, type FileSource, type Stage } from "./stage.ts";
import type { Figures, Workload } from "./workload.ts";

const MIB = 1024 ** 2;
const LEECHER_COUNT = 8;
/**
 * The tracker lists a node at the address that it came from, 127.0.0.1. A node that listens on this other
 * address of loopback cannot be reached there, so the leechers cannot feed each other.
 */
const UNREACHABLE_HOST = "127.0.0.2";

export const cacheWorkload: Workload = {
  name: "cache",
  title: "One file of 256 MiB, from one node to eight that cannot reach each other",
  about:
    "Every block is asked of the source eight times, with the block cache and without. The page cache of " +
    "the system is warm, so that a block that is not in the block cache is copied from memory and not " +
    "read from a disk. The clock runs from the start of the first client to the end of the last one.",
  columns: [
    secondsColumn,
    { key: "sourceCpu", title: "source CPU s", format: formatDecimal },
    { key: "sourceMemory", title: "source peak", format: formatSize },
    { key: "hits", title: "hits", format: String },
    { key: "misses", title: "misses", format: String },
    { key: "copies", title: "copies sent", format: formatDecimal },
  ],
  targets: [],
  async lineUp(stage) {
    const source = await stage.fileSource(256 * MIB);
    const serverWith = (...flags: string[]) => ({
      name: ["p2pnode peer", ...flags].join(" "),
      run: () => serve(stage, { source, flags }),
    });
    return { ours: [serverWith("--cache", "256MiB"), serverWith("--cache", "0")], others: [] };
  },
};

async function serve(
  stage: Stage,
  { source, flags }: { readonly source: FileSource; readonly flags: readonly string[] },
): Promise<Figures> {
  const { folder, name, path, size } = source;
  await using swarm = await OwnSwarm.start();
  const peer = await swarm.share(folder, { fileCount: 1, flags });
  const destinations: string[] = [];
  for (let i = 0; i < LEECHER_COUNT; i++) destinations.push(await stage.newFolder());
  await stage.settle([path]);
  const cpuBefore = peer.figures.cpuSeconds;
  const startMs = performance.now();
  const leechers = destinations.map((destination) =>
    swarm.startGet(destination, [name, "--host", UNREACHABLE_HOST])
  );
  await Promise.all(leechers.map((leecher) => leecher.success()));
  const seconds = (performance.now() - startMs) / 1000;
  const { cpuSeconds, peakMemory } = peer.figures;
  const { sentBytes, cacheHits, cacheMisses } = await statusOf(peer);
  for (const destination of destinations) {
    await compareFolders(folder, destination, [name]);
    await stage.discard(destination);
  }
  return {
    seconds,
    sourceCpu: cpuSeconds - cpuBefore,
    sourceMemory: peakMemory,
    hits: cacheHits,
    misses: cacheMisses,
    copies: sentBytes / size,
  };
}
