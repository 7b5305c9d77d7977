/** `p2pnode tracker`, end to end: who is listed and for how long, batches, and what survives the tracker. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { sameFile } from "./files.ts";
import { type RunningProcess, start } from "./harness.ts";
import { HOST, MIB, startSwarm } from "./swarm.ts";

Deno.test("a tracker prints one line when it is ready, on a free port for port 0", async () => {
  await using tracker = await start(["tracker", "0", "--host", HOST]);
  const port = await tracker.listeningPort();
  assert(port > 0);
  assertEquals(tracker.lines, [{ stream: "stdout", text: `listening on ${HOST}:${port}` }]);
});

Deno.test("a tracker listens on all interfaces unless it is told otherwise", async () => {
  await using tracker = await start(["tracker", "0"]);
  await tracker.waitForLine(/^listening on 0\.0\.0\.0:\d+$/);
});

Deno.test("a tracker tells in JSON who comes and goes", async () => {
  await using swarm = await startSwarm();
  const tracker = await swarm.start(["tracker", "0", "--host", HOST, "--json"]);
  const { host, port } = await tracker.waitForEvent("listening");
  assertEquals(host, HOST);
  const where = [HOST, String(port), "0", swarm.join("peer"), "--host", HOST];
  const peer = await swarm.start(["peer", ...where]);
  await tracker.waitForEvent("log", {
    fits: ({ line }) => /joined with 0 files/.test(String(line)),
  });
  peer.signal("SIGTERM");
  await tracker.waitForEvent("log", { fits: ({ line }) => /left; active/.test(String(line)) });
  assertEquals(tracker.events.length, tracker.lines.length);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`${signal} ends a tracker with exit code 0`, async () => {
    await using tracker = await start(["tracker", "0", "--host", HOST]);
    await tracker.listeningPort();
    tracker.signal(signal);
    assertEquals([await tracker.exit(), tracker.stderr], [0, []]);
  });
}

Deno.test("a tracker refuses a port that is in use", async () => {
  await using first = await start(["tracker", "0", "--host", HOST]);
  const port = await first.listeningPort();
  await using second = await start(["tracker", String(port), "--host", HOST]);
  assertEquals(await second.exit(), 1);
  assertEquals(second.stdout, []);
  assertEquals(second.stderr.length, 1);
  assertMatch(
    second.stderr[0]!,
    new RegExp(`^p2pnode: Cannot listen on ${HOST}:${port}: the port is in use`),
  );
});

Deno.test("a peer that quits is off the list at once", async () => {
  await using swarm = await startSwarm("--ttl", "600");
  await swarm.write("peer/a.bin", { size: 1000 });
  const peer = await swarm.startPeer("peer");
  const { nodes } = await swarm.listUntil(({ files }) => files.length === 1);
  assertEquals(nodes.map(({ host, port, files }) => [host, port, files]), [
    [HOST, await peer.port(), 1],
  ]);
  assertEquals(await peer.quit(), 0);
  assertEquals(await swarm.list(), { files: [], nodes: [] });
});

Deno.test("a peer that is killed stays on the list for the time to live, then is off it", async () => {
  // Long enough that no busy machine keeps a living peer silent for it.
  await using swarm = await startSwarm("--ttl", "6");
  await swarm.write("peer/a.bin", { size: 1000 });
  const peer = await swarm.startPeer("peer");
  await swarm.listUntil(({ nodes }) => nodes.length === 1);
  peer.process.signal("SIGKILL");
  await swarm.tracker.waitForLine(/lost its connection/);
  assertEquals((await swarm.list()).nodes.length, 1);
  await swarm.tracker.waitForLine(/was not heard for 6 s; active nodes: 0$/);
  assertEquals(await swarm.list(), { files: [], nodes: [] });
});

Deno.test("a peer that hangs is forgotten, and listed again when it goes on", async () => {
  await using swarm = await startSwarm("--ttl", "1");
  await swarm.write("peer/a.bin", { size: 1000 });
  const peer = await swarm.startPeer("peer");
  await swarm.listUntil(({ files }) => files.length === 1);
  peer.process.signal("SIGSTOP");
  await swarm.listUntil(({ files, nodes }) => files.length === 0 && nodes.length === 0);
  peer.process.signal("SIGCONT");
  await swarm.listUntil(({ files, nodes }) => files.length === 1 && nodes.length === 1);
});

Deno.test("a peer that comes back takes the place of its old entry", async () => {
  await using swarm = await startSwarm("--ttl", "600");
  await swarm.write("peer/a.bin", { size: 1000 });
  const before = await swarm.startPeer("peer");
  const [old] = (await swarm.listUntil(({ files }) => files.length === 1)).nodes;
  before.process.signal("SIGKILL");
  await before.process.exit();

  const after = await swarm.startPeer("peer");
  const port = await after.port();
  const { files, nodes } = await swarm.listUntil(({ files, nodes }) =>
    files.length === 1 && nodes[0]?.port === port
  );
  assertEquals(nodes, [{ ...old!, port }]);
  assertEquals(files[0]!.seeders, 1);
});

Deno.test("with --state the list survives SIGTERM and SIGKILL of the tracker", async () => {
  await using swarm = await startSwarm();
  const flags = ["--state", swarm.join("tracker.db"), "--ttl", "600"];
  await endTracker(swarm.tracker, "SIGTERM");
  await swarm.startTracker(flags);
  await swarm.write("one/a.bin", { size: 1000, seed: 1 });
  await swarm.write("two/b.bin", { size: 2000, seed: 2 });
  const one = await swarm.startPeer("one");
  const two = await swarm.startPeer("two");
  const known = await swarm.listUntil(({ files }) => files.length === 2);
  // Nobody is left who could announce these again.
  for (const { process } of [one, two]) process.signal("SIGKILL");

  await endTracker(swarm.tracker, "SIGTERM");
  await swarm.startTracker(flags);
  assertEquals(await swarm.list(), known);
  await endTracker(swarm.tracker, "SIGKILL");
  await swarm.startTracker(flags);
  assertEquals(await swarm.list(), known);

  await endTracker(swarm.tracker, "SIGKILL");
  await swarm.startTracker(["--state", swarm.join("tracker.db"), "--ttl", "1"]);
  await swarm.listUntil(({ files, nodes }) => files.length === 0 && nodes.length === 0);
});

Deno.test("a tracker that cannot use its state file says so", async () => {
  await using swarm = await startSwarm();
  const path = swarm.join("no-database");
  await Deno.writeTextFile(
    path,
    "this is no database, and long enough to be looked at\n".repeat(99),
  );
  await using tracker = await start(["tracker", "0", "--host", HOST, "--state", path]);
  assertEquals(await tracker.exit(), 1);
  assertEquals([tracker.stdout.length, tracker.stderr.length], [0, 1]);
  assertMatch(tracker.stderr[0]!, /^p2pnode: Cannot use state file .*no-database: /);
});

Deno.test("a transfer goes on while its tracker is dead, and is announced when it is back", async () => {
  await using swarm = await startSwarm();
  const path = await swarm.write("seeder/a.bin", { size: 24 * MIB });
  await swarm.startPeer("seeder", "--up-limit", "3MiB");
  const leecher = await swarm.startPeer("leecher", "--get", "a.bin");
  const progress = (bytes: number) =>
    leecher.process.waitForEvent("progress", { fits: (event) => Number(event.bytes) >= bytes });
  await progress(1 * MIB);
  await endTracker(swarm.tracker, "SIGKILL");
  const from = leecher.process.lines.length;
  const { bytes } = leecher.process.events.findLast(({ event }) => event === "progress")!;
  await leecher.process.waitForEvent("log", { fits: ({ line }) => /tracker/.test(String(line)) });
  await leecher.process.waitForEvent("progress", {
    from,
    fits: (event) => Number(event.bytes) >= Number(bytes) + 2 * MIB,
  });

  await swarm.startTracker();
  await leecher.process.waitForEvent("log", { fits: ({ line }) => line === "the tracker is back" });
  await swarm.listUntil(({ nodes }) => nodes.length === 2);
  await leecher.process.waitForEvent("done");
  assert(await sameFile(path, leecher.join("a.bin")));
  await swarm.listUntil(({ files }) => files[0]?.seeders === 2);
});

Deno.test("the end of the tracker does not keep a get from ending well", async () => {
  await using swarm = await startSwarm();
  const path = await swarm.write("seeder/a.bin", { size: 8 * MIB });
  await swarm.startPeer("seeder", "--up-limit", "4MiB");
  const get = await swarm.startGet(["a.bin"], "out");
  await get.waitForEvent("progress", { fits: ({ bytes }) => Number(bytes) > 0 });
  await endTracker(swarm.tracker, "SIGKILL");
  await get.waitForEvent("done");
  assertEquals(await get.exit(), 0);
  assert(await sameFile(path, swarm.join("out", "a.bin")));
});

async function endTracker(tracker: RunningProcess, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  tracker.signal(signal);
  assertEquals(await tracker.exit(), signal === "SIGKILL" ? 128 + 9 : 0);
}
