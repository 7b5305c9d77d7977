import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { execFileSync } from "node:child_process";
import { openFolder } from "./folder.ts";
import type { OwnFolder } from "../command/world.ts";

/** A temporary folder that vanishes with the test. */
function temporaryFolder(): { path: string } & Disposable {
  const path = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "p2pnode-folder-" }));
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

/** Writes a file, and the folders above it, as if it had been there for a while. */
function write(path: string, text: string): void {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  Deno.writeTextFileSync(path, text);
  Deno.utimeSync(path, 1_700_000_000, 1_700_000_000);
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function namesIn(folder: OwnFolder): Promise<string[]> {
  return (await folder.scan()).files.map(({ name }) => name).sort();
}

function namesBelow(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}

Deno.test("scan() finds every regular file, with its size and the stamp that state() gives", async () => {
  using temporary = temporaryFolder();
  write(`${temporary.path}/a`, "one");
  write(`${temporary.path}/deep/er/ü b.txt`, "");
  write(`${temporary.path}/deep/.hidden`, "x");
  await using folder = await openFolder(temporary.path);
  const { files, skipped } = await folder.scan();
  assertEquals(files.map(({ name, size }) => [name, size]).sort(), [
    ["a", 3],
    ["deep/.hidden", 1],
    ["deep/er/ü b.txt", 0],
  ]);
  assertEquals(skipped, []);
  for (const { name, size, stamp } of files) assertEquals(folder.state(name), { size, stamp });
});

Deno.test("scan() leaves out p2pnode's own folder wherever it is, saying so unless it is ours", async () => {
  using temporary = temporaryFolder();
  write(`${temporary.path}/.p2pnode/key`, "secret");
  write(`${temporary.path}/other/.p2pnode/key`, "secret");
  await using folder = await openFolder(temporary.path);
  const { files, skipped } = await folder.scan();
  assertEquals(files, []);
  assertEquals(skipped, [{
    name: "other/.p2pnode",
    reason: "its name cannot be used: .p2pnode is p2pnode's own",
  }]);
});

Deno.test("scan() skips links, pipes, sockets and unsafe names, each with its reason", async () => {
  using temporary = temporaryFolder();
  const { path } = temporary;
  write(`${path}/file`, "x");
  write(`${path}/bad\\name`, "x");
  write(`${path}/new\nline/inner`, "x");
  Deno.symlinkSync("file", `${path}/link`);
  Deno.symlinkSync("/", `${path}/way-out`);
  execFileSync("mkfifo", [`${path}/pipe`]);
  using _socket = Deno.listen({ transport: "unix", path: `${path}/socket` });
  await using folder = await openFolder(path);
  const { files, skipped } = await folder.scan();
  assertEquals(files.map(({ name }) => name), ["file"]);
  assertEquals(Object.fromEntries(skipped.map(({ name, reason }) => [name, reason])), {
    "bad\\name": "its name cannot be used: it has a backslash",
    "new\nline": "its name cannot be used: it has a control character",
    "link": "it is a symbolic link",
    "way-out": "it is a symbolic link",
    "pipe": "it is a pipe",
    "socket": "it is a socket",
  });
});

Deno.test("scan() survives a name that is not UTF-8 and names it where the runtime shows it", async () => {
  using temporary = temporaryFolder();
  write(`${temporary.path}/good`, "x");
  execFileSync("sh", ["-c", `touch "$(printf 'bad\\377name')"`], { cwd: temporary.path });
  await using folder = await openFolder(temporary.path);
  const { files, skipped } = await folder.scan();
  assertEquals(files.map(({ name }) => name), ["good"]);
  for (const { name, reason } of skipped) {
    assertEquals([name, reason], ["bad\ufffdname", "its name is not UTF-8"]);
  }
});

Deno.test("scan() marks the stamp of a file that was written this very moment", async () => {
  using temporary = temporaryFolder();
  await using folder = await openFolder(temporary.path);
  Deno.writeTextFileSync(`${temporary.path}/fresh`, "x");
  // Time passes between writing and looking, now and then too much of it.
  for (;;) {
    const now = Date.now();
    Deno.utimeSync(`${temporary.path}/fresh`, now / 1000, now / 1000);
    const { files } = await folder.scan();
    if (Date.now() - now > 15) continue;
    assert(files[0]!.stamp !== folder.state("fresh")!.stamp);
    return;
  }
});

Deno.test("scan() stops when its signal is aborted, and says that the root is gone", async () => {
  using temporary = temporaryFolder();
  Deno.mkdirSync(`${temporary.path}/folder`);
  const folder = await openFolder(`${temporary.path}/folder`);
  await assertRejects(() => folder.scan(AbortSignal.abort(new Error("enough"))), Error, "enough");
  Deno.removeSync(`${temporary.path}/folder`, { recursive: true });
  await assertRejects(() => folder.scan(), Error, `Cannot read ${folder.root}: there is no such`);
  await folder[Symbol.asyncDispose]();
});

Deno.test("state() changes with content, replacement and mere touching; undefined for no file", async () => {
  using temporary = temporaryFolder();
  const path = `${temporary.path}/file`;
  write(path, "one");
  await using folder = await openFolder(temporary.path);
  const first = folder.state("file")!;
  assertEquals(folder.state("file"), first);
  Deno.utimeSync(path, 1_700_000_001, 1_700_000_001);
  const touched = folder.state("file")!;
  assert(touched.stamp !== first.stamp);
  write(`${temporary.path}/other`, "two");
  Deno.renameSync(`${temporary.path}/other`, path);
  Deno.utimeSync(path, 1_700_000_001, 1_700_000_001);
  assert(folder.state("file")!.stamp !== touched.stamp);
  Deno.symlinkSync("file", `${temporary.path}/link`);
  for (const name of ["link", "missing", "file/below"]) assertEquals(folder.state(name), undefined);
  assertThrows(() => folder.state("../outside"), Error, "Cannot use the name");
});

Deno.test("open() reads any range, also several at once, and tells the state", async () => {
  using temporary = temporaryFolder();
  write(`${temporary.path}/sub/file`, "0123456789");
  await using folder = await openFolder(temporary.path);
  const file = folder.open("sub/file");
  const parts = Array.from({ length: 10 }, () => new Uint8Array(1));
  await Promise.all(parts.map((part, offset) => file.read(part, offset)));
  assertEquals(parts.map(([byte]) => byte), [...bytesOf("0123456789")]);
  await file.read(new Uint8Array(0), 10);
  assertEquals(file.state(), folder.state("sub/file"));
  await assertRejects(() => file.read(new Uint8Array(4), 8), Error, "it ends at byte 10");
  file.close();
  file.close();
  await assertRejects(() => file.read(new Uint8Array(1), 0), Error, "it is closed");
});

Deno.test("open() reads beyond 4 GiB", async () => {
  using temporary = temporaryFolder();
  const offset = 5 * 2 ** 30 + 3;
  using file = Deno.openSync(`${temporary.path}/sparse`, { write: true, create: true });
  file.seekSync(offset, Deno.SeekMode.Start);
  file.writeSync(bytesOf("far"));
  await using folder = await openFolder(temporary.path);
  const opened = folder.open("sparse");
  const into = new Uint8Array(3);
  await opened.read(into, offset);
  opened.close();
  assertEquals(into, bytesOf("far"));
});

Deno.test("a file that is closed during a read stays open until the read has ended", async () => {
  using temporary = temporaryFolder();
  write(`${temporary.path}/file`, "content");
  await using folder = await openFolder(temporary.path);
  const file = folder.open("file");
  const into = new Uint8Array(7);
  const reading = file.read(into, 0);
  file.close();
  await reading;
  assertEquals(into, bytesOf("content"));
});

Deno.test("open() refuses whatever is no regular file of the folder", async () => {
  using temporary = temporaryFolder();
  const { path } = temporary;
  write(`${path}/folder/file`, "x");
  write(`${path}/outside/secret`, "x");
  Deno.symlinkSync("file", `${path}/folder/link`);
  Deno.symlinkSync("../outside", `${path}/folder/way`);
  execFileSync("mkfifo", [`${path}/folder/pipe`]);
  await using folder = await openFolder(`${path}/folder`);
  const cases = {
    "link": "Cannot open link: it is a symbolic link",
    "pipe": "Cannot open pipe: it is a pipe",
    "missing": "Cannot open missing: there is no such file or folder",
    "way/secret": "Cannot open way/secret: way is not a folder",
    "../outside/secret": "Cannot use the name",
    ".p2pnode/lock": "Cannot use the name",
  };
  for (const [name, message] of Object.entries(cases)) {
    assertThrows(() => folder.open(name), Error, message);
  }
});

Deno.test("readWhole() reads a file in the state that is asked for, and no other", async () => {
  using temporary = temporaryFolder();
  write(`${temporary.path}/file`, "first");
  write(`${temporary.path}/empty`, "");
  await using folder = await openFolder(temporary.path);
  const state = folder.state("file")!;
  const into = new Uint8Array(5);
  assert(folder.readWhole("file", state, into));
  assertEquals(into, bytesOf("first"));
  assert(folder.readWhole("empty", folder.state("empty")!, new Uint8Array(0)));
  assert(!folder.readWhole("file", state, new Uint8Array(4)));
  Deno.writeTextFileSync(`${temporary.path}/file`, "other");
  assert(!folder.readWhole("file", state, into));
  Deno.removeSync(`${temporary.path}/file`);
  assert(!folder.readWhole("file", state, into));
  execFileSync("mkfifo", [`${temporary.path}/file`]);
  assert(!folder.readWhole("file", state, into));
});

Deno.test("watch() hints at changes in the folder and at none in the private area", async () => {
  using temporary = temporaryFolder();
  Deno.mkdirSync(`${temporary.path}/sub`);
  await using folder = await openFolder(temporary.path);
  const end = new AbortController();
  const hints = folder.watch(end.signal)[Symbol.asyncIterator]();
  let next = hints.next();
  await folder.makePart("unseen", 10);
  assertEquals(await Promise.race([next, pause(200)]), "nothing");
  await writeUntil(next, `${temporary.path}/sub/file`);
  assertEquals((await next).done, false);
  next = hints.next();
  end.abort();
  // The events of one change may come in two portions; after them, the end.
  while (!(await next).done) next = hints.next();
  await folder.removePart("unseen");
});

/** Writes a file again and again until the watcher, which may not have started yet, has seen it. */
async function writeUntil(hint: Promise<unknown>, path: string): Promise<void> {
  let isSeen = false;
  hint.then(() => isSeen = true);
  while (!isSeen) {
    write(path, "x");
    await pause(20);
  }
}

function pause(ms: number): Promise<"nothing"> {
  return new Promise((resolve) => setTimeout(() => resolve("nothing"), ms));
}

Deno.test("watch() says why it cannot watch", async () => {
  using temporary = temporaryFolder();
  Deno.mkdirSync(`${temporary.path}/folder`);
  const folder = await openFolder(`${temporary.path}/folder`);
  await folder[Symbol.asyncDispose]();
  Deno.removeSync(folder.root);
  const hints = folder.watch(new AbortController().signal)[Symbol.asyncIterator]();
  await assertRejects(() => hints.next(), Error, `Cannot watch ${folder.root}: `);
});

Deno.test("watch() does not follow a symbolic link out of the folder", async () => {
  using temporary = temporaryFolder();
  const { path } = temporary;
  write(`${path}/folder/sub/file`, "x");
  Deno.symlinkSync("sub", `${path}/folder/inside`);
  Deno.symlinkSync("sub/file", `${path}/folder/to-a-file`);
  Deno.symlinkSync("nowhere", `${path}/folder/to-nothing`);
  await using folder = await openFolder(`${path}/folder`);
  const end = new AbortController();
  const hints = folder.watch(end.signal)[Symbol.asyncIterator]();
  const next = hints.next();
  await writeUntil(next, `${path}/folder/sub/other`);
  assertEquals((await next).done, false);
  end.abort();
  Deno.symlinkSync("/", `${path}/folder/sub/way-out`);
  const others = folder.watch(new AbortController().signal)[Symbol.asyncIterator]();
  await assertRejects(
    () => others.next(),
    Error,
    `Cannot watch ${path}/folder: sub/way-out is a symbolic link out of it`,
  );
});

Deno.test("a part is made sparse, kept, read, listed and removed", async () => {
  using temporary = temporaryFolder();
  await using folder = await openFolder(temporary.path);
  const key = "ab-1000000000";
  await folder.makePart(key, 1_000_000_000);
  const info = Deno.lstatSync(folder.partPath(key));
  assertEquals(info.size, 1_000_000_000);
  assert(info.blocks! * 512 < 1_000_000);
  using file = Deno.openSync(folder.partPath(key), { write: true });
  file.writeSync(bytesOf("kept"));
  await folder.makePart(key, 1_000_000_000);
  const part = folder.openPart(key);
  const into = new Uint8Array(4);
  await part.read(into, 0);
  part.close();
  assertEquals(into, bytesOf("kept"));
  assertEquals(folder.partKeys(), [key]);
  await folder.removePart(key);
  await folder.removePart(key);
  assertEquals(folder.partKeys(), []);
});

Deno.test("a part is never made or removed outside of the private area", async () => {
  using temporary = temporaryFolder();
  await using folder = await openFolder(temporary.path);
  for (const key of ["", "..", "a/b", "a.b"]) {
    assertThrows(() => folder.partPath(key), Error, "Cannot keep a partial file under the key");
  }
  write(`${temporary.path}/victim`, "x");
  Deno.symlinkSync("../../victim", folder.partPath("key"));
  await assertRejects(() => folder.makePart("key", 5), Error, "it is a symbolic link");
  assertThrows(() => folder.openPart("key"), Error, "it is a symbolic link");
  await folder.removePart("key");
  assertEquals(Deno.readTextFileSync(`${temporary.path}/victim`), "x");
});

Deno.test("a finished part can be renamed into the folder", async () => {
  using temporary = temporaryFolder();
  await using folder = await openFolder(temporary.path);
  await folder.makePart("key", 3);
  Deno.writeTextFileSync(folder.partPath("key"), "abc");
  Deno.renameSync(folder.partPath("key"), folder.pathOf("file"));
  assertEquals(await namesIn(folder), ["file"]);
  assertEquals(folder.state("file")?.size, 3);
});

Deno.test("copy() makes a second file that is whole, and replaces another on request only", async () => {
  using temporary = temporaryFolder();
  const { path } = temporary;
  write(`${path}/from`, "content");
  write(`${path}/taken`, "other");
  await using folder = await openFolder(path);
  await folder.copy("from", "new/er/to", { replace: false });
  assertEquals(Deno.readTextFileSync(`${path}/new/er/to`), "content");
  await assertRejects(
    () => folder.copy("from", "taken", { replace: false }),
    Error,
    "Cannot copy from to taken: ",
  );
  assertEquals(Deno.readTextFileSync(`${path}/taken`), "other");
  await folder.copy("from", "taken", { replace: true });
  assertEquals(Deno.readTextFileSync(`${path}/taken`), "content");
  await assertRejects(() => folder.copy("missing", "x", { replace: true }), Error, "Cannot copy");
  assertEquals(namesBelow(`${path}/.p2pnode/parts`), []);
});

Deno.test("temporaryPath() never answers the same twice, and a crash's leftovers go", async () => {
  using temporary = temporaryFolder();
  write(`${temporary.path}/.p2pnode/parts/0.whole`, "half");
  write(`${temporary.path}/.p2pnode/parts/17.whole`, "half");
  write(`${temporary.path}/.p2pnode/parts/ab-5.part`, "resumable");
  await using folder = await openFolder(temporary.path);
  assertEquals(namesBelow(`${temporary.path}/.p2pnode/parts`), ["ab-5.part"]);
  assertEquals(folder.partKeys(), ["ab-5"]);
  assert(folder.temporaryPath() !== folder.temporaryPath());
  Deno.writeTextFileSync(folder.temporaryPath(), "x");
});

Deno.test("a folder belongs to one process at a time", async () => {
  using temporary = temporaryFolder();
  const first = await openFolder(temporary.path);
  await assertRejects(
    () => openFolder(temporary.path),
    Error,
    `Cannot use ${temporary.path}: another p2pnode works in it (process ${Deno.pid}; stop it, or`,
  );
  await first[Symbol.asyncDispose]();
  await using _second = await openFolder(temporary.path);
});

Deno.test("a lock that a killed process left behind is no obstacle", async () => {
  using temporary = temporaryFolder();
  write(`${temporary.path}/.p2pnode/lock`, "4711\n");
  await using _folder = await openFolder(temporary.path);
  assertEquals(Deno.readTextFileSync(`${temporary.path}/.p2pnode/lock`), `${Deno.pid}\n`);
});

Deno.test("disposing leaves nothing behind, except what is worth keeping", async () => {
  using temporary = temporaryFolder();
  const first = await openFolder(temporary.path);
  assertEquals(Deno.lstatSync(`${temporary.path}/.p2pnode`).mode! & 0o777, 0o700);
  await first[Symbol.asyncDispose]();
  assertEquals(namesBelow(temporary.path), []);

  const second = await openFolder(temporary.path);
  await second.makePart("key", 1);
  await second[Symbol.asyncDispose]();
  assertEquals(namesBelow(`${temporary.path}/.p2pnode/parts`), ["key.part"]);

  Deno.removeSync(`${temporary.path}/.p2pnode/parts/key.part`);
  const third = await openFolder(temporary.path);
  write(`${temporary.path}/.p2pnode/key`, "secret");
  await third[Symbol.asyncDispose]();
  assertEquals(namesBelow(`${temporary.path}/.p2pnode`), ["key", "lock"]);
});

Deno.test("openFolder() refuses a private area that is a symbolic link", async () => {
  for (const link of [".p2pnode", ".p2pnode/parts", ".p2pnode/lock"]) {
    using temporary = temporaryFolder();
    write(`${temporary.path}/elsewhere/0.whole`, "mine");
    Deno.mkdirSync(`${temporary.path}/folder`);
    if (link !== ".p2pnode") Deno.mkdirSync(`${temporary.path}/folder/.p2pnode`);
    Deno.symlinkSync(`${temporary.path}/elsewhere`, `${temporary.path}/folder/${link}`);
    await assertRejects(
      () => openFolder(`${temporary.path}/folder`),
      Error,
      `/folder/${link} is a symbolic link`,
    );
    assertEquals(namesBelow(`${temporary.path}/elsewhere`), ["0.whole"]);
  }
});

Deno.test("openFolder() makes a missing root on request only", async () => {
  using temporary = temporaryFolder();
  const path = `${temporary.path}/not/there`;
  await assertRejects(() => openFolder(path), Error, `Cannot use ${path}: there is no such`);
  await using folder = await openFolder(path, { create: true });
  assertEquals(folder.root, path);
});

Deno.test("openFolder() refuses a root that is a file, and follows one that is a link", async () => {
  using temporary = temporaryFolder();
  write(`${temporary.path}/file`, "x");
  await assertRejects(
    () => openFolder(`${temporary.path}/file`, { create: true }),
    Error,
    "it is a file, not a folder",
  );
  Deno.mkdirSync(`${temporary.path}/real`);
  Deno.symlinkSync("real", `${temporary.path}/link`);
  await using folder = await openFolder(`${temporary.path}/link`);
  assertEquals(folder.root, `${temporary.path}/real`);
});

Deno.test({
  name: "openFolder() says that it cannot write into a folder",
  ignore: Deno.uid() === 0, // Nothing is forbidden to root.
  async fn() {
    using temporary = temporaryFolder();
    Deno.mkdirSync(`${temporary.path}/locked`, { mode: 0o500 });
    await assertRejects(
      () => openFolder(`${temporary.path}/locked`),
      Error,
      `Cannot write into ${temporary.path}/locked: permission denied (use a folder that you may`,
    );
  },
});
