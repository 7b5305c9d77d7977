import { assert, assertEquals, assertRejects } from "@std/assert";
import { inOrder } from "./in_order.ts";

/** Jobs that end when the test says so. */
function heldJobs() {
  const jobs = new Map<number, PromiseWithResolvers<string>>();
  const run = (item: number) => {
    const job = Promise.withResolvers<string>();
    jobs.set(item, job);
    return job.promise;
  };
  return { run, jobs, started: () => [...jobs.keys()] };
}

Deno.test("inOrder() yields in the order of the items, whichever ends first", async () => {
  const { run, jobs } = heldJobs();
  const results = Array.fromAsync(inOrder([1, 2, 3], 3, run));
  await Promise.resolve();
  for (const item of [3, 1, 2]) jobs.get(item)!.resolve(`result ${item}`);
  assertEquals(await results, ["result 1", "result 2", "result 3"]);
});

Deno.test("inOrder() starts no more than `width` and asks for items only then", async () => {
  const { run, jobs, started } = heldJobs();
  const asked: number[] = [];
  function* items() {
    for (let item = 1; item <= 4; item++) {
      asked.push(item);
      yield item;
    }
  }
  const results = inOrder(items(), 2, run);
  const first = results.next();
  await Promise.resolve();
  assertEquals([started(), asked], [[1, 2], [1, 2]]);
  jobs.get(1)!.resolve("a");
  assertEquals(await first, { value: "a", done: false });
  const second = results.next();
  await Promise.resolve();
  assertEquals([started(), asked], [[1, 2, 3], [1, 2, 3]]);
  jobs.get(2)!.resolve("b");
  assertEquals((await second).value, "b");
  jobs.get(3)!.resolve("c");
  await results.return();
});

Deno.test("inOrder() ends with the first failure in order, after all that is running", async () => {
  const { run, jobs } = heldJobs();
  const results = inOrder([1, 2, 3], 3, run);
  const first = results.next();
  await Promise.resolve();
  jobs.get(2)!.reject(new Error("two"));
  jobs.get(1)!.resolve("one");
  assertEquals((await first).value, "one");
  let ended = false;
  const second = results.next().finally(() => ended = true);
  second.catch(() => {});
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  assert(!ended, "it ended while the third job was running");
  jobs.get(3)!.resolve("three");
  await assertRejects(() => second, Error, "two");
  assertEquals((await results.next()).done, true);
});
