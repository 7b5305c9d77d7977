import { assertEquals } from "@std/assert";
import { ErrorCode, ProtocolError } from "../../protocol/errors.ts";
import { encode, type MessageOf, WHOLE_SIZE_MAX } from "../../protocol/messages.ts";
import { settled } from "../../protocol/testing.ts";
import { ManualClock } from "../../tests/manual_clock.ts";
import { blockSizeFor } from "../content/tree.ts";
import { ArrivingBatch, type Pack, PACK_SIZE } from "./arriving_batch.ts";
import { BufferPool } from "./buffer_pool.ts";
import type { Wanted } from "./download.ts";
import { PeerLied } from "./manifest_request.ts";
import { RateLimit } from "../traffic/rate_limit.ts";
import { RateMeter } from "../traffic/rate_meter.ts";
import { FolderInMemory, type SampleFile, sampleFile, startLink } from "./testing.ts";

function sampleFiles(sizes: readonly number[]): SampleFile[] {
  return sizes.map((size, i) => sampleFile(size, { name: `${i}.bin`, seed: i + 1 }));
}

/** The answer that brings a file: its bytes are the chunk. */
function wholeOf({ manifest }: SampleFile, position: number): MessageOf<"whole"> {
  const { name, size, publisher, signatures } = manifest;
  const signature = signatures.subarray(0, 64);
  return { type: "whole", position, name, blockSize: blockSizeFor(size), publisher, signature };
}

/** A request for the files, whose answers the test plays, and what becomes of them. */
async function start(
  files: readonly SampleFile[],
  { capacity = 8 * PACK_SIZE, publisher }: { capacity?: number; publisher?: Uint8Array } = {},
) {
  const clock = new ManualClock();
  const pool = new BufferPool(capacity);
  const limit = new RateLimit(undefined, clock);
  const context = { pool, limit, received: new RateMeter(clock), folder: new FolderInMemory() };
  const { link, script, ended } = startLink();
  const wanted = files.map(({ manifest: { id, size, name } }): Wanted => {
    return { id, size, name, replace: false, ...publisher && { publisher } };
  });
  const packs: Pack[] = [];
  const lies: string[] = [];
  const lasts: boolean[] = [];
  const land = (pack: Pack) => void packs.push(pack);
  const arriving = new ArrivingBatch(wanted, { link, context, land });
  const question = {
    type: "getWhole",
    files: wanted.map(({ id, size }) => ({ id, size })),
  } as const;
  link.connection.ask(question, {
    answer: async (message, chunk, chunkSize) => {
      try {
        const isLast = await arriving.add(message, chunk, chunkSize);
        lasts.push(isLast);
        return isLast;
      } catch (reason) {
        if (!(reason instanceof PeerLied)) throw reason;
        lies.push(reason.message);
        return true;
      }
    },
    failed: () => {},
  });
  const request = await script.expect(question);
  const bring = (position: number, changes: Partial<MessageOf<"whole">> = {}) =>
    script.send(
      { ...wholeOf(files[position]!, position), ...changes },
      request,
      files[position]!.bytes,
    );
  return { pool, context, link, script, ended, packs, lies, lasts, arriving, request, bring };
}

/** The names in a pack and the bytes that go under each, as the disk will take them. */
function contentsOf({ buffer, packed }: Pack): [string, Uint8Array][] {
  return packed.map(({ wanted, item }) => {
    return [wanted.name, new Uint8Array(buffer, item.start, wanted.size)];
  });
}

Deno.test("files come in any order, and go to the disk in one piece", async () => {
  const files = sampleFiles([1000, 0, 5, 16_384]);
  const { bring, lasts, arriving, packs, pool, context, link } = await start(files);
  for (const position of [2, 0, 3, 1]) await bring(position);
  await settled();
  assertEquals(lasts, [false, false, false, true]);
  // As long as more could come, all wait for that.
  assertEquals(packs.length, 0);
  assertEquals(arriving.end(), { missing: [], late: [] });
  assertEquals(packs.map(contentsOf), [
    [2, 0, 3, 1].map((i) => [`${i}.bin`, files[i]!.bytes]),
  ]);
  const [first] = packs[0]!.packed;
  const { hashes, ...manifest } = first!.item.manifest;
  assertEquals([manifest.name, manifest.publisher], ["2.bin", files[2]!.manifest.publisher]);
  assertEquals(hashes, files[2]!.manifest.id);
  assertEquals(first!.item.target, {
    kind: "whole",
    temporary: "/memory/.p2pnode/temporary",
    path: "/memory/2.bin",
    replace: false,
  });
  // The buffer is lent until it has landed.
  assertEquals([pool.lent, context.received.total], [PACK_SIZE, 17_389]);
  link.connection.close();
});

Deno.test("a pack that is full of bytes or of files goes to the disk at once", async () => {
  const perPack = PACK_SIZE / WHOLE_SIZE_MAX;
  for (
    const [sizes, count] of [
      [Array(perPack + 1).fill(WHOLE_SIZE_MAX), perPack],
      [Array(65).fill(1), 64],
    ] as const
  ) {
    const files = sampleFiles(sizes);
    const { bring, arriving, packs, link } = await start(files);
    for (const position of files.keys()) await bring(position);
    await settled();
    assertEquals(packs.map(({ packed }) => packed.length), [count]);
    arriving.end();
    assertEquals(packs.flatMap(contentsOf), files.map((file, i) => [`${i}.bin`, file.bytes]));
    link.connection.close();
  }
});

