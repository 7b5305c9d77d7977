/** Remote copy: `serve` and `fetch`, from whole trees to what is changed, deleted and left out. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { execFileSync } from "node:child_process";
import { pathsOf, startCopies } from "./copies.ts";
import type { TestCopies } from "./copies.ts";
import { isThere } from "../node/platform/file_state.ts";
import { randomBytes, randomFile, sameFile, temporaryFolder } from "./files.ts";
import { run } from "./harness.ts";
import { HOST } from "./swarm.ts";
import { CountingProxy } from "./counting_proxy.ts";

const MIB = 1024 * 1024;

/** dira/{one, run, dirb/{two, empty/}, dirc/{three, deep/er/four}, links}, dird/five, large and empty files. */
async function writeTree(copies: TestCopies): Promise<void> {
  await copies.write("dira/one", "1");
  await copies.write("dira/nothing", "");
  await copies.write("dira/run", "#!/bin/sh\n");
  Deno.chmodSync(copies.source("dira/run"), 0o755);
  await copies.write("dira/dirb/two", randomBytes(5000, 2));
  Deno.mkdirSync(copies.source("dira/dirb/empty"));
  await copies.write("dira/dirc/three", randomBytes(3 * MIB, 3));
  await copies.write("dira/dirc/deep/er/four", randomBytes(256 * 1024 + 1, 4));
  await copies.write("dira/dirc/with space, ünïcode 日本.txt", "x");
  Deno.symlinkSync("../one", copies.source("dira/dirc/to-one"));
  Deno.symlinkSync("dirb", copies.source("dira/to-folder"));
  Deno.symlinkSync("nowhere", copies.source("dira/dangling"));
  await copies.write("dird/five", "5");
}

Deno.test("fetch makes the folder that is asked for, with all that is below it, and nothing else", async () => {
  await using copies = await startCopies();
  await writeTree(copies);
  const { code, counts, stderr } = await copies.fetch("dira");
  assertEquals([code, stderr], [0, ""]);
  await copies.assertSame("dira");
  assertEquals([counts.fetched, counts.failed, counts.skipped], [7, 0, 0]);
  assertEquals(Object.keys(await copies.fetched()).filter((path) => !path.startsWith("dira")), []);
  await using below = await startCopies();
  await writeTree(below);
  assertEquals((await below.fetch("./dira/dirc/")).code, 0);
  await below.assertSame("dira/dirc");
  assertEquals((await below.fetched())["dira/one"], undefined);
  assertEquals((await below.fetch(".")).code, 0);
  await below.assertSame("");
});

Deno.test("fetch gets a single file by its path", async () => {
  await using copies = await startCopies();
  await writeTree(copies);
  assertEquals((await copies.fetch("dira/dirb/two")).counts.fetched, 1);
  assertEquals(Object.keys(await copies.fetched()), ["dira", "dira/dirb", "dira/dirb/two"]);
});

Deno.test("fetch for people says what it did in one line", async () => {
  await using copies = await startCopies();
  await writeTree(copies);
  const first = await run(copies.fetchArguments("dira"));
  assertMatch(first.stdout, /^fetched 7 files \(3\.3 MiB\) in \d+\.\d\d s: [\d.]+ [KMG]?i?B\/s$/);
  const second = await run(copies.fetchArguments("dira"));
  assertMatch(second.stdout, /^fetched 0 files \(0 B\), 7 the same in /);
  assertEquals([first.stderr, second.stderr, first.code, second.code], ["", "", 0, 0]);
});

Deno.test("a run after another fetches only what has changed, and replaces it atomically", async () => {
  await using copies = await startCopies();
  await writeTree(copies);
  await copies.fetch("dira");
  using open = Deno.openSync(copies.dest("dira/one"));
  await using proxy = new CountingProxy(copies.port);
  const same = await copies.fetch("dira", [], { port: proxy.port });
  assertEquals([same.counts.fetched, same.counts.same], [0, 7]);
  assert(proxy.down < 4000, `${proxy.down} bytes came for nothing`);
  await copies.write("dira/one", "one");
  Deno.chmodSync(copies.source("dira/dirb/two"), 0o700);
  Deno.removeSync(copies.source("dira/dangling"));
  Deno.symlinkSync("run", copies.source("dira/dangling"));
  await copies.write("dira/new", "new");
  const changed = await copies.fetch("dira");
  assertEquals(pathsOf(changed, "fetched"), ["dira/new", "dira/one"]);
  assertEquals(pathsOf(changed, "made"), ["dira/dangling", "dira/dirb/two"]);
  await copies.assertSame("dira");
  // Whoever has the old file open still reads the old bytes.
  const old = new Uint8Array(10);
  assertEquals([open.readSync(old), old[0]], [1, "1".charCodeAt(0)]);
});

