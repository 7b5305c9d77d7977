import { assert, assertEquals, assertRejects } from "@std/assert";
import { concat } from "../../protocol/testing.ts";
import { randomBytes, temporaryFolder } from "../../tests/files.ts";
import { blockSizeFor, hashesOfLeaves, TreeHasher } from "../content/tree.ts";
import type { DiskFailure } from "../store/disk.ts";
import type { ContentId } from "../transfer/contents.ts";
import { cutPart } from "../../tests/memory_cutting.ts";
import type { LocalContent, PartialContent } from "../transfer/stage.ts";
import { fileCalls } from "./file_calls.ts";
import { lookAt } from "./file_state.ts";
import { StageWorkers } from "./local_stage.ts";

const LARGE_SIZE = 9 * 1024 * 1024 + 321;
const BLOCK_SIZE = blockSizeFor(LARGE_SIZE);

function treeOf(bytes: Uint8Array) {
  const hasher = new TreeHasher(blockSizeFor(bytes.length));
  hasher.update(bytes);
  return hasher.digest();
}

function setUp() {
  const folder = temporaryFolder();
  const workers = new StageWorkers({ size: 2 });
  const path = folder.join("stage");
  return {
    folder,
    workers,
    path,
    stage: workers.openStage(path),
    /** Writes a file and says what it holds. */
    file(name: string, bytes: Uint8Array): LocalContent {
      const path = folder.join(name);
      Deno.writeFileSync(path, bytes);
      const { id, size } = treeOf(bytes);
      return { id, size, path, stamp: lookAt(path)!.stamp };
    },
    /** What is in the stage's folder. */
    names: () => Array.from(Deno.readDirSync(path), ({ name }) => name).sort(),
    [Symbol.dispose]() {
      workers[Symbol.dispose]();
      folder[Symbol.dispose]();
    },
  };
}

function good<T extends object>(result: T | DiskFailure): T {
  if ("error" in result) throw new Error(result.error);
  return result as T;
}

async function landBlocks(part: PartialContent, bytes: Uint8Array, indexes: readonly number[]) {
  for (const index of indexes) {
    const start = index * BLOCK_SIZE;
    const buffer = new ArrayBuffer(BLOCK_SIZE);
    new Uint8Array(buffer).set(bytes.subarray(start, start + BLOCK_SIZE));
    assertEquals((await part.land(index, buffer, { durable: true })).outcome, "landed");
  }
}

const never = new AbortController().signal;

Deno.test("hashFiles() hashes files of every size in their order", async () => {
  using set = setUp();
  const sizes = [0, 1, 300_000, LARGE_SIZE, 20_000];
  const files = sizes.map((size, i) => set.file(`${i}`, randomBytes(size, i)));
  const missing = { path: set.folder.join("missing"), size: 3 };
  const results = await Array.fromAsync(set.stage.hashFiles([...files, missing]));
  assertEquals(
    results.slice(0, -1),
    files.map(({ id, size }): ContentId => ({ id, size })),
  );
  assertEquals((results.at(-1) as DiskFailure).code, "missing");
});

Deno.test("blockHashes(), leafHashes() and recipe() are those of the bytes, remembered or not", async () => {
  using set = setUp();
  for (const [i, size] of [100, 300_000, LARGE_SIZE].entries()) {
    const bytes = randomBytes(size, i);
    const content = set.file(`${i}`, bytes);
    const ranges = [
      { offset: 0, length: size },
      { offset: Math.floor(size / 7), length: Math.floor(size / 2) },
      { offset: size - 10, length: 10 },
    ];
    for (let time = 0; time < 2; time++) {
      assertEquals(await set.stage.blockHashes(content), treeOf(bytes).hashes);
      for (const range of ranges) {
        assertEquals(await set.stage.recipe(content, range), cutPart(bytes, range));
        const part = bytes.subarray(range.offset, range.offset + range.length);
        assertEquals(await set.stage.leafHashes(content, range), hashesOfLeaves(part));
      }
    }
  }
});

