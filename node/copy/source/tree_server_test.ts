import { assert, assertEquals, assertRejects } from "@std/assert";
import { RemoteError } from "../../../protocol/errors.ts";
import { settled } from "../../../protocol/testing.ts";
import type { ContentReader } from "../../transfer/stage.ts";
import { MemoryStage } from "../../../tests/sync_simulation/memory_stage.ts";
import { MemorySource, TestSource, textId } from "./testing.ts";

/** A stage that hashes in another way. */
function withHashing(
  stage: MemoryStage,
  { hashFiles }: Pick<ContentReader, "hashFiles">,
): ContentReader {
  return {
    hashFiles,
    blockHashes: (content) => stage.blockHashes(content),
    leafHashes: (content, range) => stage.leafHashes(content, range),
    recipe: (content, range) => stage.recipe(content, range),
    open: (path) => stage.open(path),
    read: (contents, buffer) => stage.read(contents, buffer),
  };
}

Deno.test("a source lists folders before what is in them, files with id, size and mode, and links", async () => {
  await using source = new TestSource();
  source.folder.write("dira/a.txt", "alpha");
  source.folder.write("dira/run.sh", "#!", true);
  source.folder.makeFolder("dira/empty");
  source.folder.others.set("dira/z-link", { kind: "link", target: "a.txt" });
  source.folder.others.set("dira/zz-pipe", { kind: "skipped", target: "it is a pipe" });
  source.folder.write("other/b.txt", "beta");
  using copier = await source.connect();
  const tree = await copier.open("dira");
  assertEquals(tree, { type: "tree", fileCount: 2, byteCount: 7, otherCount: 4 });
  while (!(await copier.list()).last);
  const none = new Uint8Array(32);
  const entry = { id: none, size: 0, executable: false, target: "" };
  assertEquals(copier.listed, [
    { ...entry, path: "dira", kind: "folder" },
    { ...entry, path: "dira/a.txt", kind: "file", id: textId("alpha"), size: 5 },
    { ...entry, path: "dira/empty", kind: "folder" },
    { ...entry, path: "dira/run.sh", kind: "file", id: textId("#!"), size: 2, executable: true },
    { ...entry, path: "dira/z-link", kind: "link", target: "a.txt" },
    { ...entry, path: "dira/zz-pipe", kind: "skipped", target: "it is a pipe" },
  ]);
});

Deno.test("a source hands out what is listed until it is settled, and closes when all is", async () => {
  await using source = new TestSource();
  source.folder.write("a.txt", "alpha");
  source.folder.write("b.txt", "beta");
  using copier = await source.connect();
  const [a, b] = await copier.listAll();
  assertEquals(await copier.textOf(a!), "alpha");
  copier.settle([0]);
  assertEquals(await copier.textOf(a!), undefined);
  assertEquals(await copier.textOf(b!), "beta");
  copier.settle([], [1]);
  await settled();
  await source.pass(2_000);
  assertEquals(await copier.connection.closed, undefined);
  const [closed] = source.closed;
  assertEquals(closed!.reason, undefined);
  assertEquals([closed!.filesDone, closed!.filesFailed, closed!.bytesSent], [1, 1, 9]);
});

Deno.test("a source refuses paths that lead out, and goes on", async () => {
  await using source = new TestSource();
  source.folder.write("a.txt", "alpha");
  using copier = await source.connect();
  for (const path of ["..", "/etc", "a/../..", "x\0y"]) {
    await assertRejects(() => copier.open(path), RemoteError);
  }
  await assertRejects(
    () => copier.open("missing"),
    RemoteError,
    "there is no such file or folder here",
  );
  assertEquals((await copier.listAll()).length, 1);
});

Deno.test("a source cuts off who settles what is not listed", async () => {
  await using source = new TestSource();
  source.folder.write("a.txt", "alpha");
  using copier = await source.connect();
  await copier.listAll();
  copier.settle([0, 0]);
  const reason = await copier.connection.closed;
  assert(reason?.message.includes("not listed, or settled already"), reason?.message);
  await settled();
  assertEquals(source.closed[0]!.filesDone, 1);
});

Deno.test("a source waits as long as the copier wants before it sends each file, once", async () => {
  await using source = new TestSource();
  source.folder.write("a.txt", "alpha");
  source.folder.write("b.txt", "beta");
  using copier = await source.connect();
  await copier.open("", 3_000);
  while (!(await copier.list()).last);
  const texts: (string | undefined)[] = [];
  const asked = copier.listed.map((entry) => copier.textOf(entry).then((text) => texts.push(text)));
  await source.pass(2_500);
  assertEquals(texts, []);
  await source.pass(1_000);
  assertEquals(texts, ["alpha"]);
  await source.pass(3_000);
  await Promise.all(asked);
  assertEquals(texts, ["alpha", "beta"]);
  assertEquals(await copier.textOf(copier.listed[0]!), "alpha");
});

