import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Connection, type Receive, REQUEST_TIMEOUT_MS } from "./connection.ts";
import { ConnectionClosed, ErrorCode, ProtocolError, RemoteError } from "./errors.ts";
import { type Message, type MessageOf, messages } from "./messages.ts";
import {
  AnswerNotes,
  anyFrame,
  duplexPair,
  Script,
  seededRandom,
  settled,
  startScripted,
  wireBytes,
} from "./testing.ts";

const file = { id: new Uint8Array(32), size: 1 };
const getBlock = (index: number) => ({ type: "getBlock", ...file, index }) as const;

/** Two connections that run, one at each end. */
function startBoth(receiveA: (self: Connection) => Receive, receiveB = receiveA) {
  const [endA, endB] = duplexPair({ random: seededRandom(1) });
  const a = new Connection(endA);
  const b = new Connection(endB);
  void a.run(receiveA(a));
  void b.run(receiveB(b));
  return { a, b };
}

Deno.test("request() pairs answers that come out of order", async () => {
  const { connection, script } = startScripted();
  const first = connection.request({ type: "getManifest", ...file }, "missing");
  const second = connection.request({ type: "listNodes", after: 0 }, "missing");
  const firstNumber = await script.expect({ type: "getManifest", ...file });
  const secondNumber = await script.expect({ type: "listNodes", after: 0 });
  await script.send({ type: "missing", position: 2 }, secondNumber);
  await script.send({ type: "missing", position: 1 }, firstNumber);
  assertEquals((await second).position, 2);
  assertEquals((await first).position, 1);
});

Deno.test("request() works both ways at once over one connection", async () => {
  const answerIndex = (self: Connection): Receive => ({ message, request }) => {
    const { index } = message as ReturnType<typeof getBlock>;
    self.send({ type: "missing", position: index }, request);
  };
  const { a, b } = startBoth(answerIndex);
  const indexes = Array.from({ length: 200 }, (_, index) => index);
  const positions = await Promise.all(
    [a, b].flatMap((side) =>
      indexes.map(async (index) => (await side.request(getBlock(index), "missing")).position)
    ),
  );
  assertEquals(positions, [...indexes, ...indexes]);
});

Deno.test("request() rejects with the error that the other side answers", async () => {
  const { connection, script } = startScripted();
  const answer = connection.request(getBlock(0), "blockData");
  await script.send(
    { type: "error", code: ErrorCode.absent, reason: "not here" },
    await script.expect(getBlock(0)),
  );
  const error = await assertRejects(() => answer, RemoteError, "not here");
  assertEquals(error.code, ErrorCode.absent);
  assertEquals(connection.isClosed, false);
});

Deno.test("request() closes the connection when the answer is of another type", async () => {
  const { connection, ended, script } = startScripted();
  const answer = connection.request(getBlock(0), "blockData");
  await script.send({ type: "ok" }, await script.expect(getBlock(0)));
  await assertRejects(() => answer, ConnectionClosed, "Cannot take ok to getBlock");
  assert(await ended instanceof ProtocolError);
  await script.expect({
    type: "error",
    code: ErrorCode.unexpected,
    reason: "Cannot take ok to getBlock: it makes no sense here",
  });
  assertEquals(await script.next(), null);
});

Deno.test("ask() hands over chunks, in as many answers as come", async () => {
  const { connection, script } = startScripted();
  const parts: string[] = [];
  const done = new Promise<void>((resolve) => {
    connection.ask(getBlock(0), {
      answer: async (_message, chunk, chunkSize) => {
        const bytes = new Uint8Array(chunkSize);
        await chunk.readChunk(bytes);
        parts.push(new TextDecoder().decode(bytes));
        if (parts.length === 2) resolve();
        return parts.length === 2;
      },
      failed: () => {},
    });
  });
  const request = await script.expect(getBlock(0));
  const encoder = new TextEncoder();
  await script.send({ type: "blockData", offset: 0 }, request, encoder.encode("hello "));
  await script.send({ type: "blockData", offset: 6 }, request, encoder.encode("world"));
  await done;
  assertEquals(parts, ["hello ", "world"]);
});

