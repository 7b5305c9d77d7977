import { assert, assertEquals, assertRejects } from "@std/assert";
import { sameBytes } from "../../protocol/bytes.ts";
import { Connection } from "../../protocol/connection.ts";
import { ErrorCode, ProtocolError } from "../../protocol/errors.ts";
import type { Message } from "../../protocol/messages.ts";
import { duplexPair, Script, settled, startScripted } from "../../protocol/testing.ts";
import { randomBytes } from "../../tests/files.ts";
import { blockSizeFor, hashesOfLeaves, TreeHasher } from "../content/tree.ts";
import { RemoteContents } from "./content_fetcher.ts";
import { ContentServer } from "./content_server.ts";
import type { FetchResult, WantedContent } from "./contents.ts";
import { NotFetched } from "./asking.ts";
import { Growth } from "./growth.ts";
import type { PartialContent } from "./stage.ts";
import { samePath, Side, wanted } from "./testing.ts";

const LARGE_SIZE = 300 * 1024;

/** A fetcher whose other side the test plays. */
function startFetching(wants: readonly WantedContent[], signal = new AbortController().signal) {
  const side = new Side();
  const { connection, ended, script } = startScripted();
  const remote = new RemoteContents(connection, { stage: side.stage, pathOf: samePath });
  const results = Array.fromAsync(remote.fetch(wants, { signal, durable: false }));
  // Some tests look at it much later.
  results.catch(() => {});
  return { side, remote, connection, ended, script, results };
}

function outcomes(results: readonly FetchResult[]): unknown[] {
  return results.map((result) => "staged" in result ? "arrived" : result.reason);
}

function contentOf(bytes: Uint8Array) {
  const hasher = new TreeHasher(blockSizeFor(bytes.length));
  hasher.update(bytes);
  const { id, hashes } = hasher.digest();
  return { content: { id, size: bytes.length }, hashes };
}

async function nextRequest(script: Script): Promise<{ message: Message; request: number }> {
  const frame = await script.next();
  return { message: frame!.message, request: frame!.request };
}

Deno.test("wrong bytes of one small content harm no other", async () => {
  const contents = [randomBytes(50, 1), randomBytes(60, 2), randomBytes(70, 3)];
  const wants = contents.map((bytes) => wanted(contentOf(bytes).content));
  const { script, results, connection } = startFetching(wants);
  const { request } = await nextRequest(script);
  const chunk = new Uint8Array(180);
  chunk.set(contents[0]!);
  chunk.set(contents[1]!, 50);
  chunk.set(contents[2]!, 110);
  chunk[70]! ^= 1;
  await script.send({ type: "contents", present: [0, 1, 2], absent: [] }, request, chunk);
  assertEquals(outcomes(await results), ["arrived", "absent", "arrived"]);
  connection.close();
});

const nonsense: Record<string, { present: number[]; absent: number[]; size: number }> = {
  "a position that was not asked for": { present: [2], absent: [], size: 50 },
  "a position twice": { present: [0, 0], absent: [], size: 100 },
  "a position that is both here and not": { present: [0], absent: [0], size: 50 },
  "too many bytes": { present: [0], absent: [], size: 51 },
  "too few bytes": { present: [0], absent: [], size: 49 },
  "nothing at all": { present: [], absent: [], size: 0 },
};

for (const [name, { present, absent, size }] of Object.entries(nonsense)) {
  Deno.test(`an answer with ${name} ends the connection`, async () => {
    const wants = [1, 2].map((seed) => wanted(contentOf(randomBytes(50, seed)).content));
    const { script, results, ended } = startFetching(wants);
    const { request } = await nextRequest(script);
    await script.send({ type: "contents", present, absent }, request, new Uint8Array(size));
    await assertRejects(() => results, ProtocolError);
    assert(await ended instanceof ProtocolError);
  });
}

Deno.test("block hashes that do not lead to the id make a content absent", async () => {
  const { content, hashes } = contentOf(randomBytes(LARGE_SIZE, 1));
  const { script, results, connection } = startFetching([wanted(content)]);
  const { request } = await nextRequest(script);
  await script.send({ type: "hashes" }, request, hashes.map((byte) => byte ^ 1));
  assertEquals(outcomes(await results), ["absent"]);
  connection.close();
});

