/** Tests of the whole sync server over a simulated disk and streams in memory. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ErrorCode, RemoteError } from "../../../protocol/errors.ts";
import { settled } from "../../../protocol/testing.ts";
import { ServerDisk, TestServer } from "./testing.ts";
import type { TestDevice } from "./testing.ts";

const A = "aaaaaaaaaaaaaaaa";
const B = "bbbbbbbbbbbbbbbb";

/** The code with which a request is refused. */
async function refusalOf(answer: Promise<unknown>): Promise<number> {
  return (await assertRejects(() => answer, RemoteError)).code;
}

Deno.test("a file that one device puts reaches the other", async () => {
  await using server = new TestServer();
  using a = await server.join(1);
  using b = await server.join(2);
  const waiting = b.entries(b.joined!.sequence);
  assertEquals(await a.put(["docs", "folder/", `${A}:1`], ["docs/x", "one", `${A}:1`]), [
    "stored",
    "stored",
  ]);
  assertEquals((await waiting).map(({ path, kind }) => [path, kind]), [
    ["docs", "folder"],
    ["docs/x", "file"],
  ]);
  assertEquals(server.disk.textOf("alice", "docs/x"), "one");
});

Deno.test("a third device is refused, and a place is free again at once", async () => {
  await using server = new TestServer();
  using a = await server.join(1);
  using _b = await server.join(2);
  using c = await server.connect(3);
  const error = await assertRejects(() => c.join("alice"), RemoteError);
  assertEquals(error.code, ErrorCode.busy);
  assertStringIncludes(error.message, "laptop (192.0.2.1), laptop (192.0.2.1)");
  a.connection.close();
  await settled();
  await settled();
  using d = await server.join(4);
  assertEquals((await d.connection.request({ type: "getDevices" }, "devices")).devices.length, 2);
});

