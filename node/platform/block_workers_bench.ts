/**
 * What the block workers move: a file of 256 MiB and a thousand of 4 KiB, hashed, verified and landed.
 * The baseline is one core's SHA-256 of the same file. Figures of single runs vary with the page cache.
 */

import { createHash } from "node:crypto";
import { KeyPair } from "../content/identity.ts";
import type { Manifest } from "../content/manifest.ts";
import type { FileToHash, LandTarget } from "../store/disk.ts";
import { BlockWorkers } from "./block_workers.ts";

const MiB = 1024 * 1024;
const size = 256 * MiB;
const smallCount = 1000;
const smallSize = 4096;
const buffersInFlight = 8;

const root = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(root, { recursive: true }));
const keys = KeyPair.generate();
const workers = new BlockWorkers({ root, keys });

const large: FileToHash = { path: `${root}/large`, size, blockSize: MiB };
const small = Array.from({ length: smallCount }, (_, i): FileToHash => {
  return { path: `${root}/small ${i}`, size: smallSize, blockSize: 256 * 1024 };
});
const random = crypto.getRandomValues(new Uint8Array(65536));
{
  using file = Deno.openSync(large.path, { write: true, create: true });
  for (let at = 0; at < size; at += random.length) file.writeSync(random);
  for (const { path } of small) Deno.writeFileSync(path, random.subarray(0, smallSize));
}

async function manifestsOf(files: FileToHash[]): Promise<Manifest[]> {
  const hashed = await Array.fromAsync(workers.hashFiles(files, { sign: true }));
  return hashed.map((result, i) => {
    if ("error" in result) throw new Error(result.error);
    const { size, blockSize } = files[i]!;
    return { ...result, name: "", size, blockSize, publisher: keys.nodeId };
  });
}

/** Lands `count` batches from a few buffers that hold `bytes` already. */
async function landAll(count: number, bytes: Uint8Array, land: LandBatch): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: buffersInFlight }, async () => {
    let buffer = bytes.slice().buffer as ArrayBuffer;
    while (next < count) buffer = await land(buffer, next++);
  }));
}

type LandBatch = (buffer: ArrayBuffer, position: number) => Promise<ArrayBuffer>;

async function landItems(
  buffer: ArrayBuffer,
  items: { manifest: Manifest; index: number; start: number; target: LandTarget }[],
): Promise<ArrayBuffer> {
  const landing = await workers.land(buffer, items);
  const wrong = landing.outcomes.find((outcome) => outcome !== "landed");
  if (wrong !== undefined) throw new Error(`A block did not land: ${JSON.stringify(wrong)}`);
  return landing.buffer;
}

const [largeManifest] = await manifestsOf([large]);
const smallManifests = await manifestsOf(small);
const repeated = new Uint8Array(MiB);
for (let at = 0; at < MiB; at += random.length) repeated.set(random, at);
const part = `${root}/part`;
let folderCount = 0;
Deno.writeFileSync(part, new Uint8Array(size));

Deno.bench("256 MiB: read and SHA-256 on one core", { group: "256 MiB", baseline: true }, () => {
  using file = Deno.openSync(large.path);
  const bytes = new Uint8Array(MiB);
  while (file.readSync(bytes) !== null) createHash("sha256").update(bytes).digest("hex");
});

Deno.bench("256 MiB: hash and sign", { group: "256 MiB" }, async () => {
  await manifestsOf([large]);
});

Deno.bench("256 MiB: verify a partial file", { group: "256 MiB" }, async () => {
  const right = await workers.verifyBlocks({ path: large.path, manifest: largeManifest! });
  if (!right.complete) throw new Error("A block is wrong");
});

Deno.bench("256 MiB: land blocks of 1 MiB", { group: "256 MiB" }, async () => {
  await landAll(size / MiB, repeated, (buffer, index) => {
    const target = { kind: "part", path: part } as const;
    return landItems(buffer, [{ start: 0, manifest: largeManifest!, index, target }]);
  });
});

Deno.bench("1000 x 4 KiB: hash and sign", { group: "small" }, async () => {
  await manifestsOf(small);
});

Deno.bench("1000 x 4 KiB: land", { group: "small" }, async () => {
  const each = 50;
  const folder = `${root}/landed ${folderCount++}`;
  await landAll(smallCount / each, random.subarray(0, smallSize), (buffer, position) => {
    const items = Array.from({ length: each }, (_, i) => {
      const name = position * each + i;
      const target = {
        kind: "whole",
        temporary: `${root}/${name}.whole`,
        path: `${folder}/${name}`,
        replace: false,
      } as const;
      return { start: 0, manifest: smallManifests[name]!, index: 0, target };
    });
    return landItems(buffer, items);
  });
});