Deno.test("a block with a wrong byte makes a content absent, and another still comes", async () => {
  const [bad, good] = [randomBytes(LARGE_SIZE, 1), randomBytes(LARGE_SIZE, 2)];
  const known = [contentOf(bad), contentOf(good)];
  const { script, results, connection } = startFetching(
    known.map(({ content }) => wanted(content)),
  );
  for (let answered = 0; answered < 6;) {
    const { message, request } = await nextRequest(script);
    if (message.type !== "getHashes" && message.type !== "getBlock") continue;
    const which = known.findIndex(({ content }) => sameBytes(content.id, message.id));
    if (message.type === "getHashes") {
      await script.send({ type: "hashes" }, request, known[which]!.hashes);
    } else {
      const start = message.index * blockSizeFor(LARGE_SIZE);
      const chunk = [bad, good][which]!.slice(start, start + blockSizeFor(LARGE_SIZE));
      if (which === 0) chunk[5]! ^= 1;
      await script.send({ type: "blockData", offset: 0 }, request, chunk);
    }
    answered++;
  }
  assertEquals(outcomes(await results).toSorted(), ["absent", "arrived"]);
  connection.close();
});

Deno.test("a recipe that is too long ends the connection", async () => {
  const { content, hashes } = contentOf(randomBytes(LARGE_SIZE, 1));
  const base = new Side().add(randomBytes(LARGE_SIZE, 2));
  const { script, results } = startFetching([wanted(content, [base])]);
  const asked = await nextRequest(script);
  await script.send({ type: "hashes" }, asked.request, hashes);
  const { message, request } = await nextRequest(script);
  assertEquals(message.type, "getRecipe");
  await script.send({ type: "recipe" }, request, new Uint8Array(12 * 1000));
  await assertRejects(() => results, ProtocolError);
});

Deno.test("leaf hashes of other bytes cost a block, and too many of them the connection", async () => {
  const old = randomBytes(LARGE_SIZE, 1);
  const bytes = old.slice();
  bytes[5]! ^= 1;
  const { content, hashes } = contentOf(bytes);
  for (const count of [16, 17]) {
    const { side, script, results, ended, connection } = startFetching([]);
    const want = wanted(content, [side.add(old)]);
    const remote = new RemoteContents(connection, { stage: side.stage, pathOf: samePath });
    const { signal } = new AbortController();
    const fetching = Array.fromAsync(remote.fetch([want], { signal, durable: false }));
    fetching.catch(() => {});
    await results;
    const asked = await nextRequest(script);
    await script.send({ type: "hashes" }, asked.request, hashes);
    const { message, request } = await nextRequest(script);
    assertEquals(message, { type: "getLeaves", ...content, index: 0 });
    // The first leaf, which has changed, is said to be what it was.
    const lie = new Uint8Array(count * 32);
    lie.set(hashesOfLeaves(old.subarray(0, 256 * 1024)));
    await script.send({ type: "hashes" }, request, lie);
    if (count > 16) {
      await assertRejects(() => fetching, ProtocolError);
      assert(await ended instanceof ProtocolError);
      continue;
    }
    const block = await nextRequest(script);
    assertEquals(block.message, { type: "getBlock", ...content, index: 0 });
    const chunk = bytes.slice(0, 256 * 1024);
    await script.send({ type: "blockData", offset: 0 }, block.request, chunk);
    assertEquals(outcomes(await fetching), ["arrived"]);
    connection.close();
  }
});

Deno.test("a side that says nothing is waited for until the abort, which cancels", async () => {
  const stop = new AbortController();
  const want = wanted(contentOf(randomBytes(50, 1)).content);
  const { script, results, connection } = startFetching([want], stop.signal);
  const { request } = await nextRequest(script);
  stop.abort(new Error("no longer"));
  assertEquals((await script.next())!.message.type, "cancel");
  await assertRejects(() => results, Error, "no longer");
  // The answer that was on its way is dropped.
  await script.send({ type: "contents", present: [0], absent: [] }, request, new Uint8Array(50));
  await settled();
  assert(!connection.isClosed);
  connection.close();
});

Deno.test("a refusal is the outcome of its contents", async () => {
  const want = wanted(contentOf(randomBytes(50, 1)).content);
  const { script, results, connection } = startFetching([want]);
  const { request } = await nextRequest(script);
  await script.send({ type: "error", code: ErrorCode.failed, reason: "its disk broke" }, request);
  const [outcome] = outcomes(await results);
  assertEquals((outcome as { code: string }).code, "failed");
  connection.close();
});

/** A server whose other side the test plays. */
function startServing() {
  const side = new Side();
  const [mine, theirs] = duplexPair();
  const connection = new Connection(mine);
  const options = { source: side, stage: side.stage, pathOf: samePath };
  const server = new ContentServer(connection, options);
  const ended = connection.run((frame) => void server.receive(frame));
  return { side, connection, server, ended, script: new Script(theirs) };
}

