import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { BlockCache } from "./block_cache.ts";

const blockSize = 4096;
/** Room for `count` blocks of `blockSize` with their bookkeeping. */
const roomFor = (count: number) => count * (blockSize + 256);

Deno.test("get() reads a block once and then answers at once with the same bytes", async () => {
  const cache = new BlockCache(roomFor(4));
  const bytes = new Uint8Array(blockSize);
  assertStrictEquals(await cache.get("a", 0, () => Promise.resolve(bytes)), bytes);
  assertStrictEquals(cache.get("a", 0, mustNotRead), bytes);
  assertEquals(cache.stats, {
    hits: 1,
    joined: 0,
    misses: 1,
    evictions: 0,
    bytes: roomFor(1),
    count: 1,
  });
});

Deno.test("get() reads once for many requests at the same time", async () => {
  const cache = new BlockCache(roomFor(4));
  const reading = Promise.withResolvers<Uint8Array>();
  let reads = 0;
  const answers = Array.from({ length: 10 }, () =>
    cache.get("a", 7, () => {
      reads++;
      return reading.promise;
    }));
  const bytes = new Uint8Array(1);
  reading.resolve(bytes);
  for (const answer of await Promise.all(answers)) assertStrictEquals(answer, bytes);
  assertEquals(reads, 1);
  assertEquals(cache.stats.joined, 9);
});

Deno.test("get() rejects all requests of a failed read and reads again next time", async () => {
  const cache = new BlockCache(roomFor(4));
  const failing = () => Promise.reject(new Error("Cannot read block: disk failed"));
  const answers = [cache.get("a", 0, failing), cache.get("a", 0, mustNotRead)];
  for (const answer of answers) await assertRejects(async () => await answer, Error, "disk failed");
  assertEquals(cache.stats.count, 0);
  assertEquals(await cache.get("a", 0, readZeros), new Uint8Array(blockSize));
});

Deno.test("get() keeps files and indexes apart", async () => {
  const cache = new BlockCache(roomFor(8));
  for (const file of ["a", "b"]) {
    for (const index of [0, 1, 2 ** 32]) {
      await cache.get(file, index, () => Promise.resolve(new TextEncoder().encode(file + index)));
    }
  }
  assertEquals(text(cache.get("a", 1, mustNotRead)), "a1");
  assertEquals(text(cache.get("b", 2 ** 32, mustNotRead)), "b4294967296");
});

Deno.test("capacity 0 and blocks over the capacity pass through", async () => {
  const off = new BlockCache(0);
  await off.get("a", 0, readZeros);
  await off.get("a", 0, readZeros);
  assertEquals(off.stats, { hits: 0, joined: 0, misses: 2, evictions: 0, bytes: 0, count: 0 });

  const small = new BlockCache(blockSize);
  await small.get("a", 0, () => Promise.resolve(new Uint8Array(1)));
  assertEquals((await small.get("a", 1, readZeros)).length, blockSize);
  assertEquals(small.stats.count, 1);
  assertEquals(small.stats.misses, 2);
});

Deno.test("a view counts as the whole buffer that it keeps alive", async () => {
  const cache = new BlockCache(roomFor(4));
  await cache.get("a", 0, () => Promise.resolve(new Uint8Array(roomFor(4)).subarray(0, 1)));
  assertEquals(cache.stats.count, 0);
});

Deno.test("invalidate() forgets held blocks of that file only", async () => {
  const cache = new BlockCache(roomFor(4));
  await cache.get("a", 0, readZeros);
  await cache.get("b", 0, readZeros);
  cache.invalidate("a");
  cache.invalidate("unknown");
  assertEquals(cache.stats.bytes, roomFor(1));
  cache.get("b", 0, mustNotRead);
  const fresh = new Uint8Array(1);
  assertStrictEquals(await cache.get("a", 0, () => Promise.resolve(fresh)), fresh);
});

Deno.test("invalidate() keeps a read under way from being held or joined", async () => {
  const cache = new BlockCache(roomFor(4));
  const stale = Promise.withResolvers<Uint8Array>();
  const staleAnswer = cache.get("a", 0, () => stale.promise);
  cache.invalidate("a");
  const fresh = new Uint8Array([2]);
  const freshAnswer = cache.get("a", 0, () => Promise.resolve(fresh));
  stale.resolve(new Uint8Array([1]));
  assertEquals(await staleAnswer, new Uint8Array([1]));
  assertStrictEquals(await freshAnswer, fresh);
  assertStrictEquals(cache.get("a", 0, mustNotRead), fresh);
});

