/** `p2pnode peer`, end to end: what of a folder is shared, what is fetched into it, and what is remembered. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { sameFile, treeOf } from "./files.ts";
import { type JsonEvent, run } from "./harness.ts";
import { HOST, type Listing, MIB, startSwarm } from "./swarm.ts";

const MANY = 10_000;

function namesIn({ files }: Listing): string[] {
  return files.map(({ name }) => String(name)).sort();
}

Deno.test("a peer shares all regular files below its folder, by their relative paths", async () => {
  await using swarm = await startSwarm();
  const names = ["a.bin", "deep/er/b.bin", "empty", "name with blanks", "schön/日本 🎉.txt"];
  for (const [seed, name] of names.entries()) {
    await swarm.write(`peer/${name}`, { size: name === "empty" ? 0 : 300_000, seed });
  }
  await Deno.symlink("/etc/passwd", swarm.join("peer/link"));
  // Nobody writes into it: whoever opens it waits for ever.
  await new Deno.Command("mkfifo", { args: [swarm.join("peer/pipe")] }).output();
  const peer = await swarm.startPeer("peer");
  const { nodes, ...listing } = await swarm.listUntil(({ files }) => files.length >= names.length);
  assertEquals(namesIn({ nodes, ...listing }), names);
  assertEquals(nodes[0]!.files, names.length);
  for (const skipped of [/^Cannot share link: .*symbolic link/, /^Cannot share pipe: .*pipe/]) {
    await peer.process.waitForEvent("log", { fits: ({ line }) => skipped.test(String(line)) });
  }

  assertEquals((await swarm.get(["--all"], "out")).code, 0);
  const shared = await treeOf(peer.folder, { without: [".p2pnode", "link", "pipe"] });
  assertEquals(await treeOf(swarm.join("out")), shared);
});

Deno.test("the same content under several names is fetched under all of them", async () => {
  await using swarm = await startSwarm();
  for (const name of ["small.txt", "copies/small.txt", "copies/z.txt"]) {
    await swarm.write(`peer/${name}`, { size: 1000, seed: 1 });
  }
  for (const name of ["large.bin", "copies/large.bin"]) {
    await swarm.write(`peer/${name}`, { size: 3 * MIB, seed: 2 });
  }
  for (const name of ["empty", "copies/empty"]) await swarm.write(`peer/${name}`, { size: 0 });
  const peer = await swarm.startPeer("peer");
  await swarm.listUntil(({ files }) => files.length === 7);
  assertEquals((await swarm.get(["--all"], "out")).code, 0);
  assertEquals(
    await treeOf(swarm.join("out")),
    await treeOf(peer.folder, { without: [".p2pnode"] }),
  );

  // Any of the names will do, and the file gets the one that was asked for.
  for (const name of ["copies/small.txt", "copies/large.bin"]) {
    assertEquals((await swarm.get([name], "single")).code, 0);
    assert(await sameFile(peer.join(name), swarm.join("single", name)));
  }

  // A name that is gone is not listed any more, the others are.
  await Deno.remove(peer.join("copies/small.txt"));
  await swarm.listUntil(({ files }) => files.length === 6);
});

Deno.test("a peer follows its folder: files added, changed, renamed and removed", async () => {
  await using swarm = await startSwarm();
  await swarm.write("peer/stays.bin", { size: 1000, seed: 1 });
  const peer = await swarm.startPeer("peer");
  const until = async (...names: string[]) => {
    await swarm.listUntil((listing) => namesIn(listing).join() === names.join());
  };
  await until("stays.bin");
  await swarm.write("peer/new/added.bin", { size: 2 * MIB, seed: 2 });
  await until("new/added.bin", "stays.bin");
  await Deno.rename(peer.join("new"), peer.join("newer"));
  await until("newer/added.bin", "stays.bin");
  assertEquals((await swarm.get(["newer/added.bin"], "out")).code, 0);
  assert(await sameFile(peer.join("newer/added.bin"), swarm.join("out/newer/added.bin")));

  const [before] = (await swarm.list()).files.filter(({ name }) => name === "stays.bin");
  await swarm.write("peer/stays.bin", { size: 1000, seed: 3 });
  await swarm.listUntil(({ files }) =>
    files.some(({ name, id }) => name === "stays.bin" && id !== before!.id)
  );
  assertEquals((await swarm.get(["stays.bin"], "out")).code, 0);
  assert(await sameFile(peer.join("stays.bin"), swarm.join("out/stays.bin")));

  await Deno.remove(peer.join("newer"), { recursive: true });
  await until("stays.bin");
});

Deno.test({
  name: `a peer reads none of ${MANY} unchanged files at its second start`,
  // What a process has read is told by Linux only.
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using swarm = await startSwarm();
    for (let folder = 0; folder < 100; folder++) {
      await Deno.mkdir(swarm.join("peer", String(folder), "file", "..", ".."), { recursive: true });
      for (let file = 0; file < MANY / 100; file++) {
        Deno.writeTextFileSync(
          swarm.join("peer", String(folder), String(file)),
          `${folder} ${file}`,
        );
      }
    }
    const first = await swarm.startPeer("peer");
    await swarm.listUntil(({ nodes }) => nodes[0]?.files === MANY);
    assert(await readCount(first.process.pid) >= MANY);
    assertEquals(await first.quit(), 0);

    const second = await swarm.startPeer("peer");
    await swarm.listUntil(({ nodes }) => nodes[0]?.files === MANY);
    assert(await readCount(second.process.pid) < MANY / 2);
    assertEquals(await second.quit(), 0);
  },
});

/** How many system calls that read a process has made. */
async function readCount(pid: number): Promise<number> {
  const [, count] = /^syscr: (\d+)$/m.exec(await Deno.readTextFile(`/proc/${pid}/io`))!;
  return Number(count);
}

