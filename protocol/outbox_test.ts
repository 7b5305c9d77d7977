import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { toHex } from "./bytes.ts";
import { ConnectionClosed } from "./errors.ts";
import { Outbox } from "./outbox.ts";
import { concat, seededRandom, settled } from "./testing.ts";

/** Keeps what was written; each write waits until it is let through. */
class GatedSink {
  readonly writes: Uint8Array[] = [];
  #gate = Promise.withResolvers<void>();
  #open = false;
  #broken: Error | undefined;
  constructor(readonly acceptMax: () => number = () => Infinity) {}

  async write(bytes: Uint8Array): Promise<number> {
    if (!this.#open) await this.#gate.promise;
    if (this.#broken !== undefined) throw this.#broken;
    const count = Math.min(bytes.length, this.acceptMax());
    this.writes.push(bytes.slice(0, count));
    return count;
  }

  /** Lets everything through from now on. */
  open(): this {
    this.#open = true;
    this.#gate.resolve();
    return this;
  }

  break(reason: Error): void {
    this.#broken = reason;
    this.open();
  }

  /** The first byte of each write, which tells frames of one byte value apart. */
  get order(): number[] {
    return this.writes.map((bytes) => bytes[0]!);
  }
}

function outboxOn(sink: GatedSink): { outbox: Outbox; broken: Error[] } {
  const broken: Error[] = [];
  return { outbox: new Outbox(sink, (reason) => broken.push(reason)), broken };
}

function frameOf(size: number, value: number): Uint8Array {
  return new Uint8Array(size).fill(value);
}

/** How a promise stands once nothing more happens: "pending", "resolved" or why it was rejected. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  let state = "pending";
  promise.then(() => state = "resolved", (reason) => state = reason.message);
  await settled();
  return state;
}

const KIB = 1024;

Deno.test("send() gathers small frames that wait together into one write", async () => {
  const sink = new GatedSink().open();
  const { outbox } = outboxOn(sink);
  for (let i = 1; i <= 100; i++) outbox.send(frameOf(20, i));
  await settled();
  assertEquals(sink.writes.length, 1);
  assertEquals(sink.writes[0], concat(Array.from({ length: 100 }, (_, i) => frameOf(20, i + 1))));
});

Deno.test("send() gathers up to 64 KiB and no more", async () => {
  const sink = new GatedSink().open();
  const { outbox } = outboxOn(sink);
  for (let i = 0; i < 5; i++) outbox.send(frameOf(30 * KIB, i));
  outbox.send(frameOf(64 * KIB + 16, 5));
  await settled();
  assertEquals(sink.writes.map((write) => write.length / KIB), [60, 60, 30, 64 + 1 / 64]);
});

Deno.test("a control message overtakes chunks that wait, but not within one", async () => {
  const sink = new GatedSink(() => 100 * KIB);
  const { outbox } = outboxOn(sink);
  for (let i = 1; i <= 3; i++) void outbox.sendChunk(frameOf(20, i), frameOf(300 * KIB, i));
  await settled();
  outbox.send(frameOf(20, 9));
  sink.open();
  await settled();
  assertEquals(sink.order, [1, 1, 1, 1, 9, 2, 2, 2, 2, 3, 3, 3, 3]);
});

Deno.test("sendChunk() gathers small chunks, and writes large ones without a copy", async () => {
  const sink = new GatedSink().open();
  const { outbox } = outboxOn(sink);
  const sent = [4, 4, 4, 200, 4, 4].map((size, i) =>
    outbox.sendChunk(frameOf(20, i), frameOf(size * KIB, i))
  );
  await Promise.all(sent);
  const sizes = [3 * (20 + 4 * KIB), 20, 200 * KIB, 2 * (20 + 4 * KIB)];
  assertEquals(sink.writes.map((write) => write.length), sizes);
});

Deno.test("sendChunk() writes head and chunk at once where there is room in front of the chunk", async () => {
  const sink = new GatedSink().open();
  const { outbox } = outboxOn(sink);
  // Two chunks of one buffer: the head of the second one takes the place of bytes that were sent.
  const bytes = concat([frameOf(24, 0), frameOf(100 * KIB, 1), frameOf(100 * KIB, 2)]);
  const [first, second] = [bytes.subarray(24, 24 + 100 * KIB), bytes.subarray(24 + 100 * KIB)];
  await outbox.sendChunk(frameOf(20, 8), first, { room: first.byteOffset });
  await outbox.sendChunk(frameOf(20, 9), second, { room: second.byteOffset });
  assertEquals(sink.writes, [
    concat([frameOf(20, 8), frameOf(100 * KIB, 1)]),
    concat([frameOf(20, 9), frameOf(100 * KIB, 2)]),
  ]);
});

Deno.test("sendChunk() writes a head that does not fit in front of its chunk apart", async () => {
  const sink = new GatedSink().open();
  const { outbox } = outboxOn(sink);
  const bytes = frameOf(16 + 100 * KIB, 1);
  await outbox.sendChunk(frameOf(20, 8), bytes.subarray(16), { room: 16 });
  assertEquals(sink.writes, [frameOf(20, 8), frameOf(100 * KIB, 1)]);
  assertEquals(bytes, frameOf(16 + 100 * KIB, 1));
});

Deno.test("sendChunk() resolves when the last byte was handed over, in order", async () => {
  const sink = new GatedSink();
  const { outbox } = outboxOn(sink);
  const first = outbox.sendChunk(frameOf(20, 1), frameOf(100 * KIB, 1));
  const second = outbox.sendChunk(frameOf(20, 2), frameOf(100 * KIB, 2));
  assertEquals(await stateOf(first), "pending");
  sink.open();
  await first;
  assertEquals(sink.order.slice(0, 2), [1, 1]);
  await second;
  assertEquals(sink.order, [1, 1, 2, 2]);
});

Deno.test("a sink that accepts few bytes at a time gets every byte, in order", async () => {
  const sends = fc.array(fc.record({ size: fc.nat(3000), isChunk: fc.boolean() }));
  await fc.assert(fc.asyncProperty(sends, fc.nat(), async (sends, seed) => {
    const random = seededRandom(seed);
    const sink = new GatedSink(() => 1 + Math.floor(random() * 500)).open();
    const { outbox } = outboxOn(sink);
    const control: Uint8Array[] = [];
    const chunks: Uint8Array[] = [];
    sends.forEach(({ size, isChunk }, i) => {
      const head = frameOf(16, i);
      const rest = frameOf(size, i);
      (isChunk ? chunks : control).push(concat([head, rest]));
      if (isChunk) void outbox.sendChunk(head, rest);
      else outbox.send(concat([head, rest]));
    });
    await outbox.drained();
    // All were queued before the first write, so all control messages go before all chunks.
    assertEquals(toHex(concat(sink.writes)), toHex(concat([...control, ...chunks])));
  }));
});

Deno.test("a sink that accepts one byte at a time gets every byte", async () => {
  const sink = new GatedSink(() => 1).open();
  const { outbox } = outboxOn(sink);
  outbox.send(frameOf(50, 1));
  await outbox.sendChunk(frameOf(16, 2), frameOf(50, 2));
  assertEquals(concat(sink.writes), concat([frameOf(50, 1), frameOf(66, 2)]));
});

Deno.test("full says when 256 KiB of control messages wait, and ends when they have gone", async () => {
  const sink = new GatedSink();
  const { outbox } = outboxOn(sink);
  for (let i = 0; i < 4; i++) {
    assertEquals(outbox.full, false);
    outbox.send(frameOf(64 * KIB, i));
  }
  assertEquals(outbox.full, true);
  sink.open();
  await outbox.drained();
  assertEquals(outbox.full, false);
});

Deno.test("answersTaken() waits while 256 KiB of answers wait, and for nothing else", async () => {
  const sink = new GatedSink();
  const { outbox } = outboxOn(sink);
  for (let i = 0; i < 8; i++) outbox.send(frameOf(64 * KIB, i));
  assertEquals(await stateOf(outbox.answersTaken()), "resolved");
  for (let i = 0; i < 4; i++) outbox.sendAnswer(frameOf(64 * KIB, i));
  const taken = outbox.answersTaken();
  assertEquals(await stateOf(taken), "pending");
  sink.open();
  assertEquals(await stateOf(taken), "resolved");
});

Deno.test("drained() resolves when everything that was queued has gone", async () => {
  const sink = new GatedSink();
  const { outbox } = outboxOn(sink);
  assertEquals(await stateOf(outbox.drained()), "resolved");
  outbox.send(frameOf(20, 1));
  void outbox.sendChunk(frameOf(20, 2), frameOf(100 * KIB, 2));
  const drained = outbox.drained();
  assertEquals(await stateOf(drained), "pending");
  sink.open();
  await drained;
  assertEquals(sink.order, [1, 2, 2]);
});

Deno.test("a broken sink is reported once, and rejects everybody who waits", async () => {
  const sink = new GatedSink();
  const { outbox, broken } = outboxOn(sink);
  const waiting = [
    outbox.sendChunk(frameOf(20, 1), frameOf(100 * KIB, 1)),
    outbox.sendChunk(frameOf(20, 2), frameOf(100 * KIB, 2)),
  ];
  for (let i = 0; i < 4; i++) outbox.sendAnswer(frameOf(64 * KIB, 3));
  waiting.push(outbox.answersTaken());
  sink.break(new Error("connection reset"));
  for (const promise of waiting) await assertRejects(() => promise, Error, "connection reset");
  assertEquals(broken.map((reason) => reason.message), ["connection reset"]);
  assertEquals(sink.writes, []);
});

Deno.test("a broken sink rejects whoever comes later", async () => {
  const sink = new GatedSink();
  const { outbox, broken } = outboxOn(sink);
  sink.break(new Error("connection reset"));
  outbox.send(frameOf(20, 1));
  await settled();
  outbox.send(frameOf(20, 2));
  await assertRejects(() => outbox.sendChunk(frameOf(20, 1), frameOf(20, 1)), Error, "reset");
  await assertRejects(() => outbox.answersTaken(), Error, "reset");
  await outbox.drained();
  assertEquals(broken.length, 1);
});

Deno.test("close() rejects everybody who waits, though the write under way never ends", async () => {
  const sink = new GatedSink();
  const { outbox, broken } = outboxOn(sink);
  const underWay = outbox.sendChunk(frameOf(20, 1), frameOf(100 * KIB, 1));
  await settled();
  const queued = outbox.sendChunk(frameOf(20, 2), frameOf(100 * KIB, 2));
  for (let i = 0; i < 4; i++) outbox.sendAnswer(frameOf(64 * KIB, 3));
  const taken = outbox.answersTaken();
  const drained = outbox.drained();
  outbox.close();
  for (const promise of [underWay, queued, taken]) {
    await assertRejects(() => promise, ConnectionClosed, "the connection is closed");
  }
  assertEquals(await stateOf(drained), "resolved");
  assertEquals(broken, [], "nothing broke");
});

Deno.test("close() stops a write between two parts", async () => {
  const sink = new GatedSink(() => 10);
  const { outbox, broken } = outboxOn(sink);
  outbox.send(frameOf(100, 1));
  await settled();
  outbox.close();
  sink.open();
  await settled();
  assertEquals(sink.writes.length, 1);
  assertEquals(broken, []);
});

Deno.test("close() counts once: a second reason changes nothing", async () => {
  const { outbox } = outboxOn(new GatedSink());
  outbox.close(new Error("the first"));
  outbox.close(new Error("the second"));
  await assertRejects(() => outbox.answersTaken(), Error, "the first");
});

Deno.test("withinFrame says whether a frame has been handed over in part", async () => {
  const sink = new GatedSink(() => 10);
  const { outbox } = outboxOn(sink);
  assertEquals(outbox.withinFrame, false);
  outbox.send(frameOf(100, 1));
  await settled();
  assert(outbox.withinFrame);
  sink.open();
  await outbox.drained();
  assertEquals(outbox.withinFrame, false);
});
