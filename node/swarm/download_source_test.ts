import { assertEquals } from "@std/assert";
import { Bitfield } from "../../protocol/bitfield.ts";
import { ErrorCode } from "../../protocol/errors.ts";
import { encode } from "../../protocol/messages.ts";
import { settled } from "../../protocol/testing.ts";
import { ManualClock } from "../../tests/manual_clock.ts";
import { LEAF_SIZE } from "../content/tree.ts";
import { BufferPool } from "./buffer_pool.ts";
import { DownloadSource } from "./download_source.ts";
import { RateLimit } from "../traffic/rate_limit.ts";
import { RateMeter } from "../traffic/rate_meter.ts";
import { sampleFile, startLink } from "./testing.ts";

const { manifest, bytes } = sampleFile(3 * LEAF_SIZE + 5);
const { id, size } = manifest;
const blockOf = (index: number) => bytes.slice(index * LEAF_SIZE, (index + 1) * LEAF_SIZE);

/** A source whose peer the test plays, and what becomes of the blocks. */
function start({ capacity = 1 << 20 } = {}) {
  const clock = new ManualClock();
  const pool = new BufferPool(capacity);
  const { link, script, ended } = startLink();
  const arrived: { index: number; buffer: ArrayBuffer }[] = [];
  const lost: { index: number; absent: boolean }[] = [];
  const limit = new RateLimit(undefined, clock);
  const received = new RateMeter(clock);
  const options = { manifest, pool, limit, received, clock };
  const source = new DownloadSource(link, Bitfield.all(4), options, {
    arrived: (_, index, buffer) => arrived.push({ index, buffer }),
    lost: (_, index, absent) => lost.push({ index, absent }),
  });
  const askOne = async (index: number) => {
    source.ask(index);
    return await script.expect({ type: "getBlock", id, size, index });
  };
  return { clock, pool, link, script, ended, arrived, lost, source, askOne };
}

Deno.test("a block arrives whole, in one piece or several", async () => {
  const { askOne, script, arrived, source, pool, link } = start();
  const [first, second] = [await askOne(1), await askOne(3)];
  await script.send({ type: "blockData", offset: 0 }, first, blockOf(1).subarray(0, 1000));
  await script.send({ type: "blockData", offset: 0 }, second, blockOf(3));
  await script.send({ type: "blockData", offset: 1000 }, first, blockOf(1).subarray(1000));
  await settled();
  assertEquals(arrived.map(({ index }) => index), [3, 1]);
  assertEquals(new Uint8Array(arrived[0]!.buffer, 0, 5), blockOf(3));
  assertEquals(new Uint8Array(arrived[1]!.buffer, 0, LEAF_SIZE), blockOf(1));
  assertEquals([source.idle, pool.lent], [true, 2 * LEAF_SIZE]);
  link.connection.close();
});

Deno.test("a piece that does not fit ends the link and gives the memory back", async () => {
  const half = LEAF_SIZE / 2;
  for (const [offset, length] of [[1, 10], [half, half + 1], [half, 0], [0, half]] as const) {
    const { askOne, script, lost, pool, ended } = start();
    const request = await askOne(0);
    await script.send({ type: "blockData", offset: 0 }, request, blockOf(0).subarray(0, half));
    await script.send({ type: "blockData", offset }, request, new Uint8Array(length));
    assertEquals((await ended)!.name, "ProtocolError");
    assertEquals(lost, [{ index: 0, absent: false }]);
    assertEquals(pool.lent, 0);
  }
});

Deno.test("a block that the peer denies is lost, and told apart from one that failed", async () => {
  const { askOne, script, lost, link } = start();
  const [first, second] = [await askOne(0), await askOne(1)];
  await script.send({ type: "error", code: ErrorCode.absent, reason: "" }, first);
  await script.send({ type: "error", code: ErrorCode.failed, reason: "" }, second);
  await settled();
  assertEquals(lost, [{ index: 0, absent: true }, { index: 1, absent: false }]);
  link.connection.close();
});

Deno.test("a cancelled block gives its memory back, also while it is read", async () => {
  const { askOne, script, source, arrived, lost, pool, link } = start({ capacity: LEAF_SIZE });
  const first = await askOne(0);
  await script.send({ type: "blockData", offset: 0 }, first, blockOf(0).subarray(0, 100));
  await settled();
  source.cancel(0);
  assertEquals([arrived, lost, pool.lent], [[], [], 0]);

  assertEquals((await script.next())!.message, { type: "cancel" });
  const second = await askOne(1);
  const half = blockOf(1).subarray(0, LEAF_SIZE / 2);
  await script.write(encode({ type: "blockData", offset: 0 }, second, LEAF_SIZE));
  await script.write(half);
  await settled();
  source.cancel(1);
  assertEquals(pool.lent, LEAF_SIZE);
  await script.write(half);
  await settled();
  assertEquals([arrived, lost, pool.lent], [[], [], 0]);
  link.connection.close();
});

Deno.test("a block that is cancelled while its memory is waited for does not keep it", async () => {
  const { askOne, script, source, arrived, pool, link } = start({ capacity: LEAF_SIZE });
  const held = pool.take(LEAF_SIZE) as ArrayBuffer;
  const request = await askOne(0);
  void script.send({ type: "blockData", offset: 0 }, request, blockOf(0));
  await settled();
  assertEquals(link.isHeldBack, true);
  source.cancel(0);
  pool.give(held);
  await settled();
  assertEquals([arrived, pool.lent, link.isHeldBack], [[], 0, false]);
  link.connection.close();
});

Deno.test("a peer that owes a block and sends none stalls, whatever else it sends", async () => {
  const { askOne, script, source, clock, link } = start();
  source.tick(clock.now());
  const request = await askOne(0);
  for (let second = 1; second <= 4; second++) {
    await clock.advance(1_000);
    await script.send({ type: "ping" }, second);
    await script.expect({ type: "ok" });
    assertEquals(source.tick(clock.now()), false);
  }
  await clock.advance(1_000);
  assertEquals([source.tick(clock.now()), source.isStalled], [true, true]);
  // It is told once, and takes one block at a time.
  assertEquals([source.tick(clock.now()), source.hasRoom], [false, false]);
  await script.send({ type: "blockData", offset: 0 }, request, blockOf(0));
  await settled();
  assertEquals([source.isStalled, source.hasRoom], [false, true]);
  link.connection.close();
});

Deno.test("a peer is not stalled while this node holds back", async () => {
  const { askOne, script, source, clock, pool, link } = start({ capacity: LEAF_SIZE });
  const held = pool.take(LEAF_SIZE) as ArrayBuffer;
  const request = await askOne(0);
  void script.send({ type: "blockData", offset: 0 }, request, blockOf(0));
  await settled();
  await clock.advance(60_000);
  assertEquals([source.tick(clock.now()), source.isStalled], [false, false]);
  pool.give(held);
  await settled();
  assertEquals(source.idle, true);
  link.connection.close();
});