Deno.test("blockHashes(), leafHashes() and recipe() of a file that changed fail", async () => {
  using set = setUp();
  const content = set.file("a", randomBytes(300_000, 1));
  Deno.writeFileSync(content.path, randomBytes(300_001, 2));
  assertEquals((await set.stage.blockHashes(content) as DiskFailure).code, "changed");
  const whole = { offset: 0, length: content.size };
  assertEquals((await set.stage.recipe(content, whole) as DiskFailure).code, "changed");
  assertEquals((await set.stage.leafHashes(content, whole) as DiskFailure).code, "changed");
});

Deno.test("read() packs what is still there", async () => {
  using set = setUp();
  const contents = [1, 2, 3].map((seed) => set.file(`${seed}`, randomBytes(1000 * seed, seed)));
  Deno.writeFileSync(contents[1]!.path, new Uint8Array(5));
  const racy = { ...contents[2]!, stamp: `${contents[2]!.stamp}.racy1` };
  const gone = { ...contents[0]!, path: set.folder.join("gone") };
  const read = await set.stage.read(
    [contents[0]!, contents[1]!, gone, racy],
    new ArrayBuffer(10_000),
  );
  assertEquals(read.present, [true, false, false, true]);
  const expected = concat([randomBytes(1000, 1), randomBytes(3000, 3)]);
  assertEquals(new Uint8Array(read.buffer, 0, 4000), expected);
});

Deno.test("write() stages what has the right bytes, and nothing else", async () => {
  using set = setUp();
  const parts = [randomBytes(0, 1), randomBytes(200_000, 2), randomBytes(50, 3)];
  const contents = parts.map((bytes) => treeOf(bytes));
  const { outcomes } = await set.stage.write(
    [...contents, contents[2]!],
    concat([...parts, randomBytes(50, 4)]).buffer,
  );
  for (const [i, bytes] of parts.entries()) {
    assertEquals(Deno.readFileSync((outcomes[i] as { staged: string }).staged), bytes);
  }
  assertEquals(outcomes[3], "bad-hash");
  assertEquals(set.names().length, 3);
});

Deno.test("write() stages contents under names of their own in a folder, which a start removes", async () => {
  using set = setUp();
  const parts = [randomBytes(10, 1), randomBytes(20, 2)];
  const folder = set.stage.makeFolder();
  const contents = parts.map((bytes, i) => ({
    ...treeOf(bytes),
    stageAs: `${folder.path}/name ${i}`,
  }));
  const { outcomes } = await set.stage.write(contents, concat(parts).buffer);
  assertEquals(outcomes, contents.map(({ stageAs }) => ({ staged: stageAs })));
  for (const [i, bytes] of parts.entries()) {
    assertEquals(Deno.readFileSync(`${folder.path}/name ${i}`), bytes);
  }
  const again = await set.stage.write([contents[0]!], parts[0]!.slice().buffer);
  assertEquals((again.outcomes[0] as DiskFailure).code, "exists");
  assertEquals(set.names().length, 1);
  set.workers.openStage(set.path);
  assertEquals(set.names(), []);
});

Deno.test("a staged folder goes when it is disposed of, unless it was moved away", async () => {
  using set = setUp();
  const bytes = randomBytes(10, 1);
  const [moved, left] = [set.stage.makeFolder(), set.stage.makeFolder()];
  for (const { path } of [moved, left]) {
    await set.stage.write([{ ...treeOf(bytes), stageAs: `${path}/x` }], bytes.slice().buffer);
  }
  Deno.renameSync(moved.path, set.folder.join("moved"));
  moved[Symbol.dispose]();
  left[Symbol.dispose]();
  assertEquals(set.names(), []);
  assertEquals(Deno.readFileSync(set.folder.join("moved/x")), bytes);
});

Deno.test("copy() stages copies, but not of a file that changed, whatever its stamp says", async () => {
  using set = setUp();
  const contents = [1, 2, 3].map((seed) => set.file(`${seed}`, randomBytes(1000, seed)));
  Deno.writeFileSync(contents[1]!.path, new Uint8Array(7));
  const { id } = contents[0]!;
  const lied = { ...contents[2]!, id, stamp: `${contents[2]!.stamp}.racy1` };
  const outcomes = await set.stage.copy([contents[0]!, contents[1]!, lied], { durable: true });
  const { staged } = good(outcomes[0]!) as { staged: string };
  assertEquals(Deno.readFileSync(staged), randomBytes(1000, 1));
  assertEquals(outcomes.slice(1).map((outcome) => (outcome as DiskFailure).code), [
    "changed",
    "changed",
  ]);
  assertEquals(set.names().length, 1);
});

