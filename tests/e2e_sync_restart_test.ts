/** Crashes, cut connections and lost indexes: looking again mends everything. */

import { assertEquals } from "@std/assert";
import { CountingProxy } from "./counting_proxy.ts";
import { PRIVATE, startSync, type TestFolder, type TestSync, until } from "./devices.ts";
import type { JsonEvent } from "./harness.ts";
import { MIB } from "./swarm.ts";

Deno.test("a server that is killed in the middle of an upload has what it acknowledged, and gets the rest", async () => {
  await using sync = await startSync();
  await using proxy = new CountingProxy(sync.port);
  const laptop = await sync.startDevice("laptop", { port: proxy.port });
  proxy.upMax = 10 * MIB;
  await laptop.write("large.bin", { size: 12 * MIB });
  await Promise.all(
    Array.from(
      { length: 2_000 },
      (_, index) => laptop.write(`many/${index}.bin`, { size: 4_000, seed: index }),
    ),
  );
  await until(() => proxy.up >= proxy.upMax, "a part of the upload");
  await sync.killServer();
  // A file may be sent, and acknowledged, before all of it is written.
  const isWhole = ({ name, size }: JsonEvent) =>
    Deno.statSync(laptop.join(String(name))).size === size;
  const acknowledged = laptop.process.events
    .filter((event) => event.event === "sent" && event.kind === "file" && isWhole(event))
    .map(({ name }) => String(name));
  for (const name of acknowledged) {
    const path = `${sync.userFolder()}/${name}`;
    assertEquals(Deno.readFileSync(path), Deno.readFileSync(laptop.join(name)), name);
  }
  proxy.upMax = Infinity;
  await sync.startServer();
  await sync.converge(laptop);
  const desktop = await sync.startDevice("desktop");
  await sync.converge(laptop, desktop);
  console.log(`${acknowledged.length} files were acknowledged before the server's death`);
});

Deno.test("a connection that is cut again and again delays things and spoils nothing", async () => {
  await using sync = await startSync();
  await using proxy = new CountingProxy(sync.port);
  const laptop = await sync.startDevice("laptop", { port: proxy.port });
  const desktop = await sync.startDevice("desktop");
  proxy.limit = 8 * MIB;
  for (let round = 0; round < 5; round++) {
    await laptop.write(`large-${round}.bin`, { size: 2 * MIB, seed: round });
    await desktop.write(`other-${round}.bin`, { size: MIB, seed: round + 10 });
    await new Promise((resolve) => setTimeout(resolve, 100 + 80 * round));
    proxy.cut();
  }
  proxy.limit = undefined;
  await sync.converge(laptop, desktop);
  assertEquals(Object.keys(await desktop.tree()).length, 10);
});

/** Stops both devices and the server, and starts them again around a change of what is at rest. */
async function whileAtRest(change: (sync: TestSync) => void | Promise<void>): Promise<TestSync> {
  const sync = await startSync();
  const laptop = await sync.startDevice("laptop");
  const desktop = await sync.startDevice("desktop");
  for (let index = 0; index < 40; index++) await laptop.write(`docs/${index}.txt`, `text ${index}`);
  await laptop.write("large.bin", { size: MIB });
  await sync.converge(laptop, desktop);
  await Promise.all([laptop.stop(), desktop.stop()]);
  sync.server.signal("SIGTERM");
  assertEquals(await sync.server.exit(), 0);
  await change(sync);
  await sync.startServer();
  return sync;
}

/** Everything is as it was: nothing went, and nothing doubled. */
async function assertWhole(sync: TestSync, names = 40 + 2): Promise<void> {
  const laptop = await sync.startDevice("laptop");
  const desktop = await sync.startDevice("desktop");
  await sync.converge(laptop, desktop);
  assertEquals(Object.keys(await laptop.tree()).length, names);
}

const INDEX_FILES = ["index.db", "index.db-wal", "index.db-shm"];

async function dropIndex(folder: TestFolder): Promise<void> {
  for (const name of INDEX_FILES) await folder.remove(`${PRIVATE}/${name}`).catch(() => {});
}

for (const [whose, folder] of [["device", "laptop"], ["server", "server/alice"]] as const) {
  Deno.test(`the index of a ${whose} that is deleted is made anew, and nothing is deleted`, async () => {
    await using sync = await whileAtRest((sync) => dropIndex(sync.folder(folder)));
    await assertWhole(sync);
  });

  Deno.test(`the index of a ${whose} that is damaged is made anew, and nothing is deleted`, async () => {
    await using sync = await whileAtRest((sync) =>
      sync.folder(folder).write(`${PRIVATE}/index.db`, { size: 50_000, seed: 3 })
    );
    await assertWhole(sync);
  });
}

Deno.test("both indexes may go at once", async () => {
  await using sync = await whileAtRest(async (sync) => {
    for (const folder of ["laptop", "desktop", "server/alice"]) {
      await dropIndex(sync.folder(folder));
    }
  });
  await assertWhole(sync);
});

Deno.test("a file that is missing in the server's folder comes back from a device", async () => {
  await using sync = await whileAtRest(async (sync) => {
    await sync.folder("server/alice").remove("docs/7.txt");
    await sync.folder("server/alice").remove("large.bin");
  });
  await assertWhole(sync);
});

Deno.test("a file that an operator puts into the server's folder reaches the devices", async () => {
  await using sync = await whileAtRest((sync) =>
    sync.folder("server/alice").write("docs/operator.txt", "o")
  );
  await assertWhole(sync, 40 + 3);
});