Deno.test("what changed while a peer was away is found at its next start", async () => {
  await using swarm = await startSwarm();
  for (const [seed, name] of ["changed", "removed", "same"].entries()) {
    await swarm.write(`peer/${name}`, { size: 400_000, seed });
  }
  const first = await swarm.startPeer("peer");
  const before = await swarm.listUntil(({ files }) => files.length === 3);
  first.process.signal("SIGKILL");
  await first.process.exit();
  await swarm.write("peer/changed", { size: 400_000, seed: 10 });
  await Deno.remove(first.join("removed"));
  await swarm.write("peer/added", { size: 400_000, seed: 11 });

  await swarm.startPeer("peer");
  const after = await swarm.listUntil((listing) =>
    namesIn(listing).join() === "added,changed,same"
  );
  const idOf = ({ files }: Listing, name: string) => files.find((file) => file.name === name)!.id;
  assertEquals(idOf(after, "same"), idOf(before, "same"));
  assert(idOf(after, "changed") !== idOf(before, "changed"));
});

Deno.test("--get waits for a file that nobody has yet, and --exit-when-done ends then", async () => {
  await using swarm = await startSwarm();
  const leecher = await swarm.startPeer("leecher", "--get", "late.bin", "--exit-when-done");
  const { name, reason } = await leecher.process.waitForEvent("waiting");
  assertEquals(name, "late.bin");
  assertMatch(String(reason), /nobody has it/);
  const path = await swarm.write("seeder/late.bin", { size: 2 * MIB });
  await swarm.startPeer("seeder");
  const done = await leecher.process.waitForEvent("done");
  assertEquals([done.name, done.bytes], ["late.bin", 2 * MIB]);
  assertEquals(await leecher.process.exit(), 0);
  assert(await sameFile(path, leecher.join("late.bin")));
});

Deno.test("--get does not wait for what can never come", async () => {
  await using swarm = await startSwarm();
  await swarm.write("one/same.bin", { size: 1000, seed: 1 });
  await swarm.write("two/same.bin", { size: 1000, seed: 2 });
  await swarm.startPeer("one");
  await swarm.startPeer("two");
  await swarm.listUntil(({ files }) => files.length === 2);
  for (const [name, reason] of [["../up", /has the component/], ["same.bin", /different files/]]) {
    const leecher = await swarm.startPeer("leecher", "--get", String(name), "--exit-when-done");
    const { error } = await leecher.process.waitForEvent("error");
    assertMatch(String(error), reason as RegExp);
    assertEquals(await leecher.process.exit(), 1);
  }
});

Deno.test("--get fetches several files; one that is named twice is fetched once", async () => {
  await using swarm = await startSwarm();
  await swarm.write("seeder/a.bin", { size: 2 * MIB, seed: 1 });
  await swarm.write("seeder/sub/b.bin", { size: 1000, seed: 2 });
  const seeder = await swarm.startPeer("seeder");
  const wanted = ["a.bin", "sub/b.bin", "a.bin"].flatMap((name) => ["--get", name]);
  const leecher = await swarm.startPeer("leecher", ...wanted, "--exit-when-done");
  assertEquals(await leecher.process.exit(), 0);
  for (const name of ["a.bin", "sub/b.bin"]) {
    assert(await sameFile(seeder.join(name), leecher.join(name)), name);
  }
  assert(await seeder.sentBytes() < 3 * MIB);
});

Deno.test("--get fetches two names of the same content, and shares both", async () => {
  await using swarm = await startSwarm();
  const path = await swarm.write("seeder/one.bin", { size: 2 * MIB });
  await swarm.write("seeder/two.bin", { size: 2 * MIB });
  const seeder = await swarm.startPeer("seeder");
  await swarm.listUntil(({ files }) => files.length === 2);
  const leecher = await swarm.startPeer("leecher", "--get", "one.bin", "--get", "two.bin");
  for (const name of ["one.bin", "two.bin"]) {
    await leecher.process.waitForEvent("done", { fits: (event) => event.name === name });
    assert(await sameFile(path, leecher.join(name)));
  }
  assertEquals(await seeder.quit(), 0);
  await swarm.listUntil((listing) => namesIn(listing).join() === "one.bin,two.bin");
  assertEquals((await swarm.get(["--all"], "out")).code, 0);
  for (const name of ["one.bin", "two.bin"]) assert(await sameFile(path, swarm.join("out", name)));
});

