/** What goes wrong around a transfer, end to end: one clear line, exit code 1, nothing half-written. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { isThere } from "../node/platform/file_state.ts";
import { treeOf } from "./files.ts";
import { type Result, run, start } from "./harness.ts";
import { HOST, MIB, startSwarm, type TestSwarm } from "./swarm.ts";

/** Asserts that a command failed with one line of this kind. */
function assertFailed({ code, stdout, stderr }: Result, message: RegExp): void {
  assertEquals([code, stdout], [1, ""], stderr);
  assertMatch(stderr, /^p2pnode: Cannot [^\n]+$/);
  assertMatch(stderr, message);
}

/** A swarm with a seeder of one file, `a.bin`. */
async function startSeeded({ size }: { size: number }): Promise<TestSwarm> {
  const swarm = await startSwarm();
  await swarm.write("seeder/a.bin", { size });
  await swarm.startPeer("seeder");
  await swarm.listUntil(({ files }) => files.length === 1);
  return swarm;
}

Deno.test("a name or an id that nobody has", async () => {
  await using swarm = await startSeeded({ size: 1000 });
  for (const wanted of ["nothing.bin", "0123456789abcdef"]) {
    assertFailed(
      await swarm.get([wanted], "out"),
      new RegExp(`Cannot get ${wanted}: nobody has it \\(p2pnode ls shows what there is\\)$`),
    );
  }
  assertEquals(isThere(swarm.join("out")), false);
});

Deno.test("a name that no file can have", async () => {
  await using swarm = await startSeeded({ size: 1000 });
  for (const [name, reason] of [["", "it is empty"], ["/etc/passwd", "it is absolute"]] as const) {
    assertFailed(await swarm.get([name], "out"), new RegExp(`Cannot get ${name}: ${reason}$`));
  }
  const long = await swarm.get(["x".repeat(5000)], "out");
  assertFailed(long, /Cannot get x+: it is longer than 1024 bytes$/);
  assert(long.stderr.length < 200);
  assertEquals(isThere(swarm.join("out")), false);
});

Deno.test("a tracker that nobody runs, or that is none", async () => {
  await using swarm = await startSwarm();
  const peer = await swarm.startPeer("peer");
  const port = String(await peer.port());
  const commands = [["get", HOST, port, "a.bin", "--out", swarm.join("out")], ["ls", HOST, port]];
  for (const command of commands) {
    assertFailed(
      await run(command),
      /Cannot reach the tracker at [^ ]*: this is a peer, not a tracker$/,
    );
  }
  assertEquals(await peer.quit(), 0);
  for (const command of commands) {
    assertFailed(await run(command), /Cannot reach the tracker at .*: connection refused$/);
  }
});

Deno.test("a tracker that accepts and says nothing", async () => {
  using listener = Deno.listen({ hostname: HOST, port: 0 });
  const accepting = listener.accept();
  const result = await run(["ls", HOST, String(listener.addr.port)]);
  assertFailed(result, /Cannot reach the tracker at .*: no greeting came$/);
  (await accepting).close();
});

Deno.test("a tracker that speaks another protocol", async () => {
  using listener = Deno.listen({ hostname: HOST, port: 0 });
  const answering = (async () => {
    using connection = await listener.accept();
    await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const sink = new Uint8Array(1024);
    while (await connection.read(sink).catch(() => null) !== null);
  })();
  const result = await run(["ls", HOST, String(listener.addr.port)]);
  assertFailed(result, /Cannot reach the tracker at .*this is no p2pnode stream$/);
  await answering;
});

Deno.test("a port that is in use", async () => {
  await using swarm = await startSeeded({ size: 1000 });
  const port = String(swarm.port);
  const message = new RegExp(`Cannot listen on ${HOST}:${port}: the port is in use`);
  assertFailed(await swarm.get(["a.bin", "--port", port], "out"), message);
  const peer = ["peer", HOST, port, port, swarm.join("peer"), "--host", HOST];
  assertFailed(await run(peer), message);
  assertEquals(await treeOf(swarm.join("out")), {});
});

Deno.test("an --out that is a file", async () => {
  await using swarm = await startSeeded({ size: 1000 });
  await Deno.writeTextFile(swarm.join("out"), "mine");
  assertFailed(await swarm.get(["a.bin"], "out"), /Cannot use .*out: it is a file, not a folder$/);
  assertEquals(await Deno.readTextFile(swarm.join("out")), "mine");
});

Deno.test("a folder that p2pnode works in already", async () => {
  await using swarm = await startSeeded({ size: 1000 });
  assertFailed(await swarm.get(["a.bin"], "seeder"), /another p2pnode works in it/);
});

