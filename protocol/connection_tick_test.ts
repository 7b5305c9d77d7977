import { assertEquals } from "@std/assert";
import { PING_AFTER_MS, REQUEST_TIMEOUT_MS, SILENCE_MAX_MS } from "./connection.ts";
import { ConnectionClosed, ErrorCode } from "./errors.ts";
import { encode } from "./messages.ts";
import { AnswerNotes, settled, startScripted } from "./testing.ts";

const getBlock = (index: number) =>
  ({ type: "getBlock", id: new Uint8Array(32), size: 1, index }) as const;

Deno.test("tick() fails a request whose answer does not come, and cancels it", async () => {
  const { connection, script } = startScripted();
  const notes = new AnswerNotes();
  connection.tick(0);
  connection.ask(getBlock(0), notes, 5000);
  const request = await script.expect(getBlock(0));
  connection.tick(1000);
  connection.tick(5999);
  assertEquals(notes.failures, []);
  connection.tick(6000);
  assertEquals(notes.failures.map((error) => error.message), ["no answer came in time"]);
  assertEquals(await script.expect({ type: "cancel" }), request);
  connection.tick(20_000);
  assertEquals(notes.failures.length, 1, "it fails once");
});

Deno.test("tick() gives a request its time anew with every answer", async () => {
  const { connection, script } = startScripted();
  const notes = new AnswerNotes(() => false);
  connection.ask(getBlock(0), notes);
  const request = await script.expect(getBlock(0));
  for (let i = 0; i < 5; i++) {
    connection.tick(i * 20_000);
    await script.send({ type: "blockData", offset: i }, request);
    await settled();
  }
  assertEquals([notes.answers.length, notes.failures.length], [5, 0]);
  connection.tick(100_000);
  connection.tick(100_000 + REQUEST_TIMEOUT_MS);
  assertEquals(notes.failures.length, 1);
});

Deno.test("tick() gives a request its time anew when a chunk begins to come and when it ends", async () => {
  const { connection, script } = startScripted();
  const notes = new AnswerNotes(() => false);
  const chunk = new Uint8Array(10_000);
  connection.ask(getBlock(0), {
    answer: async (message, reader) => {
      await reader.readChunk(new Uint8Array(chunk.length));
      return notes.answer(message);
    },
    failed: (reason) => notes.failed(reason),
  });
  const request = await script.expect(getBlock(0));
  connection.tick(0);
  await script.write(encode({ type: "blockData", offset: 0 }, request, chunk.length));
  await settled();
  connection.tick(20_000);
  connection.tick(45_000);
  assertEquals([notes.answers.length, notes.failures.length], [0, 0]);
  await script.write(chunk);
  await settled();
  connection.tick(46_000);
  connection.tick(75_000);
  assertEquals([notes.answers.length, notes.failures.length], [1, 0]);
  connection.tick(76_000);
  assertEquals(notes.failures.length, 1);
});

Deno.test("tick() pings a silent side once, and is content with its answer", async () => {
  const { connection, script } = startScripted();
  connection.tick(0);
  connection.tick(PING_AFTER_MS - 1);
  connection.tick(PING_AFTER_MS);
  connection.tick(PING_AFTER_MS + 1);
  const request = await script.expect({ type: "ping" });
  await script.send({ type: "ok" }, request);
  await settled();
  connection.tick(PING_AFTER_MS + 2);
  connection.tick(2 * PING_AFTER_MS + 1);
  connection.send({ type: "leave" });
  await script.expect({ type: "leave" });
  connection.tick(2 * PING_AFTER_MS + 2);
  await script.expect({ type: "ping" });
  assertEquals(connection.isClosed, false);
});

Deno.test("tick() gives up a side that stays silent", async () => {
  const { connection, ended, script } = startScripted();
  const notes = new AnswerNotes();
  connection.ask(getBlock(0), notes, 10 * SILENCE_MAX_MS);
  for (let nowMs = 0; nowMs < SILENCE_MAX_MS; nowMs += 1000) connection.tick(nowMs);
  await connection.flushed();
  assertEquals(connection.isClosed, false);
  connection.tick(SILENCE_MAX_MS);
  const reason = (await ended)!;
  assertEquals(reason?.message, "Cannot go on: nothing was heard for too long");
  assertEquals(notes.failures.map((error) => error.constructor), [ConnectionClosed]);
  await script.expect(getBlock(0));
  await script.expect({ type: "ping" });
  await script.expect({ type: "error", code: ErrorCode.timeout, reason: reason.message });
});

Deno.test("tick() pings even when no more requests may be asked", () => {
  const { connection } = startScripted();
  for (let i = 0; i < 1024; i++) {
    connection.ask(getBlock(i), new AnswerNotes(), 10 * SILENCE_MAX_MS);
  }
  connection.tick(0);
  connection.tick(PING_AFTER_MS);
  assertEquals(connection.isClosed, false);
});

Deno.test("tick() takes a chunk that the other side is reading for a sign of life", async () => {
  const { connection, script } = startScripted(undefined, { capacity: 1000 });
  const sent = connection.sendChunk({ type: "manifestPart" }, 1, new Uint8Array(60_000));
  sent.catch(() => {});
  const into = new Uint8Array(1000);
  for (let nowMs = 0; nowMs < 5 * SILENCE_MAX_MS; nowMs += PING_AFTER_MS) {
    connection.tick(nowMs);
    await script.stream.read(into);
    await settled();
  }
  assertEquals(connection.isClosed, false);
  // From here on nothing is read.
  connection.tick(5 * SILENCE_MAX_MS);
  connection.tick(6 * SILENCE_MAX_MS);
  assertEquals(connection.isClosed, true);
});
