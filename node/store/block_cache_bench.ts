import { BlockCache } from "./block_cache.ts";

const blockSize = 256 * 1024;
const blockCount = 64;
const path = Deno.makeTempFileSync();
Deno.writeFileSync(path, new Uint8Array(blockCount * blockSize).fill(7));
const file = Deno.openSync(path);
Deno.removeSync(path);

async function readBlock(index: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(blockSize);
  file.seekSync(index * blockSize, Deno.SeekMode.Start);
  for (let filled = 0; filled < blockSize;) {
    filled += await file.read(bytes.subarray(filled)) ?? blockSize;
  }
  return bytes;
}

const contentId = "0123456789abcdef".repeat(4);
const warm = new BlockCache(2 * blockCount * blockSize);
for (let index = 0; index < blockCount; index++) {
  await warm.get(contentId, index, () => readBlock(index));
}
const empty = Promise.resolve(new Uint8Array(64));
const full = new BlockCache(1000 * 320);
let next = 0;

Deno.bench("block 256 KiB: hit", { group: "block", baseline: true }, () => {
  const index = next++ % blockCount;
  warm.get(contentId, index, () => readBlock(index));
});

Deno.bench("block 256 KiB: read from the page cache instead", { group: "block" }, async () => {
  await readBlock(next++ % blockCount);
});

Deno.bench("bookkeeping of a miss that evicts another block", async () => {
  await full.get(contentId, next++, () => empty);
});
