/** Transfers that are stopped and taken up again, end to end, and transfers that are slowed down. */

import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { sameFile, treeOf } from "./files.ts";
import type { RunningProcess } from "./harness.ts";
import { MIB, startSwarm, type TestPeer, type TestSwarm } from "./swarm.ts";

const SIZE = 16 * MIB;
const BLOCK_SIZE = MIB / 4;

/** A swarm whose seeder sends slowly enough to be stopped in the middle, also by a machine that is very busy. */
async function startSlowSwarm(): Promise<{ swarm: TestSwarm; seeder: TestPeer; path: string }> {
  const swarm = await startSwarm();
  const path = await swarm.write("seeder/a.bin", { size: SIZE });
  const seeder = await swarm.startPeer("seeder", "--up-limit", "1MiB");
  await swarm.listUntil(({ files }) => files.length === 1);
  return { swarm, seeder, path };
}

/** Waits until so many bytes have come. Answers how many there were then. */
async function progress(get: RunningProcess, bytes: number): Promise<number> {
  const event = await get.waitForEvent("progress", {
    fits: (event) => Number(event.bytes) >= bytes,
  });
  return Number(event.bytes);
}

/** Ends the slow seeder and starts one without a limit, which has sent nothing yet. */
async function changeSeeder(swarm: TestSwarm, slow: TestPeer): Promise<TestPeer> {
  assertEquals(await slow.quit(), 0);
  const fast = await swarm.startPeer("seeder");
  await swarm.listUntil(({ files }) => files.length === 1);
  return fast;
}

/** The partial file that is in a folder. */
function partIn(folder: string): string {
  const parts = join(folder, ".p2pnode", "parts");
  const [part, ...others] = [...Deno.readDirSync(parts)].map(({ name }) => name);
  assertEquals(others, []);
  return join(parts, part!);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`${signal} in the middle of a get: exit code 1, and only what has come is kept`, async () => {
    const { swarm, seeder, path } = await startSlowSwarm();
    await using _swarm = swarm;
    const get = await swarm.startGet(["a.bin"], "out");
    await progress(get, MIB);
    get.signal(signal);
    assertEquals([await get.exit(), get.stderr], [1, [
      "p2pnode: stopped before everything was here; the same command goes on from here",
    ]]);
    const left = Object.keys(await treeOf(swarm.join("out")));
    assertEquals(left.filter((name) => !name.endsWith(".part")), [
      ".p2pnode",
      ".p2pnode/lock",
      ".p2pnode/parts",
    ]);
    assertEquals((await swarm.list()).nodes.length, 1);

    await changeSeeder(swarm, seeder);
    assertEquals((await swarm.get(["a.bin"], "out")).code, 0);
    assertEquals(Object.keys(await treeOf(swarm.join("out"))), ["a.bin"]);
    assert(await sameFile(path, swarm.join("out/a.bin")));
  });
}

Deno.test("SIGINT before anything has come leaves nothing", async () => {
  await using swarm = await startSwarm("--expect", "3");
  await swarm.write("seeder/a.bin", { size: 1000 });
  await swarm.startPeer("seeder");
  await swarm.listUntil(({ files }) => files.length === 1);
  // It waits for the batch.
  const get = await swarm.startGet(["a.bin"], "out");
  await swarm.listUntil(({ nodes }) => nodes.length === 2);
  get.signal("SIGINT");
  assertEquals([await get.exit(), get.stderr.length], [1, 1]);
  assertEquals(await treeOf(swarm.join("out")), {});
});

Deno.test("after SIGKILL only the rest is fetched", async () => {
  const { swarm, seeder, path } = await startSlowSwarm();
  await using _swarm = swarm;
  const killed = await swarm.startGet(["a.bin"], "out");
  const kept = await progress(killed, SIZE / 4);
  killed.signal("SIGKILL");
  await killed.exit();

  const fast = await changeSeeder(swarm, seeder);
  const get = await swarm.startGet(["a.bin"], "out");
  assertEquals(await get.exit(), 0);
  assertEquals(Object.keys(await treeOf(swarm.join("out"))), ["a.bin"]);
  assert(await sameFile(path, swarm.join("out/a.bin")));
  const sent = await fast.sentBytes();
  // Beside the blocks, the manifest takes 96 bytes for each; the status is rounded.
  assert(sent <= SIZE - kept + MIB / 8, `${kept} bytes were here, and ${sent} were sent`);
  assert(sent > 0);
});

Deno.test("what is left of a killed get is verified, not trusted", async () => {
  const { swarm, seeder, path } = await startSlowSwarm();
  await using _swarm = swarm;
  const killed = await swarm.startGet(["a.bin"], "out");
  await progress(killed, SIZE / 4);
  killed.signal("SIGKILL");
  await killed.exit();
  // One wrong bit in every block, whether it has come or not.
  const part = partIn(swarm.join("out"));
  const bytes = await Deno.readFile(part);
  assertEquals(bytes.length, SIZE);
  for (let at = 7; at < SIZE; at += BLOCK_SIZE) bytes[at]! ^= 0x10;
  await Deno.writeFile(part, bytes);

  const fast = await changeSeeder(swarm, seeder);
  const get = await swarm.startGet(["a.bin"], "out");
  assertEquals(await get.exit(), 0);
  assertEquals(get.events.at(-1)!.bad_blocks, 0);
  assert(await sameFile(path, swarm.join("out/a.bin")));
  assert(await fast.sentBytes() >= SIZE);
});

for (
  const [what, spoil] of [
    ["cut off", (part: string) => Deno.truncateSync(part, SIZE / 3)],
    ["made longer", (part: string) => Deno.truncateSync(part, SIZE + 100)],
    ["emptied", (part: string) => Deno.truncateSync(part, 0)],
  ] as const
) {
  Deno.test(`what is left of a killed get may have been ${what}`, async () => {
    const { swarm, seeder, path } = await startSlowSwarm();
    await using _swarm = swarm;
    const killed = await swarm.startGet(["a.bin"], "out");
    await progress(killed, MIB);
    killed.signal("SIGKILL");
    await killed.exit();
    spoil(partIn(swarm.join("out")));
    await changeSeeder(swarm, seeder);
    const { code, stderr } = await swarm.get(["a.bin"], "out");
    assertEquals([code, stderr], [0, ""]);
    assertEquals(Object.keys(await treeOf(swarm.join("out"))), ["a.bin"]);
    assert(await sameFile(path, swarm.join("out/a.bin")));
  });
}

for (const flag of ["--up-limit", "--down-limit"]) {
  Deno.test(`${flag} holds over the time of a transfer`, async () => {
    await using swarm = await startSwarm();
    await swarm.write("seeder/a.bin", { size: SIZE });
    const limit = [flag, "2MiB"];
    await swarm.startPeer("seeder", ...flag === "--up-limit" ? limit : []);
    await swarm.listUntil(({ files }) => files.length === 1);
    const startMs = performance.now();
    const get = await swarm.startGet(["a.bin", ...flag === "--down-limit" ? limit : []], "out");
    const bytes = await progress(get, 5 * MIB);
    const seconds = (performance.now() - startMs) / 1000;
    // On a busy machine more time goes by, and fewer bytes come in it. What may come at once at the
    // beginning is a fifth of a second's worth, and a block that was let pass whole.
    assert(bytes <= seconds * 2 * MIB + 1.5 * MIB, `${bytes} bytes in ${seconds} s`);
    get.signal("SIGINT");
    assertEquals(await get.exit(), 1);
  });
}
