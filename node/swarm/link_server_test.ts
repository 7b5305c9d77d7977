import { assertEquals } from "@std/assert";
import { Bitfield } from "../../protocol/bitfield.ts";
import { ErrorCode } from "../../protocol/errors.ts";
import type { Message } from "../../protocol/messages.ts";
import { settled } from "../../protocol/testing.ts";
import { ManualClock } from "../../tests/manual_clock.ts";
import { LEAF_SIZE } from "../content/tree.ts";
import { BlockCache } from "../store/block_cache.ts";
import { BlockSource } from "../store/block_source.ts";
import { Catalog, fileKey } from "./catalog.ts";
import type { HeldFile } from "./catalog.ts";
import { LinkServer } from "./link_server.ts";
import { RateLimit } from "../traffic/rate_limit.ts";
import { RateMeter } from "../traffic/rate_meter.ts";
import { FolderInMemory, sampleFile, startLink } from "./testing.ts";

const small = sampleFile(100, { name: "small", seed: 2 });
const large = sampleFile(3 * LEAF_SIZE + 5, { name: "large" });
const { id, size } = large.manifest;

/** A node with two files that serves one link, at so many bytes a second at most. */
function start({ upLimit }: { readonly upLimit?: number } = {}) {
  const folder = new FolderInMemory();
  const catalog = new Catalog();
  for (const { manifest, bytes } of [small, large]) {
    folder.files.set(manifest.name, { bytes, stamp: "1" });
    catalog.addFile(manifest, manifest.name, "1");
  }
  const clock = new ManualClock();
  const source = new BlockSource(folder, new BlockCache(0), clock);
  const opened: HeldFile[] = [];
  const sent = new RateMeter(clock);
  const handle: { server?: LinkServer } = {};
  const { link, script, ended } = startLink((link) => {
    const limit = new RateLimit(upLimit, clock);
    const options = { catalog, folder, source, limit, sent };
    const server = new LinkServer(link, { ...options, opened: (_, file) => opened.push(file) });
    handle.server = server;
    return (frame) => server.receive(frame);
  });
  const server = handle.server!;
  return { clock, folder, catalog, source, opened, sent, link, script, ended, server };
}

type Started = ReturnType<typeof start>;

async function next({ script }: Started): Promise<{ message: Message; request: number }> {
  const { message, request } = (await script.next())!;
  return { message, request };
}

async function expectAbsent(node: Started, request: number): Promise<void> {
  const { message, request: answered } = await next(node);
  assertEquals([message.type === "error" && message.code, answered], [ErrorCode.absent, request]);
}

Deno.test("requests are answered in order, and what goes out is counted", async () => {
  const node = start();
  for (const index of [2, 0, 3]) {
    await node.script.send({ type: "getBlock", id, size, index }, 10 + index);
  }
  for (const index of [2, 0, 3]) {
    const frame = await node.script.next();
    assertEquals(frame!.message, { type: "blockData", offset: 0 });
    assertEquals([frame!.request, frame!.chunkSize], [10 + index, index === 3 ? 5 : LEAF_SIZE]);
  }
  assertEquals(node.sent.total, 2 * LEAF_SIZE + 5);
  node.link.connection.close();
});

Deno.test("what is not held, or does not exist, is absent", async () => {
  const node = start();
  const unknown = new Uint8Array(32).fill(7);
  await node.script.send({ type: "getBlock", id, size, index: 4 }, 1);
  await expectAbsent(node, 1);
  await node.script.send({ type: "getBlock", id, size: size + 1, index: 0 }, 2);
  await expectAbsent(node, 2);
  await node.script.send({ type: "getManifest", id: unknown, size }, 3);
  await expectAbsent(node, 3);
  await node.script.send({ type: "open", id: unknown, size }, 4);
  await expectAbsent(node, 4);
  node.link.connection.close();
});

Deno.test("a file that has changed since it was hashed is not served", async () => {
  const node = start();
  node.folder.files.get("large")!.stamp = "2";
  node.folder.files.get("small")!.stamp = "2";
  await node.script.send({ type: "getBlock", id, size, index: 0 }, 1);
  await expectAbsent(node, 1);
  await node.script.send({ type: "getWhole", files: [small.manifest] }, 2);
  assertEquals(await next(node), { message: { type: "missing", position: 0 }, request: 2 });
  assertEquals(node.folder.openCount, 0);
  node.link.connection.close();
});