Deno.test("a folder in the place of the file, and a file in the place of a folder", async () => {
  await using swarm = await startSwarm();
  await swarm.write("seeder/a.bin", { size: 2 * MIB, seed: 1 });
  await swarm.write("seeder/sub/b.bin", { size: 1000, seed: 2 });
  await swarm.startPeer("seeder");
  await swarm.listUntil(({ files }) => files.length === 2);
  await Deno.mkdir(swarm.join("out", "a.bin"));
  await Deno.writeTextFile(swarm.join("out", "sub"), "mine");
  for (const force of [[], ["--force"]]) {
    assertFailed(await swarm.get(["a.bin", ...force], "out"), /Cannot get a\.bin: /);
    assertFailed(await swarm.get(["sub/b.bin", ...force], "out"), /Cannot get sub\/b\.bin: /);
  }
  assertEquals(Object.keys(await treeOf(swarm.join("out"), { without: [".p2pnode"] })), [
    "a.bin",
    "sub",
  ]);
  assertEquals(await Deno.readTextFile(swarm.join("out", "sub")), "mine");
});

/** Carries out a command of the system as it is, for set-ups that need root. Answers whether it worked. */
async function tryCommand(program: string, ...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args, stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

/** A mounted file system in memory of its own, taken away at the end of its `await using`. */
async function mountSmall(path: string, options: string): Promise<AsyncDisposable | undefined> {
  await Deno.mkdir(path);
  if (!await tryCommand("mount", "-t", "tmpfs", "-o", options, "tmpfs", path)) return undefined;
  return {
    [Symbol.asyncDispose]: async () => {
      if (!await tryCommand("umount", path)) throw new Error(`Cannot unmount ${path}`);
    },
  };
}

/** Whether a small file system can be mounted here. */
async function canMount(): Promise<boolean> {
  await using swarm = await startSwarm();
  await using mounted = await mountSmall(swarm.join("probe"), "size=64k");
  return mounted !== undefined;
}

const mounts = Deno.build.os === "linux" && Deno.uid() === 0 && await canMount();
const skipped = mounts ? "" : " (skipped: mounting a small file system takes root on Linux)";

for (const size of [8 * MIB, 200_000]) {
  Deno.test({
    name: `a disk that is full, for a file of ${size} bytes${skipped}`,
    ignore: !mounts,
    fn: async () => {
      await using swarm = await startSeeded({ size });
      await using _mounted = await mountSmall(swarm.join("out"), "size=128k");
      assertFailed(
        await swarm.get(["a.bin"], "out"),
        /Cannot get a\.bin: .*the disk is full \(free some space and try again\)$/,
      );
      assertEquals(await treeOf(swarm.join("out"), { without: [".p2pnode"] }), {});
    },
  });
}

Deno.test({
  name: `a disk that gets full while a file comes, and has room again at the next try${skipped}`,
  ignore: !mounts,
  fn: async () => {
    await using swarm = await startSeeded({ size: 8 * MIB });
    const out = swarm.join("out");
    await using _mounted = await mountSmall(out, "size=9m");
    await Deno.writeFile(swarm.join("out", "ballast"), new Uint8Array(4 * MIB));
    assertFailed(
      await swarm.get(["a.bin"], "out"),
      /Cannot get a\.bin: .*the disk is full \(free some space and try again\)$/,
    );
    assertEquals(Object.keys(await treeOf(out, { without: [".p2pnode"] })), ["ballast"]);
    await Deno.remove(swarm.join("out", "ballast"));
    assertEquals((await swarm.get(["a.bin"], "out")).code, 0);
    assertEquals(await treeOf(out), await treeOf(swarm.join("seeder"), { without: [".p2pnode"] }));
  },
});

Deno.test({
  name: `a folder that cannot be written${skipped}`,
  // Root may write everywhere but on a file system that is mounted for reading; others need no mount.
  ignore: !mounts && Deno.uid() === 0,
  fn: async () => {
    await using swarm = await startSeeded({ size: 1000 });
    await using mounted = await mountSmall(swarm.join("out"), "size=1m,ro");
    if (mounted === undefined) await Deno.chmod(swarm.join("out"), 0o500);
    const { code, stdout, stderr } = await swarm.get(["a.bin"], "out");
    assertEquals([code, stdout], [1, ""]);
    assertMatch(stderr, /^p2pnode: Cannot (?:use|write into) [^\n]*out[^\n]*$/);
  },
});

Deno.test("a shared folder that cannot be made", async () => {
  await using swarm = await startSwarm();
  await Deno.writeTextFile(swarm.join("file"), "mine");
  const args = ["peer", HOST, String(swarm.port), "0", swarm.join("file") + "/peer"];
  assertFailed(await run([...args, "--host", HOST]), /Cannot use .*file\/peer: /);
});

Deno.test("a file of the shared folder that vanishes while it is fetched", async () => {
  await using swarm = await startSwarm();
  const path = await swarm.write("seeder/a.bin", { size: 8 * MIB });
  await swarm.startPeer("seeder", "--up-limit", "512KiB");
  await swarm.listUntil(({ files }) => files.length === 1);
  await using get = await start([
    ...["get", HOST, String(swarm.port), "a.bin", "--out", swarm.join("out")],
    ...["--host", HOST, "--json"],
  ]);
  await get.waitForEvent("progress", { fits: ({ bytes }) => Number(bytes) > 0 });
  await Deno.remove(path);
  await swarm.listUntil(({ files }) => files.every(({ seeders }) => seeders === 0));
  // It may come back; a get does not give up at once.
  get.signal("SIGINT");
  assertEquals(await get.exit(), 1);
  assert(!Object.keys(await treeOf(swarm.join("out"))).includes("a.bin"));
});
