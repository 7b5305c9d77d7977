import { assertEquals } from "@std/assert";
import { settled } from "../../../protocol/testing.ts";
import { FileQueue, inRuns } from "./file_queue.ts";

const MIB = 1024 * 1024;

function file(name: string, size = 1) {
  return { name, size };
}

function namesOf(files: readonly { readonly name: string }[]): string[] {
  return files.map(({ name }) => name);
}

Deno.test("put() waits while the queue is full, and those who wait get in one after the other", async () => {
  const queue = new FileQueue<{ name: string; size: number }>(2);
  assertEquals(queue.put(file("a")), undefined);
  assertEquals(queue.put(file("b")), undefined);
  const entered: string[] = [];
  for (const name of ["c", "d", "e"]) queue.put(file(name))!.then(() => entered.push(name));
  await settled();
  assertEquals(entered, []);
  assertEquals(namesOf(await queue.take()), ["a", "b"]);
  await settled();
  assertEquals(entered, ["c", "d"]);
  assertEquals(namesOf(await queue.take()), ["c", "d"]);
  assertEquals(namesOf(await queue.take()), ["e"]);
});

Deno.test("take() waits for files, each of which goes to one worker", async () => {
  const queue = new FileQueue<{ name: string; size: number }>(8);
  const taken = [queue.take(), queue.take()];
  queue.put(file("a"));
  await settled();
  queue.put(file("b"));
  assertEquals((await Promise.all(taken)).map(namesOf), [["a"], ["b"]]);
});

Deno.test("take() takes small files together, and a large one alone", async () => {
  const queue = new FileQueue<{ name: string; size: number }>(300);
  for (const name of ["a", "b"]) queue.put(file(name, 3 * MIB));
  queue.put(file("large", 100 * MIB));
  for (let i = 0; i < 260; i++) queue.put(file(`${i}`));
  assertEquals(namesOf(await queue.take()), ["a", "b"]);
  assertEquals(namesOf(await queue.take()), ["large"]);
  assertEquals((await queue.take()).length, 256);
  assertEquals((await queue.take()).length, 4);
});

Deno.test("inRuns() puts the files of all batches into runs, in their order", async () => {
  async function* batches() {
    for (let batch = 0; batch < 3; batch++) {
      yield Array.from({ length: 100 }, (_, i) => file(`${100 * batch + i}`));
      await settled();
    }
    yield [file("large", 100 * MIB), file("last")];
  }
  const runs: (readonly { name: string }[])[] = [];
  for await (const run of inRuns(batches())) runs.push(run);
  assertEquals(runs.map(({ length }) => length), [256, 44, 1, 1]);
  const names = Array.from({ length: 300 }, (_, i) => `${i}`);
  assertEquals(runs.flatMap(namesOf), [...names, "large", "last"]);
});

Deno.test("close() ends all waiting", async () => {
  const queue = new FileQueue<{ name: string; size: number }>(1);
  const taking = queue.take();
  queue.close();
  assertEquals(await taking, []);
  const full = new FileQueue<{ name: string; size: number }>(1);
  full.put(file("a"));
  const entering = full.put(file("b"));
  full.close();
  await entering;
  assertEquals(await full.take(), []);
  assertEquals(full.put(file("c")), undefined);
});
