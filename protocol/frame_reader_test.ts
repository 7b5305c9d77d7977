import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { toHex } from "./bytes.ts";
import { ErrorCode, ProtocolError, StreamCutOff } from "./errors.ts";
import { Cursor } from "./fields.ts";
import { FrameReader } from "./frame_reader.ts";
import { BODY_SIZE_MAX, CHUNK_SIZE_MAX, HEADER_SIZE, writeHeader } from "./header.ts";
import { encode, messages } from "./messages.ts";
import {
  anyFrame,
  concat,
  frameOf,
  messageNames,
  type SampleFrame,
  seededRandom,
  wireBytes,
} from "./testing.ts";

/** Hands out `bytes` in slices, and notes how much each read asked for. */
class SlicedSource {
  readonly asked: number[] = [];
  #at = 0;
  constructor(readonly bytes: Uint8Array, readonly sliceSize: (at: number) => number) {}

  get askedMax(): number {
    return this.asked.reduce((max, size) => Math.max(max, size), 0);
  }

  read(into: Uint8Array): Promise<number | null> {
    assert(into.length > 0, "a read into nothing would never end");
    this.asked.push(into.length);
    const left = this.bytes.length - this.#at;
    if (left === 0) return Promise.resolve(null);
    const count = Math.min(into.length, left, this.sliceSize(this.#at));
    into.set(this.bytes.subarray(this.#at, this.#at + count));
    this.#at += count;
    return Promise.resolve(count);
  }
}

/** Two slices, cut at `at`. */
function cutAt(bytes: Uint8Array, border: number): SlicedSource {
  return new SlicedSource(bytes, (at) => at < border ? border - at : Infinity);
}

function whole(bytes: Uint8Array): SlicedSource {
  return new SlicedSource(bytes, () => Infinity);
}

interface Outcome {
  readonly frames: SampleFrame[];
  readonly error?: unknown;
}

/** Reads frames with their chunks until the stream ends or fails. */
async function readAll(source: SlicedSource): Promise<Outcome> {
  const reader = new FrameReader(source);
  const frames: SampleFrame[] = [];
  try {
    for (let frame; (frame = await reader.next()) !== null;) {
      const { message, request, chunkSize } = frame;
      const chunk = new Uint8Array(chunkSize);
      await reader.readChunk(chunk);
      frames.push({ message, request, chunk });
    }
    return { frames };
  } catch (error) {
    return { frames, error };
  }
}

function assertProtocolError(error: unknown): asserts error is ProtocolError {
  if (error instanceof ProtocolError) return;
  throw new Error("Expected a ProtocolError", { cause: error });
}

const smallFrames: SampleFrame[] = [
  { message: { type: "ping" }, request: 7, chunk: new Uint8Array(0) },
  {
    message: { type: "blockData", offset: 5 },
    request: 9,
    chunk: Uint8Array.from({ length: 40 }, (_, i) => i),
  },
  { message: { type: "error", code: 6, reason: "é€🙂" }, request: 9, chunk: new Uint8Array(0) },
  { message: { type: "manifestPart" }, request: 1, chunk: new Uint8Array([0x50, 0x32]) },
  {
    message: {
      type: "have",
      id: new Uint8Array(32).fill(1),
      size: 2 ** 40,
      indexes: [0, 1, 0xffff_ffff],
    },
    request: 0,
    chunk: new Uint8Array(0),
  },
];

Deno.test("next() gives the same frames at every split point of a stream", async () => {
  const bytes = wireBytes(...smallFrames);
  for (let at = 0; at <= bytes.length; at++) {
    assertEquals(await readAll(cutAt(bytes, at)), { frames: smallFrames }, `cut at ${at}`);
  }
});

Deno.test("next() gives the same frames when bytes arrive one by one", async () => {
  const source = new SlicedSource(wireBytes(...smallFrames), () => 1);
  assertEquals(await readAll(source), { frames: smallFrames });
});

Deno.test("next() gives the same frames however a stream is sliced", async () => {
  const frames = fc.array(anyFrame, { maxLength: 8 });
  await fc.assert(fc.asyncProperty(frames, fc.nat(), fc.nat(14), async (frames, seed, power) => {
    const random = seededRandom(seed);
    const sliceSize = () => 1 + Math.floor(random() * 2 ** power);
    assertEquals(await readAll(new SlicedSource(wireBytes(...frames), sliceSize)), { frames });
  }));
});

Deno.test("next() ends cleanly between frames, and with an error within one", async () => {
  const bytes = wireBytes(...smallFrames);
  const borders = smallFrames.map((_, count) => wireBytes(...smallFrames.slice(0, count)).length);
  for (let size = 0; size < bytes.length; size++) {
    const { frames, error } = await readAll(whole(bytes.subarray(0, size)));
    const complete = borders.findLastIndex((border) => border <= size);
    assertEquals(frames, smallFrames.slice(0, complete), `cut at ${size}`);
    if (size === borders[complete]) {
      assertEquals(error, undefined, `cut at ${size}`);
    } else {
      assertProtocolError(error);
      assertEquals(error.code, ErrorCode.malformed);
      assert(error instanceof StreamCutOff, error.message);
      assert(error.message.includes("ended within a"), error.message);
    }
  }
});

Deno.test("next() ends with an error at every truncation of any frame", async () => {
  for (const name of messageNames) {
    await fc.assert(
      fc.asyncProperty(frameOf(name), fc.nat(), async (frame, at) => {
        const bytes = wireBytes(frame);
        const size = 1 + at % (bytes.length - 1);
        const { frames, error } = await readAll(whole(bytes.subarray(0, size)));
        assertEquals(frames, []);
        assertProtocolError(error);
        assert(error.message.includes("ended within a"), error.message);
      }),
      { numRuns: 20 },
    );
  }
});

/** What was read must be exactly what `bytes` say, up to the first broken rule. */
async function assertExactOrRefused(bytes: Uint8Array): Promise<void> {
  const { frames, error } = await readAll(whole(bytes));
  const again = toHex(wireBytes(...frames));
  if (error === undefined) {
    assertEquals(again, toHex(bytes));
  } else {
    assertProtocolError(error);
    assert(toHex(bytes).startsWith(again));
  }
}

Deno.test("next() takes every one-byte change for what it says, or refuses it", async () => {
  const bytes = wireBytes(...smallFrames.slice(0, 3));
  for (let at = 0; at < bytes.length; at++) {
    for (let change = 1; change < 256; change++) {
      bytes[at]! ^= change;
      await assertExactOrRefused(bytes);
      bytes[at]! ^= change;
    }
  }
});

Deno.test("next() takes a one-byte change of any frame for what it says, or refuses it", async () => {
  for (const name of messageNames) {
    const change = fc.record({ at: fc.nat(), by: fc.integer({ min: 1, max: 255 }) });
    await fc.assert(
      fc.asyncProperty(frameOf(name), fc.array(change), async (frame, changes) => {
        const bytes = wireBytes(frame);
        for (const { at, by } of changes) {
          bytes[at % bytes.length]! ^= by;
          await assertExactOrRefused(bytes);
          bytes[at % bytes.length]! ^= by;
        }
      }),
      { numRuns: 40 },
    );
  }
});

Deno.test("next() survives any bytes behind a valid header", async () => {
  const type = fc.constantFrom(...messageNames);
  await fc.assert(
    fc.asyncProperty(type, fc.uint8Array({ size: "large" }), async (name, body) => {
      const head = new Uint8Array(HEADER_SIZE);
      const { number, bodySizeMax } = messages[name];
      const bodySize = Math.min(body.length, bodySizeMax);
      const header = { type: number, request: 1, bodySize, chunkSize: 0 };
      writeHeader(new DataView(head.buffer), 0, header);
      await assertExactOrRefused(concat([head, body.subarray(0, bodySize)]));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("next() refuses sizes over the limits before it takes memory", async () => {
  const bodySizeAt = 8;
  const chunkSizeAt = 12;
  for (const at of [bodySizeAt, chunkSizeAt]) {
    for (const size of [CHUNK_SIZE_MAX + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
      const frame = encode({ type: "blockData", offset: 0 }, 1);
      new Cursor(frame).view.setUint32(at, size);
      const source = whole(frame);
      const { error } = await readAll(source);
      assertProtocolError(error);
      assertEquals(error.code, ErrorCode.limit);
      assertEquals(source.asked, [512]);
    }
  }
});

Deno.test("next() keeps a small buffer while messages are small", async () => {
  const ping = { message: { type: "ping" }, request: 1, chunk: new Uint8Array(0) } as const;
  const source = new SlicedSource(wireBytes(...Array(500).fill(ping)), () => HEADER_SIZE);
  await readAll(source);
  assert(source.askedMax <= 512, `${source.askedMax} bytes were asked for`);
});

Deno.test("next() never asks for more than the largest body with its header", async () => {
  const frames = fc.array(frameOf("announce"), { minLength: 4, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(frames, async (frames) => {
      const source = whole(wireBytes(...frames));
      await readAll(source);
      assert(source.askedMax <= BODY_SIZE_MAX + HEADER_SIZE);
    }),
    { numRuns: 20 },
  );
});

Deno.test("next() gives up its large buffer when a busy stream becomes idle", async () => {
  const large = { type: "opened", have: new Uint8Array(30_000) } as const;
  const busy = concat(Array(8).fill(encode(large, 1)));
  const idle = concat(Array(4).fill(encode({ type: "ping" }, 1)));
  const source = new SlicedSource(
    concat([busy, idle]),
    (at) => at < busy.length ? busy.length - at : HEADER_SIZE,
  );
  assertEquals((await readAll(source)).frames.length, 12);
  assertEquals(source.askedMax, 64 * 1024);
  assertEquals(source.asked.at(-1), 512);
});

Deno.test("readChunk() reads straight into the caller's buffer, in as many parts as it likes", async () => {
  const chunk = Uint8Array.from({ length: 10_000 }, (_, i) => i * 7);
  const bytes = concat([
    encode({ type: "blockData", offset: 0 }, 1, chunk.length),
    chunk,
    encode({ type: "ping" }, 2),
  ]);
  const parts = fc.array(fc.nat(4000), { maxLength: 6 });
  await fc.assert(fc.asyncProperty(parts, fc.nat(), async (sizes, seed) => {
    const random = seededRandom(seed);
    const source = new SlicedSource(bytes, () => 1 + Math.floor(random() * 5000));
    const reader = new FrameReader(source);
    await reader.next();
    let at = 0;
    for (const size of sizes) {
      const part = new Uint8Array(Math.min(size, chunk.length - at));
      await reader.readChunk(part);
      assertEquals(toHex(part), toHex(chunk.subarray(at, at + part.length)));
      at += part.length;
    }
    // What was not read of the chunk is skipped.
    assertEquals((await reader.next())!.message, { type: "ping" });
    assertEquals(await reader.next(), null);
  }));
});

Deno.test("next() reads little between large chunks, also after it was busy with small frames", async () => {
  const small = encode({ type: "opened", have: new Uint8Array(30_000) }, 1);
  const chunk = new Uint8Array(100_000);
  const large = concat([encode({ type: "blockData", offset: 0 }, 2, chunk.length), chunk]);
  const source = whole(concat([...Array(8).fill(small), ...Array(4).fill(large)]));
  const reader = new FrameReader(source);
  for (let count = 0; count < 9; count++) await reader.next();
  await reader.readChunk(chunk);
  const before = source.asked.length;
  for (let count = 0; count < 3; count++) {
    await reader.next();
    await reader.readChunk(chunk);
  }
  const [head, rest] = [512, large.length - 512];
  assertEquals(source.asked.slice(before), [head, rest, head, rest, head, rest]);
});

Deno.test("readChunk() refuses to read past the chunk", async () => {
  const reader = new FrameReader(whole(wireBytes(smallFrames[1]!)));
  await reader.next();
  await assertRejects(() => reader.readChunk(new Uint8Array(41)), RangeError, "has 40 left");
});

Deno.test("next() skips a chunk that nobody read without keeping it", async () => {
  const chunk = new Uint8Array(2 ** 20);
  const source = whole(concat([
    encode({ type: "blockData", offset: 0 }, 1, chunk.length),
    chunk,
    encode({ type: "ping" }, 2),
  ]));
  const reader = new FrameReader(source);
  assertEquals((await reader.next())!.chunkSize, chunk.length);
  assertEquals((await reader.next())!.message.type, "ping");
  assert(source.askedMax <= BODY_SIZE_MAX);
});

Deno.test("next() says so when the stream ends within a chunk that is skipped", async () => {
  const source = whole(encode({ type: "blockData", offset: 0 }, 1, 10));
  const reader = new FrameReader(source);
  await reader.next();
  await assertRejects(() => reader.next(), ProtocolError, "ended within a chunk");
});

Deno.test("next() passes on what the stream throws", async () => {
  const reader = new FrameReader({ read: () => Promise.reject(new Error("connection reset")) });
  await assertRejects(() => reader.next(), Error, "connection reset");
});
