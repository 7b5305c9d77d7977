import { assert, assertEquals, assertRejects } from "@std/assert";
import { settled } from "../../protocol/testing.ts";
import { ManualClock } from "../../tests/manual_clock.ts";
import { LEAF_SIZE } from "../content/tree.ts";
import { FolderInMemory, sampleFile } from "../swarm/testing.ts";
import { BlockCache } from "./block_cache.ts";
import { BlockSource } from "./block_source.ts";
import type { ReadableFile } from "./block_source.ts";

const { manifest, bytes } = sampleFile(3 * LEAF_SIZE + 5);
const file: ReadableFile = {
  key: "file",
  manifest,
  location: { kind: "file", name: "sample", stamp: "1" },
};
const part: ReadableFile = { key: "part", manifest, location: { kind: "part", key: "part" } };

function start() {
  const folder = new FolderInMemory();
  folder.files.set("sample", { bytes, stamp: "1" });
  folder.parts.set("part", { bytes, stamp: "" });
  const clock = new ManualClock();
  const cache = new BlockCache(1 << 20);
  return { folder, clock, cache, source: new BlockSource(folder, cache, clock) };
}

type Started = ReturnType<typeof start>;

/** Reads a block as from a disk that takes its time. */
async function readSlowly({ folder, source, clock }: Started, index: number) {
  const pause = Promise.withResolvers<void>();
  folder.pause = pause.promise;
  const reading = source.read(file, index);
  await clock.advance(100);
  pause.resolve();
  folder.pause = undefined;
  return await reading;
}

Deno.test("read() gives the bytes of a block, of a whole and of a partial file", async () => {
  const { source, folder } = start();
  for (const from of [file, part]) {
    for (const index of [0, 3, 1]) {
      const lease = await source.read(from, index);
      assertEquals(lease.bytes, bytes.subarray(index * LEAF_SIZE, (index + 1) * LEAF_SIZE));
      lease.release();
    }
  }
  assertEquals(folder.openCount, 2);
  source[Symbol.dispose]();
  assertEquals(folder.openCount, 0);
});

Deno.test("read() uses a buffer again once it is released, and not before", async () => {
  const { source } = start();
  const first = await source.read(file, 0);
  const second = await source.read(file, 1);
  assert(first.bytes.buffer !== second.bytes.buffer);
  const { buffer } = first.bytes;
  first.release();
  assert((await source.read(file, 2)).bytes.buffer === buffer);
  assertEquals(second.bytes, bytes.subarray(LEAF_SIZE, 2 * LEAF_SIZE));
  source[Symbol.dispose]();
});

Deno.test("only a block that was slow to read is cached, when it is asked for again", async () => {
  const node = start();
  const { source, cache, folder } = node;
  for (let i = 0; i < 3; i++) (await source.read(file, 0)).release();
  assertEquals([folder.readCount, cache.stats.count], [3, 0]);

  (await readSlowly(node, 1)).release();
  assertEquals(cache.stats.count, 0);
  (await source.read(file, 1)).release();
  assertEquals([folder.readCount, cache.stats.count], [5, 1]);
  const cached = await source.read(file, 1);
  assertEquals([cached.isExclusive, (await source.read(file, 0)).isExclusive], [false, true]);
  assertEquals(cached.bytes, bytes.subarray(LEAF_SIZE, 2 * LEAF_SIZE));
  assertEquals([folder.readCount, cache.stats.hits], [6, 1]);

  source.forget(file);
  assertEquals([cache.stats.count, folder.openCount], [0, 0]);
});

Deno.test("read() refuses a file that changed since it was hashed, and forgets it", async () => {
  const { source, folder } = start();
  (await source.read(file, 0)).release();
  folder.files.get("sample")!.stamp = "2";
  await assertRejects(() => source.read(file, 0), Error, "it has changed since it was hashed");
  assertEquals(folder.openCount, 0);
});

Deno.test("read() refuses a file that is gone, and one that ends too early", async () => {
  const { source, folder } = start();
  folder.files.delete("sample");
  await assertRejects(() => source.read(file, 0), Error, "Cannot open sample");
  folder.files.set("sample", { bytes: bytes.subarray(0, 10), stamp: "1" });
  await assertRejects(() => source.read(file, 0), Error, "the file ends");
  source[Symbol.dispose]();
  assertEquals(folder.openCount, 0);
});

Deno.test("a file that is being read is closed when the read has ended", async () => {
  const { source, folder } = start();
  const pause = Promise.withResolvers<void>();
  folder.pause = pause.promise;
  const readings = [source.read(file, 0), source.read(file, 1)];
  await settled();
  source.forget(file);
  assertEquals(folder.openCount, 1);
  pause.resolve();
  for (const lease of await Promise.all(readings)) lease.release();
  assertEquals(folder.openCount, 0);
});

Deno.test("only so many files stay open, those that were read last", async () => {
  const { source, folder } = start();
  const nameOf = (number: number) => `file ${number}`;
  for (let number = 0; number < 100; number++) {
    const name = nameOf(number);
    folder.files.set(name, { bytes, stamp: "1" });
    const one: ReadableFile = { key: name, manifest, location: { kind: "file", name, stamp: "1" } };
    (await source.read(one, 0)).release();
  }
  assertEquals(folder.openCount, 64);
  source[Symbol.dispose]();
  assertEquals(folder.openCount, 0);
});
