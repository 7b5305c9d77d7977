import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../protocol/testing.ts";
import { BufferPool } from "./buffer_pool.ts";

/** Whether `promise` has resolved by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  return await Promise.race([promise.then(() => true), Promise.resolve(false)]);
}

Deno.test("take() lends at once while there is room, and uses what was given back", () => {
  const pool = new BufferPool(100);
  const first = pool.take(60) as ArrayBuffer;
  assertEquals(first.byteLength, 60);
  assertEquals(pool.lent, 60);
  pool.give(first);
  assertEquals(pool.lent, 0);
  assert(pool.take(60) === first);
  assertEquals((pool.take(40) as ArrayBuffer).byteLength, 40);
});

Deno.test("take() lets those who find it empty wait in line", async () => {
  const pool = new BufferPool(100);
  const held = pool.take(100) as ArrayBuffer;
  const large = pool.take(80) as Promise<ArrayBuffer>;
  const small = pool.take(10) as Promise<ArrayBuffer>;
  assert(small instanceof Promise && !await isSettled(small));
  pool.give(held);
  assertEquals((await large).byteLength, 80);
  assertEquals((await small).byteLength, 10);
  assertEquals(pool.lent, 90);
});

Deno.test("take() does not let a small request overtake a large one", async () => {
  const pool = new BufferPool(100);
  const held = pool.take(50) as ArrayBuffer;
  const large = pool.take(80) as Promise<ArrayBuffer>;
  const small = pool.take(10) as Promise<ArrayBuffer>;
  assert(!await isSettled(small));
  pool.give(held);
  await large;
  await small;
});

Deno.test("a buffer larger than the pool is lent alone", async () => {
  const pool = new BufferPool(100);
  const held = pool.take(1) as ArrayBuffer;
  const huge = pool.take(1000) as Promise<ArrayBuffer>;
  pool.give(held);
  assertEquals((await huge).byteLength, 1000);
  const next = pool.take(1) as Promise<ArrayBuffer>;
  assert(!await isSettled(next));
  pool.give(await huge);
  await next;
});

Deno.test("a buffer that is lost makes room as one that is given back", async () => {
  const pool = new BufferPool(100);
  pool.take(100);
  const next = pool.take(100) as Promise<ArrayBuffer>;
  pool.lost(100);
  assertEquals((await next).byteLength, 100);
  assertEquals(pool.lent, 100);
});

Deno.test("lent and kept buffers together stay within the capacity, over random histories", async () => {
  const capacity = 1000;
  for (let seed = 1; seed <= 50; seed++) {
    const random = seededRandom(seed);
    const pool = new BufferPool(capacity);
    const lent: ArrayBuffer[] = [];
    const waiting: Promise<void>[] = [];
    let waitingCount = 0;
    for (let step = 0; step < 300; step++) {
      if (random() < 0.6 && waitingCount < 20) {
        const taken = pool.take([100, 250, 400][Math.floor(random() * 3)]!);
        if (taken instanceof ArrayBuffer) lent.push(taken);
        else {
          waitingCount++;
          waiting.push(taken.then((buffer) => {
            waitingCount--;
            lent.push(buffer);
          }));
        }
      } else if (lent.length > 0) {
        const [buffer] = lent.splice(Math.floor(random() * lent.length), 1);
        if (random() < 0.1) pool.lost(buffer!.byteLength);
        else pool.give(buffer!);
      }
      await Promise.resolve();
      assert(pool.lent <= capacity, `seed ${seed}, step ${step}: ${pool.lent} bytes are lent`);
      const sum = lent.reduce((sum, { byteLength }) => sum + byteLength, 0);
      assertEquals(pool.lent, sum, `seed ${seed}, step ${step}`);
    }
    while (waitingCount > 0) {
      pool.give(lent.shift()!);
      await Promise.resolve();
    }
    await Promise.all(waiting);
    for (const buffer of lent) pool.give(buffer);
    assertEquals(pool.lent, 0, `seed ${seed}`);
  }
});