Deno.test("what the peer denies is told apart from what did not come", async () => {
  const files = sampleFiles([10, 20, 30]);
  const { script, request, bring, arriving, packs, pool, link } = await start(files);
  await script.send({ type: "missing", position: 1 }, request);
  await bring(2);
  await settled();
  const { missing, late } = arriving.end();
  assertEquals([missing, late].map((list) => list.map(({ name }) => name)), [["1.bin"], ["0.bin"]]);
  assertEquals(packs.map(contentsOf), [[["2.bin", files[2]!.bytes]]]);
  pool.give(packs[0]!.buffer);
  assertEquals(pool.lent, 0);
  link.connection.close();
});

Deno.test("a file of another publisher is as good as missing", async () => {
  const files = sampleFiles([10, 20]);
  const { bring, arriving, packs, lasts, pool, link } = await start(files, {
    publisher: files[0]!.manifest.publisher,
  });
  await bring(1);
  await bring(0);
  await settled();
  assertEquals(lasts, [false, true]);
  assertEquals(arriving.end().missing.map(({ name }) => name), ["1.bin"]);
  assertEquals(packs.map(contentsOf), [[["0.bin", files[0]!.bytes]]]);
  assertEquals(pool.lent, PACK_SIZE);
  link.connection.close();
});

Deno.test("whoever sends something else than the file lies", async () => {
  const files = sampleFiles([10, 20]);
  const lies = [
    [{ blockSize: 12_345 }, "sent a false manifest of 0.bin: "],
    [{ signature: new Uint8Array(63) }, "sent a false manifest of 0.bin: "],
    [{ position: 1 }, "sent 1.bin with a wrong size"],
  ] as const;
  for (const [changes, what] of lies) {
    const { bring, lies, lasts, packs, arriving, pool, link } = await start(files);
    await bring(0, changes);
    await settled();
    assertEquals(lies.map((lie) => lie.slice(0, what.length)), [what]);
    assertEquals([lasts, pool.lent], [[], 0]);
    assertEquals(arriving.end().late.length, 2);
    assertEquals(packs, []);
    link.connection.close();
  }
});

Deno.test("an answer that nobody asked for ends the link", async () => {
  const files = sampleFiles([10, 20]);
  const answers = [
    [{ type: "missing", position: 2 }, ErrorCode.malformed],
    // This one has come already.
    [{ type: "missing", position: 0 }, ErrorCode.malformed],
    [{ type: "ok" }, ErrorCode.unexpected],
  ] as const;
  for (const [answer, code] of answers) {
    const { bring, script, request, ended } = await start(files);
    await bring(0);
    await script.send(answer, request);
    const reason = await ended;
    assertEquals(reason instanceof ProtocolError && reason.code, code);
  }
});

Deno.test("what is half read when the batch ends never goes to the disk", async () => {
  const files = sampleFiles([1000, 2000]);
  const { bring, script, request, arriving, packs, pool, lasts, link } = await start(files);
  await bring(0);
  const { bytes } = files[1]!;
  await script.write(encode(wholeOf(files[1]!, 1), request, bytes.length));
  await script.write(bytes.subarray(0, 500));
  await settled();
  assertEquals(arriving.end().late.map(({ name }) => name), ["1.bin"]);
  // The rest still goes into the buffer, so nobody else may have that.
  assertEquals([packs.length, pool.lent], [0, PACK_SIZE]);
  await script.write(bytes.subarray(500));
  await settled();
  assertEquals(packs.map(contentsOf), [[["0.bin", files[0]!.bytes]]]);
  assertEquals(lasts, [false, false]);
  link.connection.close();
});

Deno.test("the end of the link in the middle of a file gives the memory back", async () => {
  const files = sampleFiles([1000, 2000]);
  const { script, request, arriving, packs, pool, link, ended } = await start(files);
  await script.write(encode(wholeOf(files[0]!, 0), request, 1000));
  await script.write(files[0]!.bytes.subarray(0, 500));
  await settled();
  assertEquals(pool.lent, PACK_SIZE);
  link.connection.close();
  await ended;
  assertEquals(arriving.end().late.length, 2);
  assertEquals([packs, pool.lent], [[], 0]);
});

Deno.test("nothing is read while there is no memory for it", async () => {
  const files = sampleFiles([1000]);
  const { bring, arriving, packs, pool, link } = await start(files, { capacity: PACK_SIZE });
  const held = pool.take(PACK_SIZE) as ArrayBuffer;
  await bring(0);
  await settled();
  assertEquals([link.isHeldBack, link.contentBytes], [true, 0]);
  pool.give(held);
  await settled();
  assertEquals([link.isHeldBack, link.contentBytes], [false, 1000]);
  arriving.end();
  assertEquals(packs.map(contentsOf), [[["0.bin", files[0]!.bytes]]]);
  link.connection.close();
});
