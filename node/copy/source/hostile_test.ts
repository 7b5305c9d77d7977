import { assert, assertEquals, assertRejects } from "@std/assert";
import { ErrorCode } from "../../../protocol/errors.ts";
import { settled } from "../../../protocol/testing.ts";
import { UNSETTLED_COUNT_MAX } from "../../../protocol/tree_messages.ts";
import { randomBytes } from "../../../tests/files.ts";
import { contentOf } from "../../../tests/sync_simulation/memory_stage.ts";
import { TestCopier, TestSource } from "./testing.ts";

/** Puts as many folders as this into the source; they cost no hashing. */
function addFolders(source: TestSource, count: number): void {
  for (let i = 0; i < count; i++) {
    source.folder.others.set(`${i}`.padStart(6, "0"), { kind: "folder", target: "" });
  }
}

Deno.test("a copier that settles nothing gets no more than the limit, and the walk waits for it", async () => {
  await using source = new TestSource();
  addFolders(source, 2 * UNSETTLED_COUNT_MAX);
  using copier = await source.connect();
  await copier.open();
  const looked = source.folder.walkedCount;
  while (copier.listed.length < UNSETTLED_COUNT_MAX) await copier.list();
  assertEquals(copier.listed.length, UNSETTLED_COUNT_MAX);
  let isAnswered = false;
  const next = copier.list().then(() => isAnswered = true);
  await settled();
  assert(!isAnswered, "more was listed than may be unsettled");
  const walked = source.folder.walkedCount - looked;
  assert(walked < UNSETTLED_COUNT_MAX + 2_000, `the walk is at ${walked}`);
  copier.settle([0]);
  await next;
  assertEquals(copier.listed.length, UNSETTLED_COUNT_MAX + 1);
});

Deno.test("a copier that says nothing is let go, one that shows that it is busy is not", async () => {
  await using source = new TestSource();
  source.folder.write("a.txt", "alpha");
  using idle = await source.connect(1);
  using busy = await source.connect(2);
  using stranger = await source.connect(3);
  await idle.listAll();
  await busy.listAll();
  await source.pass(11_000);
  assert(stranger.connection.isClosed, "nobody needs a place for nothing");
  for (let minute = 0; minute < 11; minute++) {
    busy.settle([]);
    await source.pass(60_000);
  }
  assert(idle.connection.isClosed, "it did nothing for too long");
  assert(!busy.connection.isClosed);
  assertEquals(source.closed[0]!.reason, "Cannot wait: nothing is asked for");
});

Deno.test("a copier that reads nothing is let go, however much it says, and holds up nobody", async () => {
  await using source = new TestSource();
  source.folder.write("large", randomBytes(2 ** 20, 1));
  const stream = await source.dial();
  let isReading = true;
  using deaf = await TestCopier.greet({
    ...stream,
    read: (into) => isReading ? stream.read(into) : new Promise(() => {}),
  });
  const [large] = await deaf.listAll();
  isReading = false;
  const request = { type: "getBlock", id: large!.id, size: large!.size, index: 0 } as const;
  for (let i = 0; i < 8; i++) {
    deaf.connection.ask(request, { answer: () => true, failed: () => {} });
  }
  using other = await source.connect(2);
  const [same] = await other.listAll();
  for (let second = 0; second < 70; second++) {
    deaf.settle([]);
    other.settle([]);
    await source.pass(1_000);
  }
  assertEquals(source.closed[0]?.reason, "Cannot wait: what was sent is not taken");
  assertEquals(same!.id, large!.id);
  assert(!other.connection.isClosed);
});

