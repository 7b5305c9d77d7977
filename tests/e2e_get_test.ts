/** `p2pnode get`, end to end: what it fetches, where it puts it, and what it says about it. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { isThere } from "../node/platform/file_state.ts";
import { sameFile, treeOf } from "./files.ts";
import { MIB, startSwarm, type TestSwarm } from "./swarm.ts";

/** A swarm with a seeder of two files, `a.bin` of 3 MiB and `sub/b.bin` of 1,000 bytes. */
async function startSmallSwarm(): Promise<TestSwarm> {
  const swarm = await startSwarm();
  await swarm.write("seeder/a.bin", { size: 3 * MIB, seed: 1 });
  await swarm.write("seeder/sub/b.bin", { size: 1000, seed: 2 });
  await swarm.startPeer("seeder");
  await swarm.listUntil(({ files }) => files.length === 2);
  return swarm;
}

/** The id of a listed file, in full. */
async function idOf(swarm: TestSwarm, name: string): Promise<string> {
  return String((await swarm.list()).files.find((file) => file.name === name)!.id);
}

Deno.test("get fetches by name, by id and by the start of an id, in the listed name", async () => {
  await using swarm = await startSmallSwarm();
  const id = await idOf(swarm, "sub/b.bin");
  for (const [index, wanted] of ["sub/b.bin", id, id.slice(0, 8)].entries()) {
    const { code, stdout, stderr } = await swarm.get([wanted], `out-${index}`);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^got sub\/b\.bin: 1000 B from 1 peer$/);
    // Nothing but the file is left, p2pnode's own folder is gone.
    assertEquals(
      await treeOf(swarm.join(`out-${index}`)),
      await treeOf(swarm.join("seeder"), { without: [".p2pnode", "a.bin"] }),
    );
  }
});

Deno.test("get fetches several files, and all of them", async () => {
  await using swarm = await startSmallSwarm();
  const all = await treeOf(swarm.join("seeder"), { without: [".p2pnode"] });
  for (const [out, ...wanted] of [["named", "a.bin", "sub/b.bin"], ["all", "--all"]] as const) {
    const { code, stdout } = await swarm.get(wanted, out);
    assertEquals(code, 0);
    assertEquals(stdout.split("\n").map((line) => line.split(":")[0]).sort(), [
      "got a.bin",
      "got sub/b.bin",
    ]);
    assertEquals(await treeOf(swarm.join(out)), all);
  }
});

Deno.test("get takes a file that is named twice, by name and by id, once", async () => {
  await using swarm = await startSmallSwarm();
  const id = await idOf(swarm, "a.bin");
  const { code, stderr } = await swarm.get(["a.bin", id, "a.bin"], "out");
  assertEquals([code, stderr], [0, ""]);
  assert(await sameFile(swarm.join("seeder/a.bin"), swarm.join("out/a.bin")));
});

Deno.test("get --all says so where nobody shares a file", async () => {
  await using swarm = await startSwarm();
  const { code, stdout, stderr } = await swarm.get(["--all"], "out");
  assertEquals([code, stdout, stderr], [0, "nothing to get: nobody shares a file", ""]);
});

Deno.test("get makes the folder that --out names", async () => {
  await using swarm = await startSmallSwarm();
  assertEquals((await swarm.get(["a.bin"], "new/and/deep")).code, 0);
  assert(await sameFile(swarm.join("seeder/a.bin"), swarm.join("new/and/deep/a.bin")));
});

Deno.test("a file that is here already is not fetched again", async () => {
  await using swarm = await startSmallSwarm();
  assertEquals((await swarm.get(["--all"], "out")).code, 0);
  const before = await Deno.stat(swarm.join("out/a.bin"));
  const { code, stdout, stderr } = await swarm.get(["--all"], "out");
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout.split("\n").sort(), [
    "a.bin is here already",
    "sub/b.bin is here already",
  ]);
  const after = await Deno.stat(swarm.join("out/a.bin"));
  assertEquals([after.ino, after.mtime], [before.ino, before.mtime]);
});

for (const name of ["a.bin", "sub/b.bin"]) {
  Deno.test(`another file in the place of ${name} is replaced with --force only`, async () => {
    await using swarm = await startSmallSwarm();
    const mine = await swarm.write(`out/${name}`, { size: 1000, seed: 9 });
    const before = await treeOf(swarm.join("out"));
    const refused = await swarm.get([name], "out");
    assertEquals(refused.code, 1);
    assertEquals(
      refused.stderr,
      `p2pnode: Cannot get ${name}: there is another file of that name (--force replaces it)`,
    );
    assertEquals(await treeOf(swarm.join("out")), before);

    assertEquals((await swarm.get([name, "--force"], "out")).code, 0);
    assert(await sameFile(swarm.join("seeder", name), mine));
  });
}

Deno.test("one file that cannot be had keeps no other from coming", async () => {
  await using swarm = await startSmallSwarm();
  await swarm.write("out/a.bin", { size: 10, seed: 9 });
  const { code, stdout, stderr } = await swarm.get(["--all"], "out");
  assertEquals(code, 1);
  assertMatch(stderr, /^p2pnode: Cannot get a\.bin: there is another file[^\n]*$/);
  assertMatch(stdout, /^got sub\/b\.bin: [^\n]*$/);
  assert(await sameFile(swarm.join("seeder/sub/b.bin"), swarm.join("out/sub/b.bin")));
});