Deno.test("two that race for the last place do not both get it", async () => {
  await using server = new TestServer();
  using _a = await server.join(1);
  using b = await server.connect(2);
  using c = await server.connect(3);
  const joins = await Promise.allSettled([b.join("alice"), c.join("alice")]);
  assertEquals(joins.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
});

Deno.test("a device that comes again replaces its old connection", async () => {
  await using server = new TestServer();
  using a = await server.join(1);
  using again = await server.join(1);
  using _b = await server.join(2);
  await a.connection.closed;
  assertEquals(again.connection.isClosed, false);
});

Deno.test("a user's name leads nowhere else", async () => {
  await using server = new TestServer();
  for (const name of ["../bob", "..", ".", ".hidden", "", "a/b", "a\0", "\u00e9"]) {
    using device = await server.connect(1);
    assertEquals(await refusalOf(device.join(name)), ErrorCode.malformed);
  }
  assertEquals(server.disk.opened, []);
});

Deno.test("an entry is stored if it follows, stale otherwise, and the same on both sides merges", async () => {
  await using server = new TestServer();
  using a = await server.join(1);
  using b = await server.join(2);
  assertEquals(await a.put(["x", "one", `${A}:1`]), ["stored"]);
  assertEquals(await b.put(["x", "two", `${B}:1`]), ["stale"]);
  assertEquals(await b.put(["x", "one", `${B}:1`]), ["stored"]);
  const [merged] = await a.entries();
  assertEquals(merged!.version, `${A}:1,${B}:1`);
  assertEquals(await a.put(["x", "one", `${A}:1`]), ["stale"]);
  assertEquals(await a.put(["x", "three", `${A}:2,${B}:1`]), ["stored"]);
  assertEquals(server.disk.textOf("alice", "x"), "three");
});

Deno.test("a move in one batch sends no content and leaves nothing in the trash", async () => {
  await using server = new TestServer();
  using a = await server.join(1);
  await a.put(["x", "one", `${A}:1`]);
  a.asked.length = 0;
  assertEquals(await a.put(["y", "one", `${A}:1`], ["x", null, `${A}:2`]), ["stored", "stored"]);
  assertEquals(a.asked, []);
  assertEquals(server.disk.textOf("alice", "x"), undefined);
  assertEquals(server.disk.textOf("alice", "y"), "one");
  assertEquals(server.disk.trashCount("alice"), 0);
});

Deno.test("two files swap their contents, and nothing is fetched", async () => {
  await using server = new TestServer();
  using a = await server.join(1);
  await a.put(["x", "one", `${A}:1`], ["y", "two", `${A}:1`]);
  a.forgetContents();
  const swapped = [a.entryOf(["x", "two", `${A}:2`]), a.entryOf(["y", "one", `${A}:2`])];
  a.forgetContents();
  assertEquals(await a.putEntries(swapped), ["stored", "stored"]);
  assertEquals(server.disk.textOf("alice", "x"), "two");
  assertEquals(server.disk.textOf("alice", "y"), "one");
});

Deno.test("a content that the device does not have is absent", async () => {
  await using server = new TestServer();
  using a = await server.join(1);
  const entry = a.entryOf(["x", "one", `${A}:1`]);
  a.forgetContents();
  assertEquals(await a.putEntries([entry]), ["absent"]);
  assertEquals(server.disk.textOf("alice", "x"), undefined);
});

Deno.test("many files with the same content are fetched once", async () => {
  await using server = new TestServer();
  using a = await server.join(1);
  const outcomes = await a.put(
    ["x", "one", `${A}:1`],
    ["y", "one", `${A}:1`],
    ["z", "one", `${A}:1`],
  );
  assertEquals(outcomes, ["stored", "stored", "stored"]);
  assertEquals(a.asked.length, 1);
  assertEquals(server.disk.textOf("alice", "z"), "one");
});

Deno.test("a folder becomes a file and the reverse in one batch", async () => {
  await using server = new TestServer();
  using a = await server.join(1);
  await a.put(["d", "folder/", `${A}:1`], ["d/x", "one", `${A}:1`], ["f", "two", `${A}:1`]);
  const outcomes = await a.put(
    ["d/x", null, `${A}:2`],
    ["d", "three", `${A}:2`],
    ["f", "folder/", `${A}:2`],
    ["f/y", "four", `${A}:1`],
  );
  assertEquals(outcomes, ["stored", "stored", "stored", "stored"]);
  assertEquals(server.disk.textOf("alice", "d"), "three");
  assertEquals(server.disk.textOf("alice", "f/y"), "four");
});

Deno.test("a folder stays for what another device has put into it", async () => {
  await using server = new TestServer();
  using a = await server.join(1);
  using b = await server.join(2);
  await a.put(["d", "folder/", `${A}:1`]);
  await b.put(["d/x", "one", `${B}:1`]);
  assertEquals(await a.put(["d", null, `${A}:2`]), ["stale"]);
  const folder = (await a.entries()).find(({ path }) => path === "d")!;
  assertEquals(folder.kind, "folder");
  assertEquals(folder.version.includes(`${A}:1,`) || folder.version.includes(`,${A}:1`), true);
});

Deno.test("what comes into a deleted folder makes it again", async () => {
  await using server = new TestServer();
  using a = await server.join(1);
  await a.put(["d", "folder/", `${A}:1`]);
  await a.put(["d", null, `${A}:2`]);
  assertEquals(await a.put(["d/x", "one", `${B}:1`]), ["stored"]);
  assertEquals((await a.entries()).map(({ path, kind }) => [path, kind]), [
    ["d", "folder"],
    ["d/x", "file"],
  ]);
});

Deno.test("a file is refused where its folder is a file", async () => {
  await using server = new TestServer();
  using a = await server.join(1);
  await a.put(["d", "one", `${A}:1`]);
  assertEquals(await a.put(["d/x", "two", `${A}:1`]), ["refused"]);
  assertEquals(server.disk.textOf("alice", "d"), "one");
});

Deno.test("replaced and deleted files can be restored", async () => {
  await using server = new TestServer();
  using a = await server.join(1);
  await a.put(["x", "one", `${A}:1`]);
  await a.put(["x", "two", `${A}:2`]);
  await a.put(["x", null, `${A}:3`]);
  const { versions } = await a.connection.request({ type: "getVersions", path: "x" }, "versions");
  assertEquals(versions.map(({ number, size, device }) => [number, size, device]), [
    [2, 3, "laptop"],
    [1, 3, "laptop"],
  ]);
  await a.connection.request({ type: "restore", path: "x", number: 1 }, "ok");
  assertEquals(server.disk.textOf("alice", "x"), "one");
  const missing = a.connection.request({ type: "restore", path: "x", number: 9 }, "ok");
  assertEquals(await refusalOf(missing), ErrorCode.absent);
});

Deno.test("no more old versions are kept than asked for, and not for longer", async () => {
  await using server = new TestServer();
  using a = await server.join(1);
  for (let i = 1; i <= 8; i++) await a.put(["x", `text ${i}`, `${A}:${i}`]);
  await server.pass(1000);
  assertEquals(server.disk.trashCount("alice"), 3);
  server.wallMs += 31 * 24 * 60 * 60 * 1000;
  a.connection.close();
  await server.stop();
  await using again = new TestServer(server.disk);
  again.wallMs = server.wallMs;
  using b = await again.join(1);
  assertEquals(server.disk.trashCount("alice"), 3);
  await hours(again, b, 2);
  assertEquals(server.disk.trashCount("alice"), 0);
});

Deno.test("a clock that jumps a year ahead takes no old versions", async () => {
  await using server = new TestServer();
  using a = await server.join(1);
  for (let i = 1; i <= 3; i++) await a.put(["x", `text ${i}`, `${A}:${i}`]);
  await hours(server, a, 1);
  server.wallMs += 365 * 24 * 60 * 60 * 1000;
  await hours(server, a, 2);
  assertEquals(server.disk.trashCount("alice"), 2);
});

/** Lets hours pass for a server, with a device that stays. */
async function hours(server: TestServer, device: TestDevice, count: number): Promise<void> {
  for (let passed = 0; passed < count * 3600; passed += 10) {
    void device.connection.request({ type: "ping" }, "ok").catch(() => {});
    await server.pass(10_000);
  }
}

Deno.test("a restarted server knows what it had, and the index keeps its id", async () => {
  const disk = new ServerDisk();
  let id: Uint8Array;
  {
    await using server = new TestServer(disk);
    using a = await server.join(1);
    await a.put(["x", "one", `${A}:1`]);
    id = a.joined!.index;
  }
  await using server = new TestServer(disk);
  using a = await server.join(1);
  assertEquals(a.joined!.index, id);
  assertEquals((await a.entries()).map(({ path }) => path), ["x"]);
});

Deno.test("a file that is missing is no deletion: the index gets another id", async () => {
  const disk = new ServerDisk();
  let id: Uint8Array;
  {
    await using server = new TestServer(disk);
    using a = await server.join(1);
    await a.put(["x", "one", `${A}:1`], ["y", "two", `${A}:1`]);
    id = a.joined!.index;
  }
  disk.files.remove("/data/alice/x");
  await using server = new TestServer(disk);
  using a = await server.join(1);
  assertEquals(String(a.joined!.index) === String(id), false);
  assertEquals((await a.entries()).map(({ path, kind }) => [path, kind]), [["y", "file"]]);
});

Deno.test("a list has an end where the last changes are forgotten", async () => {
  const disk = new ServerDisk();
  {
    await using server = new TestServer(disk);
    using a = await server.join(1);
    await a.put(["x", "one", `${A}:1`], ["y", "two", `${A}:1`]);
  }
  disk.files.remove("/data/alice/x");
  disk.files.remove("/data/alice/y");
  await using server = new TestServer(disk);
  using a = await server.join(1);
  const page = await a.connection.request({ type: "getEntries", after: 0 }, "entries");
  assertEquals(page, { type: "entries", entries: [], sequence: a.joined!.sequence, last: true });
});

Deno.test("a file that was changed on the server's disk reaches the devices", async () => {
  const disk = new ServerDisk();
  {
    await using server = new TestServer(disk);
    using a = await server.join(1);
    await a.put(["x", "one", `${A}:1`]);
  }
  disk.files.write("/data/alice/x", new TextEncoder().encode("edited"));
  disk.files.write("/data/alice/new", new TextEncoder().encode("new"));
  await using server = new TestServer(disk);
  using a = await server.join(1);
  const entries = await a.entries();
  assertEquals(entries.map(({ path, size }) => [path, size]).sort(), [["new", 3], ["x", 6]]);
  assertEquals(await a.put(["x", "mine", `${A}:2`]), ["stale"]);
});

Deno.test("a change on the server's disk meanwhile is not overwritten", async () => {
  await using server = new TestServer();
  using a = await server.join(1);
  await a.put(["x", "one", `${A}:1`]);
  server.disk.files.write("/data/alice/x", new TextEncoder().encode("edited"));
  assertEquals(await a.put(["x", "two", `${A}:2`]), ["stale"]);
  assertEquals(server.disk.textOf("alice", "x"), "edited");
});

Deno.test("a question without an answer is held, and answered with nothing", async () => {
  await using server = new TestServer();
  using a = await server.join(1);
  const waiting = a.entries(0);
  await server.pass(12_000);
  assertEquals(await waiting, []);
});

Deno.test("a list is paged in the order of changes", async () => {
  await using server = new TestServer();
  using a = await server.join(1);
  for (let batch = 0; batch < 2; batch++) {
    const puts = Array.from({ length: 200 }, (_, i) => {
      return [`${"n".repeat(200)} ${batch} ${i}`, "folder/", `${A}:1`] as const;
    });
    await a.put(...puts);
  }
  const paths = new Set<string>();
  for (let after = 0, last = false; !last;) {
    const page = await a.connection.request({ type: "getEntries", after }, "entries");
    for (const { path } of page.entries) paths.add(path);
    ({ sequence: after, last } = page);
  }
  assertEquals(paths.size, 400);
});

Deno.test("a device that knows of later changes than there are has to come again", async () => {
  await using server = new TestServer();
  using a = await server.join(1);
  await assertRejects(() => a.entries(1000));
  using again = await server.join(1);
  assertEquals(String(again.joined!.index) === String(a.joined!.index), false);
});

Deno.test("users share nothing", async () => {
  await using server = new TestServer();
  using a = await server.join(1, "alice");
  await a.put(["x", "one", `${A}:1`]);
  using b = await server.join(2, "bob");
  const stolen = a.entryOf(["x", "one", `${B}:1`]);
  assertEquals(await b.putEntries([stolen]), ["absent"]);
  const { id, size } = stolen;
  const answer = await b.connection.request(
    { type: "getContents", files: [{ id, size }] },
    "contents",
  );
  assertEquals(answer.absent, [0]);
});

Deno.test("entries that make no sense end the connection", async () => {
  await using server = new TestServer();
  const sense = { kind: "folder", id: new Uint8Array(32), size: 0, executable: false } as const;
  const bad = [
    [{ ...sense, path: "../x", version: [{ replica: new Uint8Array(8), count: 1 }] }],
    [{ ...sense, path: "x", version: [] }],
    [{ ...sense, path: "x", size: 5, version: [{ replica: new Uint8Array(8), count: 1 }] }],
    [{ ...sense, path: "x", version: [{ replica: new Uint8Array(8), count: 2 ** 50 }] }],
    [1, 2].map(() => (
      { ...sense, path: "x", version: [{ replica: new Uint8Array(8), count: 1 }] }
    )),
  ];
  for (const entries of bad) {
    using a = await server.join(1);
    await assertRejects(() => a.connection.request({ type: "putEntries", entries }, "put"));
    await settled();
  }
});

Deno.test("a device that sends batches without end is cut off", async () => {
  await using server = new TestServer();
  using a = await server.join(1);
  const entry = a.entryOf(["x", "one", `${A}:1`]);
  const all = Array.from({ length: 20 }, () => a.putEntries([entry]));
  const outcomes = await Promise.allSettled(all);
  assertEquals(outcomes.some(({ status }) => status === "rejected"), true);
});

Deno.test("who does not join is let go, and a dead device frees its place", async () => {
  await using server = new TestServer();
  using stranger = await server.connect(9);
  using a = await server.join(1);
  await server.pass(11_000);
  assertEquals(stranger.connection.isClosed, true);
  assertEquals(a.connection.isClosed, false);
});

Deno.test("a space is closed some time after the last device has gone, and opened again", async () => {
  await using server = new TestServer();
  {
    using a = await server.join(1);
    await a.put(["x", "one", `${A}:1`]);
  }
  await server.pass(40_000);
  assertEquals(server.disk.closed, ["alice"]);
  using b = await server.join(1);
  assertEquals((await b.entries()).map(({ path }) => path), ["x"]);
});

Deno.test("a batch of which the index never heard is undone or adopted", async () => {
  const disk = new ServerDisk();
  {
    await using server = new TestServer(disk);
    using a = await server.join(1);
    await a.put(["x", "one", `${A}:1`]);
  }
  // As a crash in the middle of a move leaves it.
  disk.files.move("/data/alice/x", "/data/alice/y");
  await using server = new TestServer(disk);
  using a = await server.join(1);
  assertEquals(disk.textOf("alice", "x"), "one");
  assertEquals(disk.textOf("alice", "y"), "one");
  assertEquals(await a.put(["y", "one", `${A}:1`], ["x", null, `${A}:2`]), ["stored", "stored"]);
  assertEquals(disk.textOf("alice", "x"), undefined);
});
