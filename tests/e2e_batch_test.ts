/** Batch mode, `p2pnode tracker --expect N`, end to end: nodes that begin together and end together. */

import { assertEquals } from "@std/assert";
import { treeOf } from "./files.ts";
import { startSwarm, type TestPeer, type TestSwarm } from "./swarm.ts";

/** How long it is watched that nothing happens. On a busy machine less would happen, never more. */
const QUIET_MS = 1_000;

const NAMES = ["0.bin", "1.bin", "2.bin"];

/** Starts a peer that shares one of three files and wants the two others. */
async function startMember(swarm: TestSwarm, index: number): Promise<TestPeer> {
  await swarm.write(`peer-${index}/${index}.bin`, { size: 600_000, seed: index });
  const wanted = NAMES.filter((name) => name !== `${index}.bin`);
  return await swarm.startPeer(`peer-${index}`, ...wanted.flatMap((name) => ["--get", name]));
}

function quiet(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, QUIET_MS));
}

/** What a peer has begun to do about the files that it wants. */
function beginnings({ process }: TestPeer): string[] {
  return process.events.map(({ event }) => event)
    .filter((event) => ["waiting", "progress", "done", "error"].includes(event));
}

Deno.test("a batch of three begins when all have announced, and everybody ends with exit code 0", async () => {
  await using swarm = await startSwarm("--expect", "3");
  const peers = [await startMember(swarm, 0), await startMember(swarm, 1)];
  await swarm.listUntil(({ files }) => files.length === 2);
  await quiet();
  assertEquals(peers.map(beginnings), [[], []]);
  assertEquals(swarm.tracker.stdout.filter((line) => line.includes("begins")), []);

  peers.push(await startMember(swarm, 2));
  await swarm.tracker.waitForLine(/^the batch of 3 is complete and begins$/);
  for (const { process } of peers) {
    assertEquals(await process.exit(), 0);
    assertEquals(process.events.filter(({ event }) => event === "done").length, 2);
    assertEquals(process.stderr, []);
  }
  assertEquals(await swarm.tracker.exit(), 0);
  await swarm.tracker.waitForLine(/^the batch of 3 is done and ends$/);
  const trees = await Promise.all(
    peers.map(({ folder }) => treeOf(folder, { without: [".p2pnode"] })),
  );
  assertEquals(Object.keys(trees[0]!), NAMES);
  assertEquals(trees[1], trees[0]);
  assertEquals(trees[2], trees[0]);
});

Deno.test("a batch takes gets for nodes, and a seeding get ends with it", async () => {
  await using swarm = await startSwarm("--expect", "2");
  await swarm.write("seeder/a.bin", { size: 600_000 });
  const seeder = await swarm.startPeer("seeder");
  await swarm.listUntil(({ files }) => files.length === 1);
  const get = await swarm.startGet(["a.bin", "--seed"], "out");
  assertEquals(await get.exit(), 0);
  assertEquals(get.events.at(-1)?.event, "done");
  assertEquals(await seeder.process.exit(), 0);
  assertEquals(await swarm.tracker.exit(), 0);
});

Deno.test("a node that is killed before the batch is complete leaves its place to another", async () => {
  await using swarm = await startSwarm("--expect", "3", "--ttl", "1");
  const killed = await startMember(swarm, 0);
  await swarm.listUntil(({ files }) => files.length === 1);
  killed.process.signal("SIGKILL");
  await swarm.listUntil(({ nodes }) => nodes.length === 0);
  const peers = [await startMember(swarm, 1), await startMember(swarm, 2)];
  await swarm.listUntil(({ files }) => files.length === 2);
  await quiet();
  assertEquals(peers.map(beginnings), [[], []]);

  peers.push(await startMember(swarm, 0));
  for (const { process } of peers) assertEquals(await process.exit(), 0);
  assertEquals(await swarm.tracker.exit(), 0);
});