Deno.test("a partial content goes on where another process stopped", async () => {
  using set = setUp();
  const bytes = randomBytes(LARGE_SIZE, 1);
  const { id, size, hashes } = treeOf(bytes);
  {
    await using part = good(await set.stage.openPart({ id, size }, hashes, never));
    assertEquals(part.have.held, 0);
    await landBlocks(part, bytes, [0, 3]);
    const bad = await part.land(1, new ArrayBuffer(BLOCK_SIZE), { durable: false });
    assertEquals(bad.outcome, "bad-hash");
  }
  Deno.writeTextFileSync(`${set.path}/7.whole`, "left behind");
  const again = set.workers.openStage(set.path);
  assertEquals(set.names().length, 1);
  const part = good(await again.openPart({ id, size }, hashes, never));
  assertEquals(part.have.held, 2);
  await landBlocks(
    part,
    bytes,
    Array.from({ length: part.have.count }, (_, i) => i).filter((i) => !part.have.has(i)),
  );
  const { staged } = good(await part.finish({ durable: true }));
  assertEquals(Deno.readFileSync(staged), bytes);

  // What was complete and never got its name is found again.
  const third = set.workers.openStage(set.path);
  await using whole = good(await third.openPart({ id, size }, hashes, never));
  assert(whole.have.complete);
});

Deno.test("a large content and a copy have stamps that last from the beginning", async () => {
  using set = setUp();
  const bytes = randomBytes(BLOCK_SIZE + 1, 1);
  const { id, size, hashes } = treeOf(bytes);
  const part = good(await set.stage.openPart({ id, size }, hashes, never));
  await landBlocks(part, bytes, [0, 1]);
  const large = good(await part.finish({ durable: false }));
  const copies = await set.stage.copy([set.file("small", bytes.subarray(7))], { durable: false });
  for (const { staged } of [large, ...copies.map(good)]) {
    const { stamp, seenStamp } = fileCalls.look(staged)!;
    assertEquals(seenStamp, stamp);
  }
});

Deno.test("growing() tells of a partial content as long as somebody works on it", async () => {
  using set = setUp();
  const bytes = randomBytes(LARGE_SIZE, 1);
  const { id, size, hashes } = treeOf(bytes);
  assertEquals(set.stage.growing({ id, size }), undefined);
  {
    await using part = good(await set.stage.openPart({ id, size }, hashes, never));
    await landBlocks(part, bytes, [2]);
    const growing = set.stage.growing({ id, size })!;
    assertEquals([growing.have.held, growing.hashes], [1, hashes]);
    const start = 2 * BLOCK_SIZE;
    const block = new Uint8Array(BLOCK_SIZE);
    const file = set.stage.open(growing.path);
    await file.read(block, start);
    file.close();
    assertEquals(block, bytes.slice(start, start + BLOCK_SIZE));
  }
  assertEquals(set.stage.growing({ id, size }), undefined);
});

Deno.test("what a stage has verified stays right, but not when somebody else has written to it", async () => {
  using set = setUp();
  const bytes = randomBytes(LARGE_SIZE, 1);
  const { id, size, hashes } = treeOf(bytes);
  let path = "";
  for (const [held, index] of [[0, 0], [1, 3]] as const) {
    await using part = good(await set.stage.openPart({ id, size }, hashes, never));
    assertEquals(part.have.held, held);
    await landBlocks(part, bytes, [index]);
    path = set.stage.growing({ id, size })!.path;
  }
  {
    using file = Deno.openSync(path, { write: true });
    file.writeSync(new Uint8Array(100));
    file.utimeSync(1, 1);
  }
  await using part = good(await set.stage.openPart({ id, size }, hashes, never));
  assertEquals([part.have.held, part.have.has(3)], [1, true]);
});

