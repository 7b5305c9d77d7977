/** Mirrors by content servers, a mirror server and initiators, all of them the compiled binary. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { bytesOf, until } from "./devices.ts";
import { hashOfFile } from "./files.ts";
import { run } from "./harness.ts";
import { TestMirrors } from "./mirrors.ts";
import { MIB } from "./swarm.ts";

Deno.test("a mirror has the files, modes, links and empty folders of its source", async () => {
  await using mirrors = new TestMirrors();
  const a = await mirrors.startContent("a");
  await a.write("dir/one", "1");
  await a.write("dir/deep/large", { size: 3 * MIB });
  await a.write("run.sh", "#!");
  await Deno.chmod(a.join("run.sh"), 0o755);
  await Deno.mkdir(a.join("empty"));
  await Deno.symlink("dir/one", a.join("link"));
  await mirrors.startMirror();
  const { code, sources, done } = await mirrors.order([a.source()]);
  assertEquals(code, 0);
  await mirrors.assertSame(a);
  const { mode } = await Deno.stat(mirrors.join("out", a.place, "run.sh"));
  assertEquals(mode! & 0o111, 0o111);
  assertEquals([sources[0]!.state, sources[0]!.files, sources[0]!.fetched], ["done", 3, 3]);
  const sizes = [1, 3 * MIB, 2];
  const mean = (3 * MIB + 3) / 3;
  const variance = sizes.reduce((sum, size) => sum + (size - mean) ** 2, 0) / 3;
  assertEquals([done!.files, done!.bytes, done!.mean], [3, 3 * MIB + 3, mean]);
  assert(Math.abs(Number(done!.variance) / variance - 1) < 1e-9, String(done!.variance));
});

Deno.test("two initiators with overlapping sources get all of them, and nothing twice", async () => {
  await using mirrors = new TestMirrors();
  const contents = await Promise.all(["a", "b", "c"].map((name) => mirrors.startContent(name)));
  for (const [i, content] of contents.entries()) {
    await content.writeMany("files", 100);
    await content.write("large", { size: 2 * MIB, seed: i });
  }
  const [a, b, c] = contents.map((content) => content.source());
  await mirrors.startMirror(["-w", "2"]);
  const orders = await Promise.all([mirrors.order([a!, b!]), mirrors.order([b!, c!])]);
  assertEquals(orders.map(({ code }) => code), [0, 0]);
  for (const content of contents) await mirrors.assertSame(content);
  // The small files are the same everywhere.
  const fetched = orders.flatMap(({ sources }) => sources).map((source) => Number(source.fetched));
  assertEquals(fetched.reduce((sum, count) => sum + count), 103);
  const numbers = orders.map(({ events }) =>
    events.find(({ event }) => event === "started")!.order
  );
  assertEquals(numbers.toSorted(), [1, 2]);
});

Deno.test("a large content that three sources have is fetched once, and from all of them", async () => {
  await using mirrors = new TestMirrors();
  const contents = await Promise.all(["a", "b", "c"].map((name) => mirrors.startContent(name)));
  const size = 64 * MIB;
  for (const content of contents) await content.write("large", { size });
  await mirrors.startMirror();
  // No source sends any of it before the others had the time to be found.
  const { code, sources } = await mirrors.order(contents.map((content) => content.source("", 2)));
  assertEquals(code, 0);
  for (const content of contents) await mirrors.assertSame(content);
  const bytes = sources.map((source) => Number(source.bytes_fetched));
  assertEquals(bytes.reduce((sum, count) => sum + count), size);
  assert(bytes.every((count) => count > 0), bytes.join(", "));
});

Deno.test("with a dead source among three the others complete, and the exit code is 1", async () => {
  await using mirrors = new TestMirrors();
  const [a, b, dead] = await Promise.all(
    ["a", "b", "dead"].map((name) => mirrors.startContent(name)),
  );
  await a!.writeMany("files", 20);
  await b!.writeMany("files", 20);
  dead!.process.signal("SIGKILL");
  await dead!.process.exit();
  await mirrors.startMirror();
  const { code, sources } = await mirrors.order([a!, dead!, b!].map((one) => one.source()));
  assertEquals(code, 1);
  assertEquals(sources.map(({ state }) => state), ["done", "failed", "done"]);
  assertMatch(
    String(sources[1]!.reason),
    /^Cannot mirror from 127\.0\.0\.1:\d+: connection refused$/,
  );
  await mirrors.assertSame(a!);
  await mirrors.assertSame(b!);
});

Deno.test("a source that dies in the middle fails, and the others complete", async () => {
  await using mirrors = new TestMirrors();
  const [a, dying] = await Promise.all(["a", "dying"].map((name) => mirrors.startContent(name)));
  await a!.writeMany("files", 20);
  await dying!.writeMany("other", 200);
  await mirrors.startMirror();
  const order = await mirrors.startOrder([a!.source(), dying!.source("", 0.5)]);
  await order.waitForEvent("progress", {
    fits: ({ files, files_total }) => files_total === 200 && Number(files) > 0,
  });
  dying!.process.signal("SIGKILL");
  assertEquals(await order.exit(), 1);
  const states = order.events.filter(({ event }) => event === "source").map(({ state }) => state);
  assertEquals(states, ["done", "failed"]);
  await mirrors.assertSame(a!);
});

Deno.test("a file that grows or changes while it is fetched is never spliced", async () => {
  await using mirrors = new TestMirrors();
  const a = await mirrors.startContent("a");
  const whole = bytesOf({ size: 24 * MIB });
  const sizes = new Set([8 * MIB]);
  await Deno.writeFile(a.join("growing"), whole.subarray(0, 8 * MIB));
  await Deno.writeFile(a.join("rewritten"), new Uint8Array(2 * MIB).fill(1));
  await mirrors.startMirror();
  // The delay makes sure that changes come between the listing and the fetching.
  const order = await mirrors.startOrder([a.source("", 0.3)]);
  await order.waitForEvent("progress", { fits: ({ files_total }) => files_total === 2 });
  for (let step = 1; step <= 16; step++) {
    const [start, end] = [(7 + step) * MIB, (8 + step) * MIB];
    sizes.add(end);
    await Deno.writeFile(a.join("growing"), whole.subarray(start, end), { append: true });
    await Deno.writeFile(a.join("rewritten"), new Uint8Array(2 * MIB).fill(1 + step));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const code = await order.exit({ timeoutMs: 60_000 });
  const failures = order.events.filter(({ event }) => event === "failed");
  assertEquals(code, failures.length === 0 ? 0 : 1);
  const mirrored = (name: string) =>
    Deno.readFile(mirrors.join("out", a.place, name)).catch(() => undefined);
  const growing = await mirrored("growing");
  if (growing !== undefined) {
    assert(sizes.has(growing.length), `${growing.length} bytes`);
    assert(growing.every((byte, i) => byte === whole[i]), "the growing file was spliced");
  }
  const rewritten = await mirrored("rewritten");
  if (rewritten !== undefined) {
    assert(rewritten.every((byte) => byte === rewritten[0]), "the rewritten file was spliced");
  }
  assertEquals((await mirrors.order([a.source()])).code, 0);
  await mirrors.assertSame(a);
});

Deno.test("a delay on one source does not slow the others", async () => {
  await using mirrors = new TestMirrors();
  const [a, b, slow] = await Promise.all(
    ["a", "b", "slow"].map((name) => mirrors.startContent(name)),
  );
  await a!.writeMany("a", 300);
  await b!.writeMany("b", 300);
  await slow!.writeMany("slow", 300);
  // Not even where there is one worker only.
  await mirrors.startMirror(["-w", "1"]);
  const order = await mirrors.startOrder([slow!.source("", 0.2), a!.source(), b!.source()]);
  const done = (name: string) =>
    order.waitForEvent("progress", {
      fits: ({ source, state }) => String(source).endsWith(name) && state === "done",
    });
  await Promise.all([done(`:${a!.port}`), done(`:${b!.port}`)]);
  await mirrors.assertSame(a!);
  await mirrors.assertSame(b!);
  // It takes a minute for all of its files.
  const slowFiles = order.events.filter(({ source }) => String(source).endsWith(`:${slow!.port}`))
    .map(({ files }) => Number(files));
  assert(Math.max(...slowFiles) < 200, `the slow source had ${Math.max(...slowFiles)} files`);
  order.signal("SIGINT");
  assertEquals(await order.exit(), 1);
  await mirrors.mirror!.waitForLine(/^order 1 was broken off/);
});

Deno.test("a requested path takes what contains it, or with --strict exactly what it names", async () => {
  await using mirrors = new TestMirrors();
  const a = await mirrors.startContent("a");
  for (const path of ["a/b/1", "x/a/b/2", "a/bc/3", "xa/b/4", "x/a/b2/5", "other/6"]) {
    await a.write(path, path);
  }
  const filesOf = async (out: string) =>
    Object.entries(await mirrors.mirrored(a, "", out)).filter(([, what]) => what !== "folder")
      .map(([path]) => path);
  await mirrors.startMirror();
  assertEquals((await mirrors.order([a.source("a/b")])).code, 0);
  assertEquals(await filesOf("out"), ["a/b/1", "x/a/b/2"]);
  const { code, sources } = await mirrors.order([a.source("b/a")]);
  assertEquals(code, 1);
  assertMatch(String(sources[0]!.reason), /nothing that it lists has this path$/);

  mirrors.port = 0;
  await mirrors.startMirror(["-s"], "strict");
  assertEquals((await mirrors.order([a.source("a/b")])).code, 0);
  assertEquals(await filesOf("strict"), ["a/b/1"]);
  assertEquals((await mirrors.order([a.source("x/a/b/2")])).code, 0);
  assertEquals(await filesOf("strict"), ["a/b/1", "x/a/b/2"]);
  const refused = await mirrors.order([a.source("b/2")]);
  assertEquals(refused.code, 1);
  assertMatch(
    String(refused.sources[0]!.reason),
    /:b\/2: it says: there is no such file or folder here$/,
  );
});

Deno.test("a content server may offer a single file", async () => {
  await using mirrors = new TestMirrors();
  await Deno.mkdir(mirrors.join("a"));
  await Deno.writeTextFile(mirrors.join("a", "only.bin"), "bytes");
  const a = await mirrors.startContent("a", { file: "only.bin" });
  await a.write("hidden", "not offered");
  await mirrors.startMirror();
  assertEquals((await mirrors.order([a.source()])).code, 0);
  assertEquals(Object.keys(await mirrors.mirrored(a)), ["only.bin"]);
  assertEquals((await mirrors.order([a.source("only.bin")])).sources[0]!.files, 1);
  assertEquals((await mirrors.order([a.source("hidden")])).code, 1);
});

Deno.test("a second run fetches only what changed", async () => {
  await using mirrors = new TestMirrors();
  const a = await mirrors.startContent("a");
  await a.writeMany("files", 200);
  await a.write("large", { size: 8 * MIB });
  await mirrors.startMirror();
  await mirrors.order([a.source()]);
  const [same] = (await mirrors.order([a.source()])).sources;
  assertEquals([same!.files, same!.fetched, same!.bytes_fetched], [201, 0, 0]);
  // A mirror server that was started again finds out what it has.
  mirrors.mirror!.signal("SIGTERM");
  assertEquals(await mirrors.mirror!.exit(), 0);
  await mirrors.startMirror();
  const changed = bytesOf({ size: 8 * MIB });
  changed.fill(0, 5 * MIB, 5 * MIB + 1000);
  await Deno.writeFile(a.join("large"), changed);
  await a.write("files/7", "changed");
  const [some] = (await mirrors.order([a.source()])).sources;
  assertEquals([some!.files, some!.fetched], [201, 2]);
  assert(Number(some!.bytes_fetched) < MIB, `${some!.bytes_fetched} bytes`);
  await mirrors.assertSame(a);
});

Deno.test("--delete removes what the source does not have, and stops before most of it", async () => {
  await using mirrors = new TestMirrors();
  const a = await mirrors.startContent("a");
  await a.writeMany("files", 30);
  await a.write("kept/1", "1");
  await mirrors.startMirror();
  await mirrors.order([a.source()]);
  await Deno.remove(a.join("files", "3"));
  await mirrors.order([a.source()]);
  assertEquals(Object.keys(await mirrors.mirrored(a, "files")).length, 30);
  const [deleted] = (await mirrors.order([a.source()], ["--delete"])).sources;
  assertEquals([deleted!.deleted, deleted!.state], [1, "done"]);
  await mirrors.assertSame(a);

  await Deno.remove(a.join("files"), { recursive: true });
  const stopped = await mirrors.order([a.source()], ["--delete"]);
  assertEquals(stopped.code, 1);
  assertMatch(
    String(stopped.sources[0]!.reason),
    /^Cannot delete 29 of 30 files: .*\(nothing was deleted; --yes deletes them\)$/,
  );
  assertEquals(Object.keys(await mirrors.mirrored(a, "files")).length, 29);
  // A path that is not there any more says nothing about what is to be deleted.
  assertEquals((await mirrors.order([a.source("files")], ["--delete", "--yes"])).code, 1);
  assertEquals(Object.keys(await mirrors.mirrored(a, "files")).length, 29);
  assertEquals((await mirrors.order([a.source()], ["--delete", "--yes"])).code, 0);
  await mirrors.assertSame(a);
});

Deno.test("--watch keeps the mirror up to date until it is stopped", async () => {
  await using mirrors = new TestMirrors();
  const a = await mirrors.startContent("a");
  await a.writeMany("files", 30);
  await mirrors.startMirror();
  const order = await mirrors.startOrder([a.source()], ["--watch", "--delete"]);
  await order.waitForEvent("progress", { fits: ({ state }) => state === "watching" });
  await a.write("files/new", "new");
  await a.write("large", { size: 2 * MIB });
  await Deno.remove(a.join("files", "5"));
  const large = hashOfFile(a.join("large"));
  await until(async () => {
    const tree = await mirrors.mirrored(a).catch(() => ({} as Record<string, string>));
    return tree["large"] === large && "files/new" in tree && !("files/5" in tree);
  }, "the change");
  await mirrors.assertSame(a);
  order.signal("SIGINT");
  assertEquals(await order.exit(), 0);
  await mirrors.mirror!.waitForLine(/^order 1 was broken off/);
});

Deno.test("--watch goes on with a source that comes back", async () => {
  await using mirrors = new TestMirrors();
  const a = await mirrors.startContent("a");
  await a.write("1", "1");
  await mirrors.startMirror();
  const order = await mirrors.startOrder([a.source()], ["--watch"]);
  await order.waitForEvent("progress", { fits: ({ state }) => state === "watching" });
  a.process.signal("SIGKILL");
  await order.waitForEvent("progress", { fits: ({ state }) => state === "failed" });
  await a.write("2", "2");
  const from = order.lines.length;
  await a.process.exit();
  await mirrors.startContent("a", { port: a.port });
  await order.waitForEvent("progress", { from, fits: ({ state }) => state === "watching" });
  await mirrors.assertSame(a);
});

Deno.test("sources may have IPv6 addresses", async () => {
  await using mirrors = new TestMirrors();
  const a = await mirrors.startContent("a", { host: "::1" });
  await a.write("file", "over IPv6");
  await mirrors.startMirror();
  assertEquals((await mirrors.order([a.source("file")])).code, 0);
  assertEquals(Object.keys(await mirrors.mirrored(a)), ["file"]);
});

Deno.test("an order goes on after the mirror server was killed, and fetches nothing again", async () => {
  await using mirrors = new TestMirrors();
  const a = await mirrors.startContent("a");
  await a.writeMany("files", 400);
  await a.write("large", { size: 16 * MIB });
  await mirrors.startMirror();
  let filesDone = 0;
  for (const files of [10, 40, 90]) {
    const order = await mirrors.startOrder([a.source("", 0.05)]);
    const progress = await order.waitForEvent("progress", {
      fits: (event) => Number(event.files) >= files,
    });
    filesDone = Number(progress.files);
    mirrors.mirror!.signal("SIGKILL");
    assertEquals(await order.exit(), 1);
    assertMatch(order.stderr.at(-1)!, /^p2pnode: Cannot mirror with .*run the same command again/);
    await mirrors.mirror!.exit();
    await mirrors.startMirror();
  }
  const [last] = (await mirrors.order([a.source()])).sources;
  assertEquals([last!.state, last!.files], ["done", 401]);
  assert(Number(last!.fetched) <= 401 - filesDone, `${filesDone} and ${last!.fetched}`);
  await mirrors.assertSame(a);
});

Deno.test("a mirror server that is stopped in the middle ends cleanly, and says so", async () => {
  await using mirrors = new TestMirrors();
  const a = await mirrors.startContent("a");
  await a.writeMany("files", 100);
  await mirrors.startMirror();
  const order = await mirrors.startOrder([a.source("", 0.2)]);
  await order.waitForEvent("progress", { fits: ({ files }) => Number(files) > 0 });
  mirrors.mirror!.signal("SIGINT");
  assertEquals(await mirrors.mirror!.exit(), 0);
  assertEquals(await order.exit(), 1);
  const reason = /^p2pnode: Cannot go on: the mirror server stops \(run the same command again/;
  assertMatch(order.stderr.at(-1)!, reason);
});

Deno.test("four initiators at once share one worker", async () => {
  await using mirrors = new TestMirrors();
  const contents = await Promise.all(
    ["a", "b", "c", "d"].map((name) => mirrors.startContent(name)),
  );
  for (const [i, content] of contents.entries()) await content.writeMany(`of${i}`, 50);
  await mirrors.startMirror(["-w", "1"]);
  const orders = await Promise.all(
    contents.map((content) => mirrors.order([content.source(), contents[0]!.source()])),
  );
  assertEquals(orders.map(({ code }) => code), [0, 0, 0, 0]);
  for (const content of contents) await mirrors.assertSame(content);
});

Deno.test("people get a table, and mistakes are told before anything is ordered", async () => {
  await using mirrors = new TestMirrors();
  const a = await mirrors.startContent("a");
  await a.write("file", "bytes");
  await mirrors.startMirror();
  const where = ["mirror-init", "-n", "127.0.0.1", "-p", String(mirrors.port)];
  const { code, stdout } = await run([...where, "-s", a.source()]);
  assertEquals(code, 0);
  const lines = stdout.split("\n");
  assertMatch(lines[0]!, /^source +files +bytes +fetched +seconds +rate +failures$/);
  assertMatch(lines[1]!, /^127\.0\.0\.1:\d+ +1 +5 B +5 B +[\d.]+ +[\d.]+ \S+ +none$/);
  assertMatch(lines[2]!, /^1 file, 5 B \(mean 5 B, variance 0\.000 B²\), 5 B fetched in /);
  for (
    const [flags, problem] of [
      [["-s", "127.0.0.1"], 'Cannot read source "127.0.0.1": its port'],
      [["-s", "127.0.0.1:1:/etc"], "it is absolute"],
      [[], "--source is missing"],
    ] as const
  ) {
    const wrong = await run([...where, ...flags]);
    assertEquals(wrong.code, 2);
    assert(wrong.stderr.includes(problem), wrong.stderr);
  }
  const nobody = await run(["mirror-init", "-n", "127.0.0.1", "-p", "1", "-s", a.source()]);
  assertEquals(nobody.code, 1);
  assertMatch(nobody.stderr, /^p2pnode: Cannot mirror with 127\.0\.0\.1:1: connection refused/);
  assertEquals(nobody.stdout, "", "there is no table of an order that nobody has taken");
});