Deno.test("a copier gets no content that was not listed to it", async () => {
  await using source = new TestSource();
  source.folder.write("dira/a.txt", "alpha");
  source.folder.write("dirb/secret.txt", "secret");
  using one = await source.connect(1);
  using other = await source.connect(2);
  await one.listAll("dirb");
  await other.listAll("dira");
  const secret = contentOf(new TextEncoder().encode("secret"));
  assertEquals(await one.textOf(secret), "secret");
  assertEquals(await other.textOf(secret), undefined);
  const requests = [
    { type: "getHashes", ...secret },
    { type: "getLeaves", ...secret, index: 0 },
    { type: "getRecipe", ...secret, offset: 0, length: secret.size },
  ] as const;
  for (const request of requests) {
    const { promise, reject, resolve } = Promise.withResolvers<void>();
    other.connection.ask(request, {
      answer: () => {
        resolve();
        return true;
      },
      failed: reject,
    });
    await assertRejects(() => promise, Error, "not here");
  }
  await other.listAll("dirb");
  assertEquals(await other.textOf(secret), "secret");
});

Deno.test("a copier that asks out of turn is cut off", async () => {
  const cases: Record<string, (copier: TestCopier) => unknown> = {
    "no tree is open": (copier) => copier.list(),
    "too many pages": async (copier) => {
      await copier.open();
      const pages = Array.from({ length: 20 }, () => copier.list().catch(() => {}));
      await Promise.all(pages);
    },
    "settle entry 1": async (copier) => {
      await copier.listAll();
      copier.settle([1]);
    },
    "settle entry 0": async (copier) => {
      await copier.open();
      copier.settle([], [0]);
    },
    "makes no sense": (copier) => copier.connection.request({ type: "getEntries", after: 0 }, "ok"),
  };
  for (const [expected, misbehave] of Object.entries(cases)) {
    await using source = new TestSource();
    source.folder.write("a.txt", "alpha");
    using copier = await source.connect();
    await Promise.resolve(misbehave(copier)).catch(() => {});
    const reason = await copier.connection.closed;
    assert(reason?.message.includes(expected), `${expected}: ${reason?.message}`);
  }
});

Deno.test("a copier that hangs up in the middle takes nothing from the others", async () => {
  await using source = new TestSource({ queueLength: 1, workerCount: 8 });
  for (let i = 0; i < 100; i++) source.folder.write(`${i}.txt`, `text ${i}`);
  const copiers = await Promise.all([1, 2, 3, 4].map((number) => source.connect(number)));
  const listing = copiers.map((copier) => copier.listAll());
  copiers[0]!.connection.close();
  const [gone, ...others] = await Promise.allSettled(listing);
  assertEquals(gone!.status, "rejected");
  assertEquals(others.map(({ status }) => status), ["fulfilled", "fulfilled", "fulfilled"]);
  for (const copier of copiers.slice(1)) {
    assertEquals(copier.listed.length, 100);
    assertEquals(await copier.textOf(copier.listed[7]!), "text 15");
    copier.settleAll();
  }
  await source.pass(2_000);
  for (const copier of copiers.slice(1)) assert(copier.connection.isClosed);
});

Deno.test("a tree takes the place of one that is still being looked through", async () => {
  await using source = new TestSource();
  addFolders(source, 5_000);
  source.folder.write("dira/a.txt", "alpha");
  using copier = await source.connect();
  const first = assertRejects(() => copier.open(), Error, "another tree was asked for");
  assertEquals((await copier.open("dira")).fileCount, 1);
  await first;
  while (!(await copier.list()).last);
  assertEquals(copier.listed.map(({ path }) => path), ["dira", "dira/a.txt"]);
  assertEquals([source.opened.length, source.closed.length], [1, 0]);
});

Deno.test("a source that is stopped tells its copiers so", async () => {
  const source = new TestSource();
  source.folder.write("a.txt", "alpha");
  using copier = await source.connect();
  await copier.listAll();
  await source.stop();
  const reason = await copier.connection.closed;
  assertEquals((reason as { code?: number } | undefined)?.code, ErrorCode.failed);
  assertEquals(reason?.message, "Cannot go on: the source stops");
});
