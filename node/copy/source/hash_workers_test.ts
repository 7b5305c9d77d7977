import { assertEquals } from "@std/assert";
import { seededRandom } from "../../../protocol/testing.ts";
import type { LocalFile } from "../../transfer/stage.ts";
import { HashMemory } from "./hash_memory.ts";
import { HashWorkers } from "./hash_workers.ts";
import { MemorySource } from "./testing.ts";

const COUNT = 400;

/** A source of two folders with files in each, whose workers note what they hash once they are let go on. */
function setUp() {
  const folder = new MemorySource();
  for (const top of ["a", "b"]) {
    for (let i = 0; i < COUNT; i++) folder.write(`${top}/${i}`, `${top} ${i}`);
  }
  const hashed: string[] = [];
  const go = Promise.withResolvers<void>();
  const workers = new HashWorkers({
    folder,
    contents: {
      async *hashFiles(files: readonly LocalFile[]) {
        await go.promise;
        for (const { path, size } of files) {
          hashed.push(path.slice(folder.root.length + 1));
          yield { id: new Uint8Array(32), size };
        }
      },
    },
    memory: new HashMemory({ countMax: 8192, random: seededRandom(1) }),
    workerCount: 1,
    queueLength: 16,
  });
  return { folder, workers, hashed, go: () => go.resolve() };
}

Deno.test("hashAhead() hashes everything once", async () => {
  const { folder, workers, hashed, go } = setUp();
  go();
  await workers.hashAhead();
  assertEquals(hashed.length, 2 * COUNT);
  assertEquals(new Set(hashed).size, 2 * COUNT);
  await workers.hashAhead();
  assertEquals([hashed.length, folder.walkedCount], [2 * COUNT, 2 * (2 * COUNT + 2)]);
  await workers.close();
});

Deno.test("hashAhead() leaves out what somebody else has walked through meanwhile", async () => {
  const { folder, workers, hashed, go } = setUp();
  const ahead = workers.hashAhead();
  workers.noteWalked("b");
  go();
  await ahead;
  assertEquals(hashed.filter((path) => path.startsWith("a/")).length, COUNT);
  assertEquals(hashed.length, COUNT);
  // The folder itself is found, and nothing in it.
  assertEquals(folder.walkedCount, COUNT + 2);
  await workers.close();
});

Deno.test("hash() has a file hashed once for all who want it in the same state", async () => {
  const { workers, hashed, go } = setUp();
  const told: string[] = [];
  const listener = (name: string) => ({ isWaiting: true, hashed: () => void told.push(name) });
  const file = { path: "a/1", size: 3, stamp: "old" };
  const all = [workers.hash(file, listener("one")), workers.hash(file, listener("two"))];
  all.push(workers.hash({ ...file, stamp: "new" }, listener("three")));
  await Promise.all(all);
  go();
  await workers.close();
  assertEquals(hashed.filter((path) => path === "a/1").length, 2);
  assertEquals(told.sort(), ["one", "three", "two"]);
});
