/** Tests of what a device does that means no good: it harms nobody but itself. */

import { assertEquals } from "@std/assert";
import { HEADER_SIZE, writeHeader } from "../../../protocol/header.ts";
import { encode, messages } from "../../../protocol/messages.ts";
import type { Message } from "../../../protocol/messages.ts";
import { settled } from "../../../protocol/testing.ts";
import { ServerDisk, TestDevice, TestServer } from "./testing.ts";

const A = "aaaaaaaaaaaaaaaa";
const B = "bbbbbbbbbbbbbbbb";
const REPLICA = new Uint8Array(8).fill(0xaa);
const FOLDER_ENTRY = {
  kind: "folder",
  id: new Uint8Array(32),
  size: 0,
  executable: false,
  version: [{ replica: REPLICA, count: 1 }],
} as const;

const BAD_PATHS = [
  "..",
  "../bob/x",
  "x/../../bob/x",
  "/etc/passwd",
  "/data/bob/x",
  ".p2pnode/index.db",
  ".P2PNODE/key",
  "x/.p2pnode/trash/y",
  "",
  ".",
  "x//y",
  "x/",
  "x\\y",
  "x\0y",
  "x\ny",
  "y".repeat(256),
];

/** A server on which bob has a file. */
async function serverWithBob(): Promise<TestServer> {
  const disk = new ServerDisk();
  const server = new TestServer(disk);
  using bob = await server.join(9, "bob");
  await bob.put(["x", "bob's", `${B}:1`]);
  return server;
}

for (const path of BAD_PATHS) {
  Deno.test(`the path ${JSON.stringify(path.slice(0, 30))} leads nowhere`, async () => {
    await using server = await serverWithBob();
    const before = server.disk.files.paths("/").toSorted();
    const requests: Message[] = [
      { type: "putEntries", entries: [{ ...FOLDER_ENTRY, path }] },
      { type: "getVersions", path },
      { type: "restore", path, number: 1 },
    ];
    for (const request of requests) {
      using device = await server.join(1);
      device.connection.send(request, 1);
      await device.connection.closed;
    }
    const after = server.disk.files.paths("/").toSorted();
    assertEquals(after.filter((one) => !one.startsWith("/data/alice")), before);
    assertEquals(server.disk.indexOf("alice").sequence, 0);
    assertEquals(server.disk.textOf("bob", "x"), "bob's");
  });
}

Deno.test("a table that is larger than any ends the connection, whatever it says of itself", async () => {
  await using server = new TestServer();
  const frame = encode({ type: "putEntries", entries: [{ ...FOLDER_ENTRY, path: "x" }] }, 1);
  const tooMany = frame.slice();
  new DataView(tooMany.buffer).setUint16(HEADER_SIZE, 0xffff);
  const tooLarge = frame.slice();
  const header = { type: messages.putEntries.number, request: 1, chunkSize: 0 };
  writeHeader(new DataView(tooLarge.buffer), 0, { ...header, bodySize: 0xffff_ffff });
  const withChunk = frame.slice();
  writeHeader(new DataView(withChunk.buffer), 0, {
    ...header,
    bodySize: frame.length - HEADER_SIZE,
    chunkSize: 1024 * 1024,
  });
  for (const bytes of [tooMany, tooLarge, withChunk]) {
    const stream = await server.network.connect({ host: "127.0.0.1", port: 7000 });
    using device = await TestDevice.greet(stream, 1);
    await device.join("alice");
    await stream.write(bytes);
    await device.connection.closed;
    await settled();
  }
  assertEquals(server.disk.indexOf("alice").sequence, 0);
});

Deno.test("contents that are put and never delivered hold up nobody else", async () => {
  await using server = new TestServer();
  using silent = await server.join(1);
  using honest = await server.join(2);
  silent.isSilent = true;
  const never = silent.put(["never", "what never comes", `${A}:1`]);
  never.catch(() => {});
  await settled();
  assertEquals(await honest.put(["mine", "mine", `${B}:1`]), ["stored"]);
  // What is on its way from the silent one is waited for, and fetched from this one when that is gone.
  const same = honest.put(["same", "what never comes", `${B}:1`]);
  await settled();
  silent.connection.close();
  assertEquals(await same, ["stored"]);
  assertEquals(server.disk.textOf("alice", "never"), undefined);
  assertEquals(server.disk.textOf("alice", "same"), "what never comes");
  assertEquals(server.disk.files.paths("/data/alice/.p2pnode/stage"), []);
});

Deno.test("bytes that are not those of the content are not stored", async () => {
  await using server = new TestServer();
  using liar = await server.join(1);
  const entry = liar.entryOf(["x", "the truth", `${A}:1`]);
  liar.replaceBytes(entry, "a lie!!!!");
  const outcome = await liar.putEntries([entry]).catch(() => ["cut off"]);
  assertEquals(outcome.includes("stored"), false);
  assertEquals(server.disk.textOf("alice", "x"), undefined);
  assertEquals(server.disk.files.paths("/data/alice/.p2pnode/stage"), []);
});

Deno.test("a device that says which contents are coming, as only a server may, is let go", async () => {
  await using server = new TestServer();
  using liar = await server.join(1);
  liar.connection.send({ type: "coming", id: new Uint8Array(32), size: 2 ** 40, ready: 2 ** 31 });
  assertEquals(
    (await liar.connection.closed)?.message,
    "Cannot take coming: it makes no sense here",
  );
  assertEquals(server.disk.files.paths("/data/alice/.p2pnode/stage"), []);
});