Deno.test("assemble() makes blocks of other files, and verify() finds the rest", async () => {
  using set = setUp();
  const bytes = randomBytes(LARGE_SIZE, 1);
  const { id, size, hashes } = treeOf(bytes);
  const cut = BLOCK_SIZE + 1000;
  const from = set.file("base", concat([randomBytes(10, 2), bytes.subarray(cut)]));
  await using part = good(await set.stage.openPart({ id, size }, hashes, never));
  const copies = [{ from, offset: 10, length: size - cut, to: cut }];
  assertEquals(await part.assemble(copies, { durable: true, signal: never }), undefined);
  assertEquals(part.have.held, part.have.count - 2);
  const ranges = [{ offset: 0, length: 5000 }, { offset: 5000, length: cut - 5000 }];
  const written = await part.write(ranges, bytes.slice(0, cut).buffer);
  assertEquals(written.failure, undefined);
  await part.verify([0, 1], never);
  assert(part.have.complete);
});

Deno.test("assemble() passes over files that are gone, short or lie", async () => {
  using set = setUp();
  const bytes = randomBytes(LARGE_SIZE, 1);
  const { id, size, hashes } = treeOf(bytes);
  const liar = set.file("liar", randomBytes(LARGE_SIZE, 2));
  const gone = { ...liar, path: set.folder.join("gone") };
  const short = set.file("short", bytes.subarray(0, BLOCK_SIZE));
  await using part = good(await set.stage.openPart({ id, size }, hashes, never));
  const copies = [short, gone, liar].map((from, i) => ({
    from,
    offset: i * 2 * BLOCK_SIZE,
    length: 2 * BLOCK_SIZE,
    to: i * 2 * BLOCK_SIZE,
  }));
  assertEquals(await part.assemble(copies, { durable: true, signal: never }), undefined);
  await part.verify([0, 1, 2, 3, 4, 5], never);
  // The short file has the first block, and nothing of the second.
  assertEquals([part.have.held, part.have.has(0)], [1, true]);
});

Deno.test("openPart() waits while somebody else works on the content, or until the abort", async () => {
  using set = setUp();
  const { id, size, hashes } = treeOf(randomBytes(300_000, 1));
  const first = good(await set.stage.openPart({ id, size }, hashes, never));
  const stop = new AbortController();
  const aborted = set.stage.openPart({ id, size }, hashes, stop.signal);
  const second = set.stage.openPart({ id, size }, hashes, never);
  stop.abort(new Error("enough"));
  await assertRejects(() => aborted, Error, "enough");
  let isOpen = false;
  const opened = second.then((part) => {
    isOpen = true;
    return part;
  });
  await set.stage.keepParts([]);
  assert(!isOpen);
  await first[Symbol.asyncDispose]();
  await good(await opened)[Symbol.asyncDispose]();
  assertEquals(set.names().length, 1);
  await set.stage.keepParts([]);
  assertEquals(set.names(), []);
});

Deno.test("makeDurable() takes folders, and does not mind what is gone", async () => {
  using set = setUp();
  const { path } = set.file("a", randomBytes(10, 1));
  const gone = set.folder.join("gone");
  assertEquals(await set.stage.makeDurable([gone, path, set.folder.path]), undefined);
  await set.stage.remove([gone, path]);
  assertEquals(lookAt(path), undefined);
});

Deno.test("a folder that cannot be made is an error in words", () => {
  using set = setUp();
  const { path } = set.file("a", randomBytes(10, 1));
  try {
    set.workers.openStage(`${path}/stage`);
    throw new Error("It was opened");
  } catch (error) {
    assert((error as Error).message.startsWith(`Cannot write into ${path}/stage: `));
  }
});

Deno.test("snapshot() copies the first bytes of a file, however long it is by now", async () => {
  using set = setUp();
  const bytes = randomBytes(300_000, 1);
  const { path } = set.file("log", bytes);
  const { staged } = good(await set.stage.snapshot({ path, size: 200_000 }));
  assertEquals(Deno.readFileSync(staged), bytes.subarray(0, 200_000));
  const shorter = await set.stage.snapshot({ path, size: 300_001 });
  assertEquals((shorter as DiskFailure).code, "changed");
  const missing = await set.stage.snapshot({ path: set.folder.join("missing"), size: 1 });
  assertEquals((missing as DiskFailure).code, "missing");
  assertEquals(set.names().length, 1);
});