Deno.test("fetch finds edits that leave size and time as they were, and puts right what was edited here", async () => {
  await using copies = await startCopies();
  await writeTree(copies);
  await copies.fetch("dira");
  Deno.writeTextFileSync(copies.dest("dira/mine"), "mine");
  // Of the time of a file's last change, which nobody can set, the runtime tells whole seconds.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const keepingTime = (path: string, bytes: Uint8Array) => {
    const { mtime } = Deno.statSync(path);
    Deno.writeFileSync(path, bytes);
    Deno.utimeSync(path, mtime!, mtime!);
  };
  keepingTime(copies.dest("dira/dirb/two"), randomBytes(5000, 99));
  keepingTime(copies.source("dira/one"), randomBytes(1, 98));
  const result = await copies.fetch("dira");
  assertEquals(pathsOf(result, "fetched"), ["dira/dirb/two", "dira/one"]);
  assertEquals(Deno.readTextFileSync(copies.dest("dira/mine")), "mine");
  Deno.removeSync(copies.dest("dira/mine"));
  await copies.assertSame("dira");
});

Deno.test("of a large file with an insertion only a little is sent", async () => {
  await using copies = await startCopies();
  await randomFile(copies.source("large"), 256 * MIB, 1);
  await copies.fetch("large");
  const grown = copies.source("grown");
  await Deno.writeFile(grown, randomBytes(MIB, 2));
  execFileSync("sh", ["-c", 'cat "$1" >> "$2"', "sh", copies.source("large"), grown]);
  Deno.renameSync(grown, copies.source("large"));
  await using proxy = new CountingProxy(copies.port);
  const { code } = await copies.fetch("large", [], { port: proxy.port });
  assertEquals(code, 0);
  assert(await sameFile(copies.source("large"), copies.dest("large")));
  assert(proxy.total < 1.3 * MIB, `${proxy.total} bytes for 1 MiB`);
});

Deno.test("a file that is here under another name is not sent", async () => {
  await using copies = await startCopies();
  await copies.write("d/old", randomBytes(MIB, 1));
  await copies.fetch("d");
  Deno.renameSync(copies.source("d/old"), copies.source("d/new"));
  await using proxy = new CountingProxy(copies.port);
  const { counts } = await copies.fetch("d", ["--delete"], { port: proxy.port });
  await copies.assertSame("d");
  assertEquals([counts.fetched, counts.deleted], [1, 1]);
  assert(proxy.total < 10_000, `${proxy.total} bytes for a new name`);
});

Deno.test("--delete removes what the server does not have, below what was asked for only", async () => {
  await using copies = await startCopies();
  await writeTree(copies);
  await copies.fetch(".");
  for (const path of ["dira/extra", "dira/dirb/extra", "dird/extra"]) {
    Deno.writeTextFileSync(copies.dest(path), "extra");
  }
  Deno.mkdirSync(copies.dest("dira/extra-folder"));
  Deno.symlinkSync("one", copies.dest("dira/extra-link"));
  const trial = await copies.fetch("dira", ["--delete", "--dry-run"]);
  const extra = ["dira/dirb/extra", "dira/extra", "dira/extra-link"];
  assertEquals(pathsOf(trial, "deleted"), extra);
  assertEquals(Deno.lstatSync(copies.dest("dira/extra")).isFile, true);
  const { counts, ...deleted } = await copies.fetch("dira", ["--delete"]);
  assertEquals([deleted.code, counts.deleted, pathsOf({ counts, ...deleted }, "deleted")], [
    0,
    3,
    extra,
  ]);
  await copies.assertSame("dira");
  assertEquals(Deno.readTextFileSync(copies.dest("dird/extra")), "extra");
});

Deno.test("--delete stops before it removes more than half of the files", async () => {
  await using copies = await startCopies();
  await copies.writeMany("many", { count: 30, size: 10 });
  await copies.fetch("many");
  Deno.removeSync(copies.source("many"), { recursive: true });
  await copies.write("many/0/0", "other");
  const stopped = await copies.fetch("many", ["--delete"]);
  assertEquals([stopped.code, stopped.counts.deleted], [1, 0]);
  assertMatch(stopped.stderr, /^p2pnode: Cannot delete 29 of 30 files: [^\n]*--yes[^\n]*$/);
  assertEquals(Object.keys(await copies.fetched()).length, 32);
  const accepted = await copies.fetch("many", ["--delete", "--yes"]);
  assertEquals([accepted.code, accepted.counts.deleted], [0, 29]);
  await copies.assertSame("many");
});

Deno.test("--dry-run says what would happen and changes nothing", async () => {
  await using copies = await startCopies();
  await writeTree(copies);
  const nothing = await run([...copies.fetchArguments("dira"), "--dry-run"]);
  assertEquals([nothing.code, await copies.fetched()], [0, {}]);
  assertEquals([...Deno.readDirSync(copies.join())].map(({ name }) => name), ["source"]);
  await copies.fetch("dira");
  await copies.write("dira/one", "changed");
  await copies.write("dira/new", "new");
  Deno.chmodSync(copies.source("dira/nothing"), 0o755);
  Deno.writeTextFileSync(copies.dest("dira/extra"), "extra");
  const before = [await copies.fetched(), Deno.statSync(copies.dest("dira/one")).mtime];
  const { stdout } = await run([...copies.fetchArguments("dira"), "--dry-run", "--delete"]);
  const lines = stdout.split("\n");
  assertEquals(lines.slice(0, -1).sort(), [
    "would delete dira/extra",
    "would fetch dira/new",
    "would make dira/nothing executable",
    "would replace dira/one",
  ]);
  assertMatch(
    lines.at(-1)!,
    /^would fetch 2 files \(10 B\), 6 the same, 1 to delete; nothing was changed$/,
  );
  assertEquals([await copies.fetched(), Deno.statSync(copies.dest("dira/one")).mtime], before);
});

