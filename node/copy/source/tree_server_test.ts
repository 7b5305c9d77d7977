import { assert, assertEquals, assertRejects } from "@std/assert";
import { settled } from "../../../protocol/testing.ts";
import { TestSource, textId } from "./testing.ts";

Deno.test("a source lists folders before what is in them, files with id, size and mode, and links", async () => {
  await using source = new TestSource();
  source.folder.write("dira/a.txt", "alpha");
  source.folder.write("dira/run.sh", "#!", true);
  source.folder.makeFolder("dira/empty");
  source.folder.others.set("dira/z-link", { kind: "link", target: "a.txt" });
  source.folder.others.set("dira/zz-pipe", { kind: "skipped", target: "it is a pipe" });
  source.folder.write("other/b.txt", "beta");
  using copier = await source.connect();
  const tree = await copier.open("dira");
  assertEquals(tree, { type: "tree", fileCount: 2, byteCount: 7, otherCount: 4 });
  while (!(await copier.list()).last);
  const none = new Uint8Array(32);
  const entry = { id: none, size: 0, executable: false, target: "" };
  assertEquals(copier.listed, [
    { ...entry, path: "dira", kind: "folder" },
    { ...entry, path: "dira/a.txt", kind: "file", id: textId("alpha"), size: 5 },
    { ...entry, path: "dira/empty", kind: "folder" },
    { ...entry, path: "dira/run.sh", kind: "file", id: textId("#!"), size: 2, executable: true },
    { ...entry, path: "dira/z-link", kind: "link", target: "a.txt" },
    { ...entry, path: "dira/zz-pipe", kind: "skipped", target: "it is a pipe" },
  ]);
});

Deno.test("a source hands out what is listed until it is settled, and closes when all is", async () => {
  await using source = new TestSource();
  source.folder.write("a.txt", "alpha");
  source.folder.write("b.txt", "beta");
  using copier = await source.connect();
  const [a, b] = await copier.listAll();
  assertEquals(await copier.textOf(a!), "alpha");
  copier.settle([0]);
  assertEquals(await copier.textOf(a!), undefined);
  assertEquals(await copier.textOf(b!), "beta");
  copier.settle([], [1]);
  await settled();
  await source.pass(2_000);
  assertEquals(await copier.connection.closed, undefined);
  const [closed] = source.closed;
  assertEquals(closed!.reason, undefined);
  assertEquals([closed!.filesDone, closed!.filesFailed, closed!.bytesSent], [1, 1, 9]);
});

Deno.test("a source refuses paths that lead out, and goes on", async () => {
  await using source = new TestSource();
  source.folder.write("a.txt", "alpha");
  using copier = await source.connect();
  for (const path of ["..", "/etc", "a/../..", "x\0y"]) {
    await assertRejects(() => copier.open(path), Error, "Cannot copy");
  }
  await assertRejects(() => copier.open("missing"), Error, "there is no such folder here");
  assertEquals((await copier.listAll()).length, 1);
});

Deno.test("a source cuts off who settles what is not listed", async () => {
  await using source = new TestSource();
  source.folder.write("a.txt", "alpha");
  using copier = await source.connect();
  await copier.listAll();
  copier.settle([0, 0]);
  const reason = await copier.connection.closed;
  assert(reason?.message.includes("not listed, or settled already"), reason?.message);
  await settled();
  assertEquals(source.closed[0]!.filesDone, 1);
});