Deno.test("the cache never exceeds its capacity and always gives the right bytes", async () => {
  const request = fc.record({
    file: fc.constantFrom("a", "b", "c"),
    index: fc.nat(20),
    invalidate: fc.integer({ min: 0, max: 30 }).map((number) => number === 0),
  });
  await fc.assert(
    fc.asyncProperty(fc.nat(8000), fc.array(request, { maxLength: 200 }), async (capacity, all) => {
      const cache = new BlockCache(capacity);
      for (const { file, index, invalidate } of all) {
        if (invalidate) cache.invalidate(file);
        const bytes = await cache.get(file, index, () => Promise.resolve(sample(file, index)));
        assertEquals(bytes, sample(file, index));
        assert(cache.stats.bytes <= capacity);
      }
      const { hits, misses, evictions, count } = cache.stats;
      assertEquals(hits + misses, all.length);
      assert(evictions + count <= misses);
      for (const file of ["a", "b", "c"]) cache.invalidate(file);
      assertEquals(cache.stats.bytes + cache.stats.count, 0);
    }),
    { seed: 1 },
  );
});

Deno.test("a scan of a big file does not push out what is asked for often", async () => {
  const random = randomFrom(1);
  const requests: Request[] = [];
  for (let count = 0; count < 40_000; count++) {
    requests.push({ file: "popular", index: zipf(2000, random) });
    if (count >= 10_000 && count < 30_000) requests.push({ file: "scanned", index: count });
  }
  const kept = await hitRatio(requests, 256);
  const plain = plainLruHitRatio(requests, 256);
  assert(kept > plain * 1.2, `S3-FIFO ${kept.toFixed(3)}, LRU ${plain.toFixed(3)}`);
});

Deno.test("a file that becomes popular takes the place of one that was", async () => {
  const random = randomFrom(2);
  const requests: Request[] = [];
  for (let file = 0; file < 10; file++) {
    // Six leechers fetch the whole file, each a few blocks behind the one before it.
    for (let step = 0; step < 1000 + 5 * 30; step++) {
      for (let leecher = 0; leecher < 6; leecher++) {
        const index = step - leecher * 30 + Math.floor(random() * 10);
        if (index >= 0 && index < 1000) requests.push({ file: `file ${file}`, index });
      }
    }
  }
  const kept = await hitRatio(requests, 256);
  const plain = plainLruHitRatio(requests, 256);
  assert(kept > plain * 0.9, `S3-FIFO ${kept.toFixed(3)}, LRU ${plain.toFixed(3)}`);
});

interface Request {
  file: string;
  index: number;
}

/** Part of the requests that a cache of `count` blocks answers from memory. */
async function hitRatio(requests: Request[], count: number): Promise<number> {
  const cache = new BlockCache(roomFor(count));
  for (const { file, index } of requests) {
    const answer = cache.get(file, index, readZeros);
    if (answer instanceof Promise) await answer;
  }
  return cache.stats.hits / requests.length;
}

function plainLruHitRatio(requests: Request[], count: number): number {
  const held = new Set<string>();
  let hits = 0;
  for (const { file, index } of requests) {
    const name = `${file}:${index}`;
    if (held.delete(name)) hits++;
    else if (held.size === count) held.delete(held.values().next().value!);
    held.add(name);
  }
  return hits / requests.length;
}

/** A rank below `count`, where rank r comes up about 1/(r + 1) times as often as rank 0. */
function zipf(count: number, random: () => number): number {
  return Math.floor((count + 1) ** random()) - 1;
}

/** Mulberry32, a small seeded generator: numbers in [0, 1). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Blocks of all sizes from 0 to 2000 bytes, each with its own content. */
function sample(file: string, index: number): Uint8Array {
  return new Uint8Array(index * 100).fill(index + file.charCodeAt(0));
}

function readZeros(): Promise<Uint8Array> {
  return Promise.resolve(new Uint8Array(blockSize));
}

function mustNotRead(): Promise<Uint8Array> {
  throw new Error("the block was read although it should have been held");
}

function text(answer: Uint8Array | Promise<Uint8Array>): string {
  assert(answer instanceof Uint8Array);
  return new TextDecoder().decode(answer as Uint8Array);
}