Deno.test("a name that nobody has keeps no other from coming", async () => {
  await using swarm = await startSmallSwarm();
  const { code, stdout, stderr } = await swarm.get(["nothing.bin", "a.bin"], "out");
  assertEquals(code, 1);
  assertMatch(stderr, /^p2pnode: Cannot get nothing\.bin: nobody has it[^\n]*$/);
  assertMatch(stdout, /^got a\.bin: [^\n]*$/);
});

Deno.test("--publisher accepts files of that publisher only", async () => {
  await using swarm = await startSmallSwarm();
  const publisher = String((await swarm.list()).files[0]!.publisher);
  for (const name of ["a.bin", "sub/b.bin"]) {
    const right = await swarm.get([name, "--publisher", publisher], "right");
    assertEquals([right.code, right.stderr], [0, ""]);
    const wrong = await swarm.get([name, "--publisher", "0".repeat(64)], "wrong");
    assertEquals(wrong.code, 1);
    const reason = `^p2pnode: Cannot get ${name}: nobody has it of that publisher \\(.*\\)$`;
    assertMatch(wrong.stderr, new RegExp(reason));
  }
  assertEquals(isThere(swarm.join("wrong")), false);
});

Deno.test("two contents of one name are listed, and get takes the one whose id is given", async () => {
  await using swarm = await startSwarm();
  await swarm.write("one/same.bin", { size: 300_000, seed: 1 });
  await swarm.write("two/same.bin", { size: 400_000, seed: 2 });
  await swarm.startPeer("one");
  await swarm.startPeer("two");
  const { files } = await swarm.listUntil(({ files }) => files.length === 2);
  const { code, stdout, stderr } = await swarm.get(["same.bin"], "out");
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /^p2pnode: Cannot get same\.bin: 2 different files have that name/);
  for (const { id, publisher } of files) {
    assertStringIncludes(stderr, String(id).slice(0, 16));
    assertStringIncludes(stderr, String(publisher).slice(0, 16));
  }
  assertEquals(isThere(swarm.join("out")), false);

  const { id, size } = files.find((file) => file.size === 400_000)!;
  assertEquals((await swarm.get([String(id).slice(0, 16)], "out")).code, 0);
  assertEquals((await Deno.stat(swarm.join("out/same.bin"))).size, size);
  assert(await sameFile(swarm.join("two/same.bin"), swarm.join("out/same.bin")));

  const [publisher] = files.filter((file) => file.size === 300_000).map((file) => file.publisher);
  const chosen = await swarm.get(["same.bin", "--publisher", String(publisher)], "chosen");
  assertEquals(chosen.code, 0);
  assert(await sameFile(swarm.join("one/same.bin"), swarm.join("chosen/same.bin")));
});

Deno.test("--json tells progress, and of each file when it is done", async () => {
  await using swarm = await startSwarm();
  await swarm.write("seeder/a.bin", { size: 6 * MIB });
  await swarm.startPeer("seeder", "--up-limit", "2MiB");
  await swarm.listUntil(({ files }) => files.length === 1);
  const get = await swarm.startGet(["a.bin"], "out");
  assertEquals(await get.exit(), 0);
  assertEquals(get.stderr, []);
  // Every line is an object.
  assertEquals(get.events.length, get.stdout.length);

  const progress = get.events.filter(({ event }) => event === "progress");
  assert(progress.length > 0);
  for (const { name, bytes, size, rate, peers, bad_blocks } of progress) {
    assertEquals([name, size, bad_blocks], ["a.bin", 6 * MIB, 0]);
    assert(Number(bytes) >= 0 && Number(bytes) <= 6 * MIB && Number(rate) >= 0);
    assert(peers === 0 || peers === 1);
  }
  const { seconds, was_here: _, ...done } = get.events.at(-1)!;
  assert(Number(seconds) > 0);
  assertEquals(done, {
    event: "done",
    name: "a.bin",
    id: await idOf(swarm, "a.bin"),
    bytes: 6 * MIB,
    blocks: 24,
    bad_blocks: 0,
    peers: 1,
    path: swarm.join("out/a.bin"),
  });
  assertEquals(get.events.filter(({ event }) => event !== "progress").length, 1);
});

Deno.test("--seed stays, and what it fetched can be had from it alone", async () => {
  await using swarm = await startSmallSwarm();
  const seeding = await swarm.startGet(["--all", "--seed"], "first");
  await seeding.waitForEvent("done", { fits: ({ name }) => name === "a.bin" });
  await seeding.waitForEvent("done", { fits: ({ name }) => name === "sub/b.bin" });
  await swarm.listUntil(({ files }) => files.every(({ seeders }) => seeders === 2));
  await swarm.endPeers();
  await swarm.listUntil(({ nodes }) => nodes.length === 1);

  assertEquals((await swarm.get(["--all"], "second")).code, 0);
  assertEquals(
    await treeOf(swarm.join("second")),
    await treeOf(swarm.join("first"), {
      without: [".p2pnode"],
    }),
  );
  seeding.signal("SIGINT");
  assertEquals(await seeding.exit(), 0);
  assertEquals(await treeOf(swarm.join("first")), await treeOf(swarm.join("second")));
  assertEquals((await swarm.list()).nodes, []);
});