Deno.test("ask() skips the chunk of an answer that nobody reads", async () => {
  const { connection, script } = startScripted();
  const notes = new AnswerNotes();
  connection.ask(getBlock(0), notes);
  const request = await script.expect(getBlock(0));
  await script.send({ type: "blockData", offset: 0 }, request, new Uint8Array(100_000));
  await script.send({ type: "ping" }, 5);
  assertEquals(await script.expect({ type: "ok" }), 5);
  assertEquals(notes.answers.length, 1);
});

Deno.test("cancel() tells the other side, and drops the answers that still come", async () => {
  const { connection, script } = startScripted();
  const notes = new AnswerNotes();
  const request = connection.ask(getBlock(0), notes);
  assertEquals(await script.expect(getBlock(0)), request);
  connection.cancel(request);
  assertEquals(await script.expect({ type: "cancel" }), request);
  await script.send({ type: "blockData", offset: 0 }, request, new Uint8Array(5000));
  await script.send({ type: "error", code: ErrorCode.absent, reason: "" }, request);
  await script.send({ type: "ping" }, 1);
  await script.expect({ type: "ok" });
  assertEquals([notes.answers, notes.failures], [[], []]);
  assertEquals(connection.isClosed, false);
});

Deno.test("cancel() of what is not open says nothing", async () => {
  const { connection, script } = startScripted();
  const answer = connection.request({ type: "ping" }, "ok");
  const request = await script.expect({ type: "ping" });
  await script.send({ type: "ok" }, request);
  await answer;
  connection.cancel(request);
  connection.cancel(12_345);
  connection.send({ type: "leave" });
  await script.expect({ type: "leave" });
});

Deno.test("ask() refuses more open requests than the limit", () => {
  const { connection } = startScripted();
  for (let i = 0; i < 1024; i++) connection.ask(getBlock(i), new AnswerNotes());
  assertThrows(
    () => connection.ask(getBlock(0), new AnswerNotes()),
    RangeError,
    "too many requests",
  );
});

Deno.test("run() answers pings itself", async () => {
  const { script } = startScripted();
  await script.send({ type: "ping" }, 77);
  assertEquals(await script.expect({ type: "ok" }), 77);
});

Deno.test("run() reads the next frame when the last one was handled", async () => {
  const gate = Promise.withResolvers<void>();
  const received: string[] = [];
  const { script } = startScripted(({ message }) => {
    received.push(message.type);
    if (received.length === 1) return gate.promise;
  });
  await script.send({ type: "stop" });
  await script.send({ type: "leave" });
  await settled();
  assertEquals(received, ["stop"]);
  gate.resolve();
  await settled();
  assertEquals(received, ["stop", "leave"]);
});