Deno.test("a fetched file is shared on under its first publisher, also after a new start", async () => {
  await using swarm = await startSwarm();
  await swarm.write("seeder/a.bin", { size: MIB });
  const seeder = await swarm.startPeer("seeder");
  const [file] = (await swarm.listUntil(({ files }) => files.length === 1)).files;
  const leecher = await swarm.startPeer("leecher", "--get", "a.bin");
  await leecher.process.waitForEvent("done");
  const both = await swarm.listUntil(({ files }) => files[0]?.seeders === 2);
  assertEquals(both.files, [{ ...file!, seeders: 2 }]);
  assertEquals([await seeder.quit(), await leecher.quit()], [0, 0]);

  await swarm.startPeer("leecher");
  assertEquals((await swarm.listUntil(({ files }) => files.length === 1)).files, [file!]);
  const publisher = String(file!.publisher);
  assertEquals((await swarm.get(["a.bin", "--publisher", publisher], "out")).code, 0);
});

for (const flags of [[], ["--get", "a.bin"]]) {
  const again = flags.length > 0 ? "with the same command" : "without a word of it";
  Deno.test(`a killed peer goes on with what it wanted when it is started ${again}`, async () => {
    await using swarm = await startSwarm();
    const path = await swarm.write("seeder/a.bin", { size: 8 * MIB });
    const slow = await swarm.startPeer("seeder", "--up-limit", "1MiB");
    const killed = await swarm.startPeer("leecher", "--get", "a.bin");
    const fits = ({ bytes }: JsonEvent) => Number(bytes) >= MIB;
    await killed.process.waitForEvent("progress", { fits });
    killed.process.signal("SIGKILL");
    await killed.process.exit();
    assertEquals(await slow.quit(), 0);
    await swarm.startPeer("seeder");

    const again = await swarm.startPeer("leecher", ...flags, "--exit-when-done");
    assertEquals((await again.process.waitForEvent("done")).name, "a.bin");
    assertEquals(await again.process.exit(), 0);
    assert(await sameFile(path, again.join("a.bin")));
  });
}

Deno.test("a peer that starts before its tracker joins when that is there", async () => {
  await using swarm = await startSwarm();
  swarm.tracker.signal("SIGTERM");
  await swarm.tracker.exit();
  await swarm.write("peer/a.bin", { size: 1000 });
  const peer = await swarm.startPeer("peer");
  await peer.process.waitForEvent("log", {
    fits: ({ line }) => /^Cannot reach the tracker .*\(trying again\)$/.test(String(line)),
  });
  await swarm.startTracker();
  await swarm.listUntil(({ files }) => files.length === 1);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`${signal} ends a peer with exit code 0 in the middle of everything`, async () => {
    await using swarm = await startSwarm("--ttl", "600");
    await swarm.write("seeder/a.bin", { size: 16 * MIB });
    const seeder = await swarm.startPeer("seeder", "--up-limit", "512KiB");
    const leecher = await swarm.startPeer("leecher", "--get", "a.bin", "--get", "nowhere.bin");
    await leecher.process.waitForEvent("progress", { fits: ({ bytes }) => Number(bytes) > 0 });
    for (const { process } of [leecher, seeder]) {
      process.signal(signal);
      assertEquals([await process.exit(), process.stderr], [0, []]);
    }
    assertEquals(await swarm.list(), { files: [], nodes: [] });
    assertEquals(Object.keys(await treeOf(leecher.folder, { without: [".p2pnode"] })), []);
  });
}

Deno.test("two peers do not work in the same folder", async () => {
  await using swarm = await startSwarm();
  const { folder } = await swarm.startPeer("peer");
  const second = await run(["peer", HOST, String(swarm.port), "0", folder, "--host", HOST]);
  assertEquals(second.code, 1);
  assertMatch(second.stderr, /^p2pnode: Cannot use [^\n]*: another p2pnode works in it [^\n]*$/);
});

Deno.test("a peer refuses a key that others can read", async () => {
  await using swarm = await startSwarm();
  const peer = await swarm.startPeer("peer");
  const key = peer.join(".p2pnode/key");
  assertEquals((await Deno.stat(key)).mode! & 0o777, 0o600);
  assertEquals(await peer.quit(), 0);
  await Deno.chmod(key, 0o644);
  const again = await run(["peer", HOST, String(swarm.port), "0", peer.folder, "--host", HOST]);
  assertEquals(again.code, 1);
  assertMatch(again.stderr, /^p2pnode: Cannot [^\n]*key[^\n]*$/);
});
