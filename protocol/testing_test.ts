import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { toHex } from "./bytes.ts";
import { duplexPair, seededRandom, settled } from "./testing.ts";

Deno.test("seededRandom() repeats itself, within [0, 1)", () => {
  const first = seededRandom(7);
  const second = seededRandom(7);
  const numbers = Array.from({ length: 1000 }, first);
  assertEquals(numbers, Array.from({ length: 1000 }, second));
  assert(numbers.every((number) => number >= 0 && number < 1));
  const mean = numbers.reduce((sum, number) => sum + number) / numbers.length;
  assert(Math.abs(mean - 0.5) < 0.05, `the mean is ${mean}`);
});

Deno.test("duplexPair() carries every byte, in order, in whatever slices", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ size: "large" }),
      fc.integer({ min: 1, max: 300 }),
      fc.nat(),
      async (bytes, capacity, seed) => {
        const [a, b] = duplexPair({ capacity, random: seededRandom(seed) });
        const writing = (async () => {
          for (let at = 0; at < bytes.length;) at += await a.write(bytes.subarray(at));
          a.close();
        })();
        const received: number[] = [];
        const into = new Uint8Array(100);
        for (let count; (count = await b.read(into)) !== null;) {
          received.push(...into.subarray(0, count));
        }
        await writing;
        assertEquals(toHex(new Uint8Array(received)), toHex(bytes));
      },
    ),
  );
});

Deno.test("duplexPair() makes a writer wait while nobody reads", async () => {
  const [a, b] = duplexPair({ capacity: 10 });
  assertEquals(await a.write(new Uint8Array(15)), 10);
  let written = false;
  void a.write(new Uint8Array(5)).then(() => written = true);
  await settled();
  assertEquals(written, false);
  assertEquals(await b.read(new Uint8Array(100)), 10);
  await settled();
  assertEquals(written, true);
});

Deno.test("duplexPair() ends for the other side, and breaks for the side that closed", async () => {
  const [a, b] = duplexPair();
  await a.write(new Uint8Array([1, 2]));
  const waiting = assertRejects(() => a.read(new Uint8Array(1)), Error, "closed");
  a.close();
  a.close();
  await waiting;
  await assertRejects(() => a.write(new Uint8Array(1)), Error, "closed");
  await assertRejects(() => b.write(new Uint8Array(1)), Error, "broken pipe");
  assertEquals(await b.read(new Uint8Array(10)), 2);
  assertEquals(await b.read(new Uint8Array(10)), null);
});
