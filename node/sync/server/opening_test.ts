/** Tests of what a space finds on its disk when it is opened after a crash. */

import { assertEquals, assertNotEquals } from "@std/assert";
import { contentKey } from "../../transfer/contents.ts";
import { ServerDisk, TestServer } from "./testing.ts";

const A = "aaaaaaaaaaaaaaaa";
const text = (words: string) => new TextEncoder().encode(words);

/** A disk on which a server had a file, with the index as it was before the file was settled. */
async function diskWith(...files: readonly [path: string, words: string][]): Promise<ServerDisk> {
  const disk = new ServerDisk();
  await using server = new TestServer(disk);
  using a = await server.join(1);
  await a.put(...files.map(([path, words]) => [path, words, `${A}:1`] as const));
  return disk;
}

Deno.test("a small file that a power failure took is put back from the index", async () => {
  const disk = await diskWith(["x", "one"], ["d/y", "two"]);
  const index = disk.indexOf("alice");
  for (const path of ["x", "d/y"]) {
    const { id, size } = index.get(path)!;
    index.keep([{ id, size, bytes: disk.files.bytesOf(`/data/alice/${path}`)! }]);
  }
  disk.files.write("/data/alice/x", text(""));
  disk.files.remove("/data/alice/d");
  const { id } = index;
  await using server = new TestServer(disk);
  using a = await server.join(1);
  assertEquals(disk.textOf("alice", "x"), "one");
  assertEquals(disk.textOf("alice", "d/y"), "two");
  // It may have been an older copy of the index, so the devices list everything again.
  assertNotEquals(a.joined!.index, id);
  assertEquals((await a.entries()).length, 3);
});

Deno.test("kept contents are settled after a while, and at the end", async () => {
  const disk = new ServerDisk();
  await using server = new TestServer(disk);
  using a = await server.join(1);
  await a.put(["x", "one", `${A}:1`]);
  assertEquals([...disk.indexOf("alice").pending()].length, 1);
  const waiting = a.entries(1).catch(() => {});
  for (let passed = 0; passed < 40_000; passed += 5000) {
    void a.connection.request({ type: "ping" }, "ok").catch(() => {});
    await server.pass(5000);
  }
  assertEquals([...disk.indexOf("alice").pending()].length, 0);
  await a.put(["y", "two", `${A}:1`]);
  assertEquals([...disk.indexOf("alice").pending()].length, 1);
  await server.stop();
  await waiting;
  assertEquals([...disk.indexOf("alice").pending()].length, 0);
});

Deno.test("a deletion of which the index never heard is undone", async () => {
  const disk = await diskWith(["x", "one"]);
  const key = keyOf(disk, "x");
  disk.files.move("/data/alice/x", `/data/alice/.p2pnode/trash/${key}`);
  const { id } = disk.indexOf("alice");
  await using server = new TestServer(disk);
  using a = await server.join(1);
  assertEquals(disk.textOf("alice", "x"), "one");
  // It may have been an older copy of the index, so the devices list everything again.
  assertNotEquals(a.joined!.index, id);
  assertEquals(disk.trashCount("alice"), 0);
});

Deno.test("a replacement of which the index never heard is adopted, and what was there can be restored", async () => {
  const disk = await diskWith(["x", "one"]);
  const key = keyOf(disk, "x");
  disk.files.move("/data/alice/x", `/data/alice/.p2pnode/trash/${key}`);
  disk.files.write("/data/alice/x", text("two"));
  await using server = new TestServer(disk);
  using a = await server.join(1);
  assertEquals(await a.put(["x", "two", `${A}:2`]), ["stored"]);
  await a.connection.request({ type: "restore", path: "x", number: 1 }, "ok");
  assertEquals(disk.textOf("alice", "x"), "one");
});

Deno.test("a replacement of which the index knows as intended is no change by the server", async () => {
  const disk = await diskWith(["x", "one"]);
  const index = disk.indexOf("alice");
  index.commit({ settled: [index.get("x")!] });
  const commit = index.commit.bind(index);
  index.commit = (changes) => {
    if (changes.fulfilled) throw new Error("Cannot use the index: the process is killed");
    commit(changes);
  };
  {
    await using server = new TestServer(disk);
    using a = await server.join(1);
    await a.put(["x", "two", `${A}:2`], ["y", "new", `${A}:1`]).catch(() => {});
  }
  assertEquals(disk.textOf("alice", "x"), "two");
  index.commit = commit;
  await using server = new TestServer(disk);
  using a = await server.join(1);
  assertEquals(index.get("x")?.version, `${A}:2`);
  assertEquals(index.get("y")?.version, `${A}:1`);
  assertEquals(await a.put(["x", "three", `${A}:3`], ["y", "newer", `${A}:2`]), [
    "stored",
    "stored",
  ]);
});

Deno.test("an index that fails ends the space, which is then opened anew", async () => {
  const disk = new ServerDisk();
  await using server = new TestServer(disk);
  using a = await server.join(1);
  const index = disk.indexOf("alice");
  const { commit } = index;
  index.commit = () => {
    throw new Error("Cannot use the index: the disk is full");
  };
  await a.put(["x", "one", `${A}:1`]).catch(() => {});
  await a.connection.closed;
  index.commit = commit;
  using again = await server.join(1);
  assertEquals(disk.opened, ["alice", "alice"]);
  assertEquals(await again.put(["x", "one", `${A}:1`]), ["stored"]);
});

/** The name that a file's content has in the trash. */
function keyOf(disk: ServerDisk, path: string): string {
  const { id, size } = disk.indexOf("alice").get(path)!;
  return contentKey({ id, size });
}