Deno.test("a source that sends slowly by its own limit blames no copier for it", async () => {
  await using source = new TestSource({ upLimit: 100 });
  const bytes = new Uint8Array(60_000).fill(65);
  source.folder.write("a.txt", bytes);
  source.folder.write("b.txt", bytes.slice(1));
  using copier = await source.connect();
  const [a, b] = await copier.listAll();
  assertEquals((await copier.textOf(a!))?.length, 60_000);
  let isHere = false;
  const slow = copier.textOf(b!).then(() => isHere = true);
  for (let minute = 0; minute < 9; minute++) await source.pass(60_000);
  assert(!isHere);
  await source.pass(120_000);
  assert(await slow);
});

Deno.test("a source does not let go who waits for a file that takes long to hash", async () => {
  const folder = new MemorySource();
  folder.write("huge", "bytes");
  const stage = new MemoryStage(folder.files, "/stage");
  const hashing = Promise.withResolvers<void>();
  await using source = new TestSource({
    folder,
    contents: withHashing(stage, {
      hashFiles: async function* (files) {
        await hashing.promise;
        yield* stage.hashFiles(files);
      },
    }),
  });
  using copier = await source.connect();
  await copier.open();
  const page = copier.list();
  for (let minute = 0; minute < 20; minute++) await source.pass(60_000);
  hashing.resolve();
  assertEquals((await page).entries.length, 1);
});

Deno.test("a source lists a file as it is after it has changed, and leaves out what is gone", async () => {
  const folder = new MemorySource();
  for (const name of ["a.txt", "b.txt", "c.txt"]) folder.write(name, "before");
  const stage = new MemoryStage(folder.files, "/stage");
  let isChanged = false;
  await using source = new TestSource({
    folder,
    contents: withHashing(stage, {
      hashFiles: (files, signal) => {
        if (!isChanged) {
          isChanged = true;
          folder.write("a.txt", "after it");
          folder.remove("b.txt");
        }
        return stage.hashFiles(files, signal);
      },
    }),
  });
  using copier = await source.connect();
  await copier.listAll();
  const listed = copier.listed.map(({ path, size, id }) => ({ path, size, id }));
  assertEquals(listed, [
    { path: "a.txt", size: 8, id: textId("after it") },
    { path: "c.txt", size: 6, id: textId("before") },
  ]);
  assertEquals(await copier.textOf(copier.listed[0]!), "after it");
});

Deno.test("a source hashes a file once, whoever asks for it and how often", async () => {
  const folder = new MemorySource();
  for (let i = 0; i < 50; i++) folder.write(`${i}.txt`, `text ${i}`);
  const stage = new MemoryStage(folder.files, "/stage");
  let count = 0;
  await using source = new TestSource({
    folder,
    contents: withHashing(stage, {
      hashFiles: (files, signal) => {
        count += files.length;
        return stage.hashFiles(files, signal);
      },
    }),
  });
  const copiers = await Promise.all([1, 2, 3].map((number) => source.connect(number)));
  await Promise.all(copiers.map((copier) => copier.listAll()));
  using again = await source.connect(4);
  assertEquals((await again.listAll()).length, 50);
  assertEquals(count, 50);
  for (const copier of copiers) copier[Symbol.dispose]();
});

Deno.test("a source tells a watcher of changes, and serves one tree after the other to it", async () => {
  await using source = new TestSource();
  source.folder.write("dira/a.txt", "alpha");
  using copier = await source.connect();
  const { connection } = copier;
  const changed = async () =>
    (await connection.request({ type: "watchTree" }, "treeChanged")).changed;
  await copier.listAll("dira");
  assertEquals(await changed(), true);
  copier.settleAll();
  copier.listed.length = 0;
  await copier.listAll("dira");
  copier.settleAll();
  const quiet = changed();
  await source.pass(10_500);
  assertEquals(await quiet, false);
  const elsewhere = changed();
  source.folder.write("dirb/b.txt", "beta");
  await source.pass(10_500);
  assertEquals(await elsewhere, false);
  const here = changed();
  source.folder.write("dira/c.txt", "gamma");
  await source.pass(1_000);
  assertEquals(await here, true);
  copier.listed.length = 0;
  assertEquals((await copier.listAll("dira")).map(({ path }) => path), [
    "dira",
    "dira/a.txt",
    "dira/c.txt",
  ]);
  assertEquals(source.closed.map(({ reason }) => reason), [undefined, undefined]);
});