Deno.test("--exclude leaves out, also from deletion, and --include makes exceptions", async () => {
  await using copies = await startCopies();
  await copies.write("d/a.txt", "a");
  await copies.write("d/b.tmp", "b");
  await copies.write("d/keep.tmp", "k");
  await copies.write("d/skip/c.txt", "c");
  await copies.write("d/skip/d.bin", "d");
  const flags = [
    "--exclude",
    "*.tmp",
    "--exclude",
    "skip/",
    "--include",
    "keep.tmp",
    "--include",
    "d.bin",
  ];
  assertEquals((await copies.fetch("d", flags)).counts.excluded, 2);
  const taken = ["d", "d/a.txt", "d/keep.tmp", "d/skip", "d/skip/d.bin"];
  assertEquals(Object.keys(await copies.fetched()), taken);
  Deno.writeTextFileSync(copies.dest("d/mine.tmp"), "mine");
  Deno.writeTextFileSync(copies.dest("d/extra"), "extra");
  await copies.fetch("d", [...flags, "--delete"]);
  assertEquals(Object.keys(await copies.fetched()), [...taken, "d/mine.tmp"].sort());
});

Deno.test("a folder that was made for what the server does not have goes again, and no other", async () => {
  await using copies = await startCopies();
  const { code } = await copies.fetch("none");
  assertEquals([code, isThere(copies.dest())], [1, false]);
  Deno.mkdirSync(copies.dest());
  await copies.fetch("none");
  assertEquals(Array.from(Deno.readDirSync(copies.dest())), []);
});

Deno.test("what cannot be copied is skipped and told, and so is what the server refuses", async () => {
  await using copies = await startCopies();
  await copies.write("d/file", "f");
  execFileSync("mkfifo", [copies.source("d/pipe")]);
  Deno.symlinkSync("/etc/passwd", copies.source("d/absolute"));
  Deno.symlinkSync("../../outside", copies.source("d/out"));
  const result = await copies.fetch("d");
  assertEquals([result.code, pathsOf(result, "skipped")], [0, ["d/absolute", "d/out", "d/pipe"]]);
  assertEquals(Object.keys(await copies.fetched()), ["d", "d/file"]);
  for (const path of ["..", "../dest", "/etc", "d/../..", "d/absolute", "none", "d/pipe"]) {
    const { code, stderr } = await copies.fetch(path);
    assertEquals(code, 1, path);
    assertMatch(stderr, /^p2pnode: Cannot fetch [^\n]+$/, path);
  }
});

Deno.test("fetch never writes through a link that is here", async () => {
  await using copies = await startCopies();
  await copies.write("d/sub/file", "f");
  await copies.write("d/file", "f");
  Deno.mkdirSync(copies.join("outside"));
  Deno.writeTextFileSync(copies.join("outside/target"), "outside");
  Deno.mkdirSync(copies.dest("d"), { recursive: true });
  Deno.symlinkSync("../../outside", copies.dest("d/sub"));
  Deno.symlinkSync("../../outside/target", copies.dest("d/file"));
  const result = await copies.fetch("d");
  assertEquals([result.code, pathsOf(result, "failed")], [1, ["d/sub", "d/sub/file"]]);
  assertEquals([...Deno.readDirSync(copies.join("outside"))].length, 1);
  assertEquals(Deno.readTextFileSync(copies.join("outside/target")), "outside");
  assertEquals(Deno.readTextFileSync(copies.dest("d/file")), "f");
  assertEquals(Deno.lstatSync(copies.dest("d/file")).isFile, true);
});

Deno.test("fetch without a server or a host says so", async () => {
  using folder = temporaryFolder();
  const out = folder.join("dest");
  const refused = await run(["fetch", "-i", HOST, "-p", "1", "-d", "x", "-o", out]);
  assertEquals(refused.code, 1);
  assertMatch(refused.stderr, /^p2pnode: Cannot [^\n]+$/);
  assertEquals([...Deno.readDirSync(folder.path)], []);
  const usage = await run(["fetch", "-d", "x"]);
  assertEquals(usage.code, 2);
  assertMatch(usage.stderr, /^p2pnode: Cannot run fetch: --host is missing/);
});

Deno.test("--down-limit bounds the rate", async () => {
  await using copies = await startCopies();
  await copies.write("file", randomBytes(2 * MIB, 1));
  const { code, counts } = await copies.fetch("file", ["--down-limit", "1MiB"]);
  assertEquals(code, 0);
  assert(counts.seconds! > 1.5, `${counts.seconds} s for 2 MiB`);
  await copies.assertSame("");
});