Deno.test("ContentServer refuses ranges and blocks that a content does not have", async () => {
  const { side, script, connection } = startServing();
  const { id, size } = side.add(randomBytes(LARGE_SIZE, 1));
  const requests = [
    { type: "getRanges", id, size, ranges: [{ offset: LARGE_SIZE, length: 1 }] },
    { type: "getRanges", id, size, ranges: [{ offset: 0, length: 0 }] },
    { type: "getBlock", id, size, index: 2 },
    { type: "getBlock", id: new Uint8Array(32), size, index: 0 },
    { type: "getHashes", id: new Uint8Array(32), size },
    { type: "getLeaves", id, size, index: 2 },
    { type: "getLeaves", id: new Uint8Array(32), size, index: 0 },
    { type: "getRecipe", id: new Uint8Array(32), size, offset: 0, length: size },
    { type: "getRecipe", id, size, offset: 0, length: 0 },
    { type: "getRecipe", id, size, offset: 1, length: size },
  ] as const;
  for (const [i, message] of requests.entries()) {
    await script.send(message, i + 1);
    const frame = await script.next();
    assertEquals([frame!.message.type, frame!.request], ["error", i + 1]);
  }
  connection.close();
});

Deno.test("ContentServer ends a connection on which too much waits", async () => {
  const { side, script, ended } = startServing();
  const { id, size } = side.add(randomBytes(LARGE_SIZE, 1));
  const ranges = Array.from({ length: 1000 }, () => ({ offset: 0, length: LARGE_SIZE }));
  const flood = async () => {
    for (let i = 1; i < 400; i++) await script.send({ type: "getRanges", id, size, ranges }, i);
  };
  await Promise.all([
    flood().catch(() => {}),
    ended.then((reason) => {
      assertEquals((reason as ProtocolError).code, ErrorCode.limit);
    }),
  ]);
});

Deno.test("ContentServer stops in the middle of an answer that was cancelled", async () => {
  const { side, script, connection } = startServing();
  const { id, size } = side.add(randomBytes(LARGE_SIZE, 1));
  const ranges = Array.from({ length: 1000 }, () => ({ offset: 0, length: LARGE_SIZE }));
  await script.send({ type: "getRanges", id, size, ranges }, 1);
  assertEquals((await script.next())!.message.type, "rangeData");
  await script.send({ type: "cancel" }, 1);
  await script.send({ type: "getHashes", id, size }, 2);
  let count = 0;
  while ((await script.next())!.request === 1) count++;
  assert(count < 10, `${count} more chunks`);
  connection.close();
});

Deno.test("ContentServer takes a cancel that crossed the last answer", async () => {
  const { side, script, connection, server } = startServing();
  const { id, size } = side.add(randomBytes(1000, 1));
  await script.send({ type: "getContents", files: [{ id, size }] }, 1);
  assertEquals((await script.next())!.request, 1);
  await settled();
  assert(server.receive({ message: { type: "cancel" }, request: 1, chunkSize: 0 }));
  connection.close();
});

Deno.test("ContentServer answers what comes while the last answer is being sent", async () => {
  const { side, script, connection } = startServing();
  const { id, size } = side.add(randomBytes(1000, 1));
  for (let request = 1; request <= 50; request++) {
    await script.send({ type: "getContents", files: [{ id, size }] }, request);
    assertEquals((await script.next())!.request, request);
  }
  connection.close();
});

Deno.test("wrong hashes and wrong blocks of a content that is fetched ahead are worth nothing", async () => {
  const bytes = randomBytes(LARGE_SIZE, 1);
  const { content, hashes } = contentOf(bytes);
  for (const isHonest of [false, true]) {
    const { side, script, remote, connection } = startFetching([]);
    const growth = new Growth();
    growth.reach(1);
    const ahead = remote.fetchAhead(content, growth, new AbortController().signal);
    const refused = assertRejects(() => ahead, NotFetched, "absent");
    const { request } = await nextRequest(script);
    await script.send(
      { type: "hashes" },
      request,
      isHonest ? hashes : hashes.map((byte) => byte ^ 1),
    );
    if (isHonest) {
      const block = await nextRequest(script);
      const lie = new Uint8Array(256 * 1024);
      await script.send({ type: "blockData", offset: 0 }, block.request, lie);
    }
    await refused;
    assertEquals(side.stage.growing(content), undefined);
    const { signal } = new AbortController();
    const part = await side.stage.openPart(content, hashes, signal) as PartialContent;
    assertEquals(part.have.held, 0);
    await part[Symbol.asyncDispose]();
    connection.close();
  }
});