Deno.test("run() ends the connection with the code of a broken rule", async () => {
  const cases: [(script: Script) => Promise<void>, ErrorCode][] = [
    [(script) => script.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")), 1],
    [(script) => script.send({ type: "hello", role: "peer", nodeId, nonce: nodeId, agent: "" }), 3],
    [(script) => script.send({ type: "proof", signature: new Uint8Array(64) }), 3],
    [(script) => script.send({ type: "ok" }, 0), 3],
  ];
  const nodeId = new Uint8Array(32);
  for (const [misbehave, code] of cases) {
    const { ended, script } = startScripted();
    await misbehave(script);
    const reason = await ended as ProtocolError;
    assertEquals(reason.code, code);
    await script.expect({ type: "error", code, reason: reason.message });
    assertEquals(await script.next(), null);
  }
});

Deno.test("run() survives any frames, and hands over only what a handler is for", async () => {
  await fc.assert(fc.asyncProperty(fc.array(anyFrame), async (frames) => {
    const received: Message[] = [];
    const { ended, script } = startScripted(({ message }) => void received.push(message));
    await script.write(wireBytes(...frames)).catch(() => {});
    await settled();
    script.stream.close();
    const reason = await ended;
    const fatal = frames.findIndex(({ message, request }) =>
      ["hello", "proof"].includes(message.type) ||
      (request === 0 && messages[message.type].kind === "answer")
    );
    if (fatal < 0) assertEquals(reason?.message, undefined);
    else assert(reason instanceof ProtocolError || reason instanceof RemoteError, `${reason}`);
    const read = fatal < 0 ? frames : frames.slice(0, fatal);
    const handled = read.map(({ message }) => message)
      .filter(({ type }) => messages[type].kind !== "answer" && type !== "ping");
    assertEquals(received, handled);
  }));
});

Deno.test("run() ends when the other side says that the connection failed", async () => {
  const { ended, script } = startScripted();
  await script.send({ type: "error", code: ErrorCode.busy, reason: "try later" });
  const reason = (await ended)!;
  assertEquals([reason.constructor, reason.message], [RemoteError, "try later"]);
  assertEquals(await script.next(), null, "an error is not answered with an error");
});

Deno.test("run() ends cleanly when the other side closes between frames", async () => {
  const { connection, ended, script } = startScripted();
  const notes = new AnswerNotes();
  connection.ask(getBlock(0), notes);
  await script.expect(getBlock(0));
  script.stream.close();
  assertEquals(await ended, undefined);
  assertEquals(notes.failures.map((error) => error.constructor), [ConnectionClosed]);
});

Deno.test("run() ends with the defect that a handler throws, and keeps it to itself", async () => {
  const { ended, script } = startScripted(() => Promise.reject(new TypeError("a defect of ours")));
  await script.send({ type: "leave" });
  assertEquals((await ended)?.message, "a defect of ours");
  assertEquals(await script.next(), null);
});

Deno.test("run() stops reading requests while their answers are not taken", async () => {
  let handled = 0;
  const capacity = 64 * 1024;
  const answer = { type: "opened", have: new Uint8Array(1000) } as const;
  const [mine, theirs] = duplexPair({ capacity });
  const connection = new Connection(mine);
  void connection.run(({ request }) => {
    handled++;
    connection.send(answer, request);
  });
  const script = new Script(theirs);
  const count = 20_000;
  const flood = (async () => {
    for (let i = 1; i <= count; i++) await script.send({ type: "open", ...file }, i);
  })();
  await settled();
  const waitingMax = 256 * 1024 + capacity + 64 * 1024;
  assert(handled * 1018 <= waitingMax, `${handled} answers wait`);
  assert(handled > 100);
  // Once they are taken it goes on, and nothing is lost.
  for (let i = 1; i <= count; i++) assertEquals((await script.next())!.request, i);
  await flood;
  assertEquals(handled, count);
});

Deno.test("run() goes on when both sides flood each other with requests", async () => {
  const answerAll = (self: Connection): Receive => ({ request }) =>
    self.send({ type: "missing", position: 0 }, request);
  const { a, b } = startBoth(answerAll);
  // Each side has more in requests than the stream and a queue can hold.
  const getWhole: Message = { type: "getWhole", files: Array(256).fill(file) };
  const answers = [a, b].flatMap((side) =>
    Array.from({ length: 100 }, () => side.request(getWhole, "missing"))
  );
  let answered = 0;
  for (const answer of answers) void answer.then(() => answered++);
  for (let i = 0; i < 5; i++) await settled();
  assertEquals(answered, 200);
});

Deno.test("close() fails everything that waits, exactly once", async () => {
  const { connection, ended } = startScripted(undefined, { capacity: 1000 });
  const all = Array.from({ length: 10 }, () => new AnswerNotes());
  for (const notes of all) connection.ask(getBlock(0), notes);
  const chunk = connection.sendChunk({ type: "manifestPart" }, 1, new Uint8Array(100_000));
  await settled();
  connection.close(new Error("first"));
  connection.close(new Error("second"));
  connection.tick(0);
  connection.tick(10 * REQUEST_TIMEOUT_MS);
  await assertRejects(() => chunk, ConnectionClosed);
  assertEquals((await ended)?.message, "first");
  assertEquals((await connection.closed)?.message, "first");
  for (const { failures } of all) {
    assertEquals(failures.map((error) => [error.constructor, error.message]), [
      [ConnectionClosed, "first"],
    ]);
  }
});

Deno.test("close() stands what its callbacks do", async () => {
  const { connection } = startScripted();
  const later = new AnswerNotes();
  const failures: string[] = [];
  for (let i = 0; i < 3; i++) {
    connection.ask(getBlock(i), {
      answer: () => true,
      failed: () => {
        failures.push(`request ${i}`);
        connection.close(new Error("again"));
        connection.ask(getBlock(9), later);
      },
    });
  }
  connection.close();
  await settled();
  assertEquals(failures, ["request 0", "request 1", "request 2"]);
  assertEquals(later.failures.length, 3);
});

Deno.test("a closed connection fails new requests and drops what is sent", async () => {
  const { connection } = startScripted();
  connection.close();
  connection.send({ type: "leave" });
  await assertRejects(() => connection.request({ type: "ping" }, "ok"), ConnectionClosed);
  await assertRejects(() => connection.sendChunk({ type: "manifestPart" }, 1, new Uint8Array(1)));
  await connection.flushed();
});

Deno.test("close() says why only between two frames, never in the middle of a chunk", async () => {
  const written: Uint8Array[] = [];
  const connection = new Connection({
    remote: { host: "192.0.2.1", port: 1 },
    read: () => new Promise(() => {}),
    // Takes a little at a time, and the third time nothing yet.
    write: (bytes) => {
      written.push(bytes.slice(0, 100));
      return written.length === 3 ? new Promise(() => {}) : Promise.resolve(100);
    },
    close: () => {},
  });
  const chunk = new Uint8Array(1500).fill(0xcc);
  connection.sendChunk({ type: "manifestPart" }, 1, chunk).catch(() => {});
  await settled();
  connection.close(new ProtocolError(ErrorCode.timeout, "Cannot go on: too slow"));
  assertEquals(written.length, 3);
});

Deno.test("refuse() and close() cut a long reason, but not within a character", async () => {
  for (let padding = 0; padding < 4; padding++) {
    const reason = "x".repeat(padding) + "🙂".repeat(300);
    const { connection, script } = startScripted();
    connection.refuse(1, ErrorCode.failed, reason);
    await connection.flushed();
    connection.close(new ProtocolError(ErrorCode.failed, reason));
    for (let i = 0; i < 2; i++) {
      const { reason: cut } = (await script.next())!.message as MessageOf<"error">;
      assert(cut.isWellFormed());
      assertEquals(cut.length, 160);
    }
    assertEquals(await script.next(), null);
  }
});

Deno.test("refuse() makes text of a reason that is none", async () => {
  const { connection, script } = startScripted();
  connection.refuse(1, ErrorCode.failed, "a lone \ud800 surrogate");
  await script.expect({ type: "error", code: ErrorCode.failed, reason: "a lone \ufffd surrogate" });
});

Deno.test("receive() reads one message, for the handshake", async () => {
  const [mine, theirs] = duplexPair();
  const connection = new Connection(mine);
  const script = new Script(theirs);
  await script.send({ type: "leave" });
  assertEquals(await connection.receive(), { type: "leave" });
  await script.send({ type: "error", code: ErrorCode.busy, reason: "" });
  await assertRejects(() => connection.receive(), RemoteError, "busy");
  theirs.close();
  await assertRejects(() => connection.receive(), ConnectionClosed, "closed the connection");
});

Deno.test("a connection is closed at the end of its scope", async () => {
  const [mine, theirs] = duplexPair();
  {
    using connection = new Connection(mine);
    assertEquals(connection.remote, mine.remote);
  }
  assertEquals(await theirs.read(new Uint8Array(1)), null);
});