Deno.test("a cancelled request is not answered", async () => {
  const node = start();
  const pause = Promise.withResolvers<void>();
  node.folder.pause = pause.promise;
  for (const index of [0, 1, 2]) {
    await node.script.send({ type: "getBlock", id, size, index }, 1 + index);
  }
  await node.script.send({ type: "cancel" }, 2);
  await node.script.send({ type: "ping" }, 9);
  assertEquals((await next(node)).request, 9);
  pause.resolve();
  assertEquals([(await next(node)).request, (await next(node)).request], [1, 3]);
  node.link.connection.close();
});

Deno.test("small files come whole or are missing, large ones are not sent whole", async () => {
  const node = start();
  const files = [small.manifest, large.manifest].map(({ id, size }) => ({ id, size }));
  await node.script.send({ type: "getWhole", files }, 5);
  const answers = [await next(node), await next(node)].map(({ message }) => message);
  answers.sort((a, b) => a.type < b.type ? -1 : 1);
  const { name, blockSize, publisher, signatures: signature } = small.manifest;
  assertEquals(answers, [
    { type: "missing", position: 1 },
    { type: "whole", position: 0, name, blockSize, publisher, signature },
  ]);
  node.link.connection.close();
});

Deno.test("a manifest comes with hash and signature of each block", async () => {
  const node = start();
  await node.script.send({ type: "getManifest", id, size }, 1);
  const frame = (await node.script.next())!;
  const { name, blockSize, publisher } = large.manifest;
  assertEquals(frame.message, { type: "manifest", name, blockSize, publisher });
  assertEquals(frame.chunkSize, 4 * 96);
  node.link.connection.close();
});

Deno.test("whoever has opened a file hears of its new blocks, until it closes it", async () => {
  const node = start();
  node.catalog.remove(fileKey(large.manifest));
  const have = Bitfield.none(4);
  have.add(1);
  const part = node.catalog.addPart(large.manifest, have);
  await node.script.send({ type: "open", id, size }, 1);
  assertEquals(await next(node), {
    message: { type: "opened", have: new Uint8Array([0x40]) },
    request: 1,
  });
  assertEquals(node.opened, [part]);
  for (const index of [3, 0]) node.server.tell(part, index);
  assertEquals((await next(node)).message, { type: "have", id, size, indexes: [3, 0] });
  await node.script.send({ type: "close", id, size });
  await settled();
  node.server.tell(part, 2);
  await node.script.send({ type: "ping" }, 2);
  assertEquals((await next(node)).message, { type: "ok" });
  node.link.connection.close();
});

Deno.test("a link that closes while a block is read leaves no file open", async () => {
  const node = start();
  const pause = Promise.withResolvers<void>();
  node.folder.pause = pause.promise;
  for (const index of [0, 1, 2]) {
    await node.script.send({ type: "getBlock", id, size, index }, 1 + index);
  }
  await settled();
  node.link.connection.close();
  node.source[Symbol.dispose]();
  pause.resolve();
  await settled();
  assertEquals(node.folder.openCount, 0);
  assertEquals(node.folder.readCount, 1);
});

Deno.test("a peer that takes nothing and goes while its files wait for the upload limit harms nobody", async () => {
  const whole = sampleFile(LEAF_SIZE, { name: "whole", seed: 3 });
  const node = start({ upLimit: LEAF_SIZE });
  node.folder.files.set("whole", { bytes: whole.bytes, stamp: "1" });
  node.catalog.addFile(whole.manifest, "whole", "1");
  const unhandled: unknown[] = [];
  const note = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", note);
  try {
    const { id, size } = whole.manifest;
    const files = Array.from({ length: 8 }, () => ({ id, size }));
    await node.script.send({ type: "getWhole", files }, 1);
    // The fourth of them is more than the way there holds, and the sixth has to wait for its turn.
    for (let second = 0; second < 5; second++) {
      await settled();
      node.clock.advance(1000);
    }
    await settled();
    node.link.connection.close();
    await settled();
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(unhandled, []);
  } finally {
    globalThis.removeEventListener("unhandledrejection", note);
  }
});

Deno.test("more requests than may wait end the link", async () => {
  const node = start();
  node.folder.pause = new Promise(() => {});
  const sending = (async () => {
    for (let request = 1; request <= 1100; request++) {
      await node.script.send({ type: "getBlock", id, size, index: 0 }, request);
    }
  })().catch(() => {});
  assertEquals((await node.ended)!.message, "Cannot queue: too many requests are waiting");
  await sending;
});
