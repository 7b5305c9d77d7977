/** Several nodes on one file, end to end: parts from many, deaths in the middle, and giving while taking. */

import { assert, assertEquals } from "@std/assert";
import { randomBytes, sameFile } from "./files.ts";
import { publish } from "./hostile.ts";
import { toHex } from "../protocol/bytes.ts";
import type { RunningProcess } from "./harness.ts";
import { MIB, startSwarm, type TestSwarm } from "./swarm.ts";

const SIZE = 12 * MIB;
const BLOCK_SIZE = MIB / 4;

function progress(process: RunningProcess, bytes: number) {
  return process.waitForEvent("progress", { fits: (event) => Number(event.bytes) >= bytes });
}

/** Leaves the remains of an earlier download in a folder: every third block, from `first` on. */
async function leaveThird(swarm: TestSwarm, folder: string, first: number): Promise<void> {
  const { manifest, bytes } = publish("a.bin", randomBytes(SIZE, 1));
  const path = swarm.join(folder, ".p2pnode/parts", `${toHex(manifest.id)}-${SIZE}.part`);
  using part = await Deno.open(path, { write: true, createNew: true });
  for (let at = first * BLOCK_SIZE; at < SIZE; at += 3 * BLOCK_SIZE) {
    part.seekSync(at, Deno.SeekMode.Start);
    part.writeSync(bytes.subarray(at, at + BLOCK_SIZE));
  }
  part.truncateSync(SIZE);
}

Deno.test("three nodes with a third each complete one another when the seeder is killed", async () => {
  await using swarm = await startSwarm();
  const path = await swarm.write("seeder/a.bin", { size: SIZE });
  // It has time to hand out the manifest and a few blocks.
  const seeder = await swarm.startPeer("seeder", "--up-limit", "512KiB");
  await swarm.listUntil(({ files }) => files.length === 1);
  const outs = ["out-0", "out-1", "out-2"];
  for (const [third, out] of outs.entries()) await leaveThird(swarm, out, third);
  // Together they have 24 MiB to send, so that nobody is done for a while.
  const flags = ["--seed", "--up-limit", "1MiB"];
  const gets = await Promise.all(outs.map((out) => swarm.startGet(["a.bin", ...flags], out)));
  for (const get of gets) await progress(get, SIZE / 3);
  seeder.process.signal("SIGKILL");
  // What the seeder can have sent by then is not enough for any of them.
  assert(!gets.some(({ events }) => events.some(({ event }) => event === "done")));
  for (const [index, get] of gets.entries()) {
    assert(Number((await get.waitForEvent("done")).peers) >= 2);
    assert(await sameFile(path, swarm.join(outs[index]!, "a.bin")));
  }
});

Deno.test("a seeder that is killed in the middle is not missed", async () => {
  await using swarm = await startSwarm();
  const path = await swarm.write("one/a.bin", { size: SIZE });
  await swarm.write("two/a.bin", { size: SIZE });
  const one = await swarm.startPeer("one", "--up-limit", "1MiB");
  const two = await swarm.startPeer("two", "--up-limit", "1MiB");
  await swarm.listUntil(({ files }) => files[0]?.seeders === 2);
  const get = await swarm.startGet(["a.bin"], "out");
  await get.waitForEvent("progress", {
    fits: ({ bytes, peers }) => Number(bytes) >= MIB && peers === 2,
  });
  one.process.signal("SIGKILL");
  const done = await get.waitForEvent("done");
  assertEquals(await get.exit(), 0);
  assertEquals([done.peers, done.bad_blocks], [2, 0]);
  assert(await sameFile(path, swarm.join("out/a.bin")));
  assertEquals(get.stderr, []);
  assert(await two.sentBytes() > SIZE / 3);
});

Deno.test("the only seeder is killed, started again on another port, and used again", async () => {
  await using swarm = await startSwarm();
  const path = await swarm.write("seeder/a.bin", { size: SIZE });
  const killed = await swarm.startPeer("seeder", "--up-limit", "1MiB");
  await swarm.listUntil(({ files }) => files.length === 1);
  const get = await swarm.startGet(["a.bin"], "out");
  await progress(get, MIB);
  killed.process.signal("SIGKILL");
  await killed.process.exit();
  await swarm.startPeer("seeder");
  await get.waitForEvent("done");
  assertEquals(await get.exit(), 0);
  assert(await sameFile(path, swarm.join("out/a.bin")));
});

Deno.test("a seeder that joins in the middle is used", async () => {
  await using swarm = await startSwarm();
  const path = await swarm.write("slow/a.bin", { size: SIZE });
  await swarm.startPeer("slow", "--up-limit", "128KiB");
  await swarm.listUntil(({ files }) => files.length === 1);
  const get = await swarm.startGet(["a.bin"], "out");
  await progress(get, 1);
  await swarm.write("late/a.bin", { size: SIZE });
  const late = await swarm.startPeer("late");
  const done = await get.waitForEvent("done");
  assertEquals(await get.exit(), 0);
  assertEquals(done.peers, 2);
  assert(await sameFile(path, swarm.join("out/a.bin")));
  assert(await late.sentBytes() > SIZE / 2);
});

Deno.test("four leechers at once feed each other: the seeder sends less than two copies", async () => {
  await using swarm = await startSwarm();
  const size = 32 * MIB;
  const path = await swarm.write("seeder/a.bin", { size });
  // Slow enough that all are there before one of them has everything and goes.
  const seeder = await swarm.startPeer("seeder", "--up-limit", "5MiB");
  await swarm.listUntil(({ files }) => files.length === 1);
  const outs = ["out-0", "out-1", "out-2", "out-3"];
  const gets = await Promise.all(outs.map((out) => swarm.startGet(["a.bin"], out)));
  for (const [index, get] of gets.entries()) {
    assertEquals(await get.exit(), 0);
    assert(await sameFile(path, swarm.join(outs[index]!, "a.bin")));
  }
  const sent = await seeder.sentBytes();
  assert(sent >= size && sent < 2 * size, `the seeder sent ${sent} bytes`);
});

Deno.test("a peer serves the blocks that it has while it still downloads", async () => {
  await using swarm = await startSwarm();
  await swarm.write("seeder/a.bin", { size: SIZE });
  await swarm.startPeer("seeder", "--up-limit", "512KiB");
  await swarm.listUntil(({ files }) => files.length === 1);
  const first = await swarm.startPeer("first", "--get", "a.bin");
  await progress(first.process, SIZE / 4);
  // It is known as somebody who has a part.
  const [file] = (await swarm.listUntil(({ files }) => files[0]?.leechers === 1)).files;
  assertEquals(file!.seeders, 1);
  const second = await swarm.startGet(["a.bin"], "second");
  // More comes to the second one than the seeder can have sent it by the time that the first one is done.
  await progress(second, SIZE / 4);
  const sent = await first.sentBytes();
  assert(!first.process.events.some(({ event }) => event === "done"), "the test took too long");
  assert(sent >= SIZE / 8, `it sent ${sent} bytes`);
});
