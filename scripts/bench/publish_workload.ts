/** How fast a peer hashes and signs a file that it has never seen. */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { secondsColumn } from "./columns.ts";
import { MeasuredProcess } from "./measured_process.ts";
import { OwnSwarm } from "./p2pnode.ts";
import type { FileSource, Stage } from "./stage.ts";
import { secondsToEnd } from "./transfer.ts";
import { formatDecimal } from "./columns.ts";
import { formatSize } from "../../node/text/size.ts";
import type { Figures, Workload } from "./workload.ts";

const MIB = 1024 ** 2;
const ONE_CORE = "SHA-256 alone, one core";

export const publishWorkload: Workload = {
  name: "publish",
  title: "Hash, sign and publish a file of 1 GiB",
  about:
    "The clock runs from the start of the peer's process, with nothing remembered, to its line " +
    "`sharing 1 file`: the start of the runtime is in it. One core's SHA-256 is node:crypto's, in a " +
    "process that runs already, over the file in pieces of 1 MiB, reading included.",
  columns: [
    { key: "rate", title: "MB/s", format: (bytesPerSecond) => (bytesPerSecond / 1e6).toFixed(0) },
    secondsColumn,
    { key: "cpu", title: "CPU s", format: formatDecimal },
    { key: "memory", title: "peak", format: formatSize },
  ],
  targets: [{ key: "rate", relativeTo: ONE_CORE, bound: "at least", value: 1.3 }],
  async lineUp(stage) {
    const source = await stage.fileSource(1024 * MIB);
    return {
      ours: [{ name: "p2pnode peer", run: () => publish(stage, source) }],
      others: [
        { name: ONE_CORE, run: () => hashHere(stage, source) },
        {
          name: "openssl dgst -sha256",
          needs: ["openssl"],
          run: () => hashByOpenssl(stage, source),
        },
      ],
    };
  },
};

async function publish(stage: Stage, { path, name, size }: FileSource): Promise<Figures> {
  // A second name for the file in a folder where no peer has been.
  const folder = await stage.newFolder();
  await Deno.link(path, join(folder, name));
  await using swarm = await OwnSwarm.start();
  await stage.settle([path]);
  const peer = swarm.startPeer(folder);
  await peer.line(/^sharing 1 file$/);
  const seconds = (performance.now() - peer.startMs) / 1000;
  const { cpuSeconds, peakMemory } = peer.figures;
  return { rate: size / seconds, seconds, cpu: cpuSeconds, memory: peakMemory };
}

async function hashHere(stage: Stage, { path, size }: FileSource): Promise<Figures> {
  await stage.settle([path]);
  const startMs = performance.now();
  using file = Deno.openSync(path);
  const hash = createHash("sha256");
  const buffer = new Uint8Array(MIB);
  for (let count = file.readSync(buffer); count !== null; count = file.readSync(buffer)) {
    hash.update(buffer.subarray(0, count));
  }
  hash.digest();
  const seconds = (performance.now() - startMs) / 1000;
  return { rate: size / seconds, seconds };
}

async function hashByOpenssl(stage: Stage, { path, size }: FileSource): Promise<Figures> {
  await stage.settle([path]);
  await using openssl = new MeasuredProcess(["openssl", "dgst", "-sha256", path]);
  const seconds = await secondsToEnd(openssl);
  const { cpuSeconds, peakMemory } = openssl.figures;
  return { rate: size / seconds, seconds, cpu: cpuSeconds, memory: peakMemory };
}
