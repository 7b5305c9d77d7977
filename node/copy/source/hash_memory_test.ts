import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../../protocol/testing.ts";
import { HashMemory } from "./hash_memory.ts";

function idOf(number: number): Uint8Array {
  const id = new Uint8Array(32).fill(7);
  new DataView(id.buffer).setUint32(0, number);
  return id;
}

function fileOf(number: number) {
  return { path: `folder/${number}.txt`, stamp: `${number}.4096.1700000000000.1700000000000` };
}

Deno.test("get() answers what was set for the path and the stamp", () => {
  const memory = new HashMemory({ countMax: 1024, random: seededRandom(1) });
  const file = fileOf(1);
  assertEquals(memory.get(file), undefined);
  memory.set(file, idOf(1));
  assertEquals(memory.get(file), idOf(1));
  assertEquals(memory.get({ ...file, stamp: `${file.stamp}.x` }), undefined);
  assertEquals(memory.get({ ...file, path: "folder/2.txt" }), undefined);
  memory.set(file, idOf(2));
  assertEquals(memory.get(file), idOf(2));
});

Deno.test("path and stamp do not run into each other", () => {
  const memory = new HashMemory({ countMax: 1024, random: seededRandom(1) });
  memory.set({ path: "ab", stamp: "c" }, idOf(1));
  assertEquals(memory.get({ path: "a", stamp: "bc" }), undefined);
  assertEquals(memory.get({ path: "", stamp: "abc" }), undefined);
});

Deno.test("get() tells 100,000 files apart, also after the table has grown", () => {
  const memory = new HashMemory({ countMax: 2 ** 18, random: seededRandom(1) });
  for (let i = 0; i < 100_000; i++) memory.set(fileOf(i), idOf(i));
  for (let i = 0; i < 100_000; i++) assertEquals(memory.get(fileOf(i)), idOf(i));
  for (let i = 100_000; i < 110_000; i++) assertEquals(memory.get(fileOf(i)), undefined);
});

Deno.test("a full memory forgets what was not asked for lately, and keeps the rest", () => {
  const countMax = 4096;
  const memory = new HashMemory({ countMax, random: seededRandom(1) });
  for (let i = 0; i < 20_000; i++) {
    memory.set(fileOf(i), idOf(i));
    assertEquals(memory.get(fileOf(0)), idOf(0));
  }
  let count = 0;
  for (let i = 0; i < 20_000; i++) if (memory.get(fileOf(i)) !== undefined) count++;
  assert(count >= countMax / 2 && count <= countMax, `${count} are remembered`);
  assertEquals(memory.get(fileOf(19_999)), idOf(19_999));
});
