import { assert, assertEquals, assertRejects } from "@std/assert";
import { KeyPair, SIGNATURE_SIZE } from "../content/identity.ts";
import { checkManifest } from "../content/manifest.ts";
import type { Manifest } from "../content/manifest.ts";
import { verifyBlock } from "../content/signing.ts";
import { blockCount, HASH_SIZE, sizeOfBlock, TreeHasher } from "../content/tree.ts";
import type { FileToHash, HashedFile, LandItem, LandOutcome } from "../store/disk.ts";
import { BlockWorkers } from "./block_workers.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const keys = KeyPair.fromSeed(new Uint8Array(32).fill(3));

/** A folder with the private folder that temporary and partial files live in, and workers for it. */
async function withWorkers(
  test: (workers: BlockWorkers, root: string) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${root}/.p2pnode`);
    using workers = new BlockWorkers({ root, keys, size: 2 });
    await test(workers, root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Bytes that differ from block to block and from seed to seed. */
function contentOf(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const words = new Int32Array(Math.ceil(size / 4));
  for (let i = 0, word = seed; i < words.length; i++) {
    word = Math.imul(word, 1664525) + 1013904223 | 0;
    words[i] = word;
  }
  return new Uint8Array(words.buffer, 0, size).slice();
}

function hashOf(bytes: Uint8Array, blockSize: number) {
  const hasher = new TreeHasher(blockSize);
  hasher.update(bytes);
  return hasher.digest();
}

/** The manifest of a file in the folder, made by the workers themselves. */
async function publish(workers: BlockWorkers, file: FileToHash): Promise<Manifest> {
  const [hashed] = await Array.fromAsync(workers.hashFiles([file], { sign: true }));
  if ("error" in hashed!) throw new Error(hashed.error);
  const { size, blockSize } = file;
  return checkManifest({ ...hashed!, name: "a", size, blockSize, publisher: keys.nodeId });
}

/** Writes a file and publishes it. */
async function publishBytes(
  workers: BlockWorkers,
  { root, bytes, blockSize }: { root: string; bytes: Uint8Array; blockSize: number },
): Promise<Manifest> {
  const path = `${root}/.p2pnode/source`;
  await Deno.writeFile(path, bytes);
  return await publish(workers, { path, size: bytes.length, blockSize });
}

/** Lands blocks from one buffer that holds `bytes` from its front. */
async function landFrom(
  workers: BlockWorkers,
  bytes: Uint8Array,
  items: LandItem[],
): Promise<LandOutcome[]> {
  const { buffer, outcomes } = await workers.land(bytes.slice().buffer as ArrayBuffer, items);
  assertEquals(new Uint8Array(buffer), bytes);
  return outcomes;
}

function codeOf(outcome: LandOutcome | HashedFile | undefined): string {
  if (outcome === undefined || typeof outcome === "string") return String(outcome);
  return "code" in outcome ? outcome.code : "no failure";
}

Deno.test("hashFiles() gives each file's tree and signatures, in order", () =>
  withWorkers(async (workers, root) => {
    const cases = [
      [0, 256 * KiB],
      [1, 16 * KiB],
      [100_000, 16 * KiB],
      [9 * MiB + 1, 256 * KiB],
      [256 * KiB, 256 * KiB],
      [8 * MiB + 17, 4 * MiB],
      [50_000, 4 * MiB],
    ] as const;
    const files = await Promise.all(cases.map(async ([size, blockSize], i) => {
      const path = `${root}/${i}`;
      await Deno.writeFile(path, contentOf(size, i + 1));
      return { path, size, blockSize };
    }));
    const results = await Array.fromAsync(workers.hashFiles(files, { sign: true }));
    assertEquals(results.length, files.length);
    files.forEach(({ size, blockSize }, i) => {
      const result = results[i]!;
      if ("error" in result) throw new Error(result.error);
      const { id, hashes, signatures } = result;
      const expected = hashOf(contentOf(size, i + 1), blockSize);
      assertEquals([id, hashes], [expected.id, expected.hashes], `file ${i}`);
      const count = blockCount(size, blockSize);
      assertEquals(signatures.length, count * SIGNATURE_SIZE);
      for (let index = 0; index < count; index++) {
        const hash = hashes.subarray(index * HASH_SIZE, (index + 1) * HASH_SIZE);
        const signature = signatures.subarray(index * SIGNATURE_SIZE, (index + 1) * SIGNATURE_SIZE);
        const proof = { publisher: keys.nodeId, signature };
        assert(verifyBlock({ id, size, index, hash }, proof), `file ${i}, block ${index}`);
      }
    });
  }));

Deno.test("hashFiles() hashes hundreds of small files, failures among them, in order", () =>
  withWorkers(async (workers, root) => {
    const files = Array.from({ length: 300 }, (_, i) => {
      const size = i * 7;
      if (i % 10 !== 3) Deno.writeFileSync(`${root}/${i}`, contentOf(size, i + 1));
      return { path: `${root}/${i}`, size, blockSize: 256 * KiB };
    });
    const results = await Array.fromAsync(workers.hashFiles(files, { sign: false }));
    results.forEach((result, i) => {
      if (i % 10 === 3) return assertEquals(codeOf(result), "missing");
      assert(!("error" in result), `file ${i}`);
      const { id, hashes } = hashOf(contentOf(i * 7, i + 1), 256 * KiB);
      assertEquals(result, { id, hashes, signatures: new Uint8Array(0) });
    });
    assertEquals(results.length, 300);
  }));

Deno.test("hashFiles() opens regular files only and says what else it met", () =>
  withWorkers(async (workers, root) => {
    await Deno.writeTextFile(`${root}/file`, "12345");
    await Deno.symlink(`${root}/file`, `${root}/link`);
    await new Deno.Command("mkfifo", { args: [`${root}/pipe`] }).output();
    const file = (name: string, size = 5) => ({ path: `${root}/${name}`, size, blockSize: MiB });
    const files = [
      file("link"),
      file("pipe"),
      file(".p2pnode"),
      file("none"),
      file("file/below"),
      file("file", 4),
      file("file", 6),
      file("file", 50 * MiB),
      file("file", 2 ** 50),
      file("file"),
    ];
    const results = await Array.fromAsync(workers.hashFiles(files, { sign: true }));
    assertEquals(
      results.map(codeOf),
      [
        ...["not-regular", "not-regular", "not-regular", "missing", "not-regular"],
        ...["changed", "changed", "changed", "failed", "no failure"],
      ],
    );
    assertEquals(results[5], {
      error: `Cannot hash ${root}/file: it changed while it was read`,
      code: "changed",
    });
  }));

Deno.test("hashFiles() forgets a file that ended in the middle of a block", () =>
  withWorkers(async (workers, root) => {
    const bytes = contentOf(600 * KiB);
    await Deno.writeFile(`${root}/file`, bytes);
    const file = { path: `${root}/file`, size: bytes.length, blockSize: MiB };
    const files = [{ ...file, size: 900 * KiB }, file];
    const [short, whole] = await Array.fromAsync(workers.hashFiles(files, { sign: false }));
    assertEquals(codeOf(short), "changed");
    const { id, hashes } = hashOf(bytes, MiB);
    assertEquals(whole, { id, hashes, signatures: new Uint8Array(0) });
  }));

Deno.test("hashFiles() stops when it is told to", () =>
  withWorkers(async (workers, root) => {
    await Deno.writeFile(`${root}/file`, new Uint8Array(40 * MiB));
    const file = { path: `${root}/file`, size: 40 * MiB, blockSize: MiB };
    const stop = new AbortController();
    const results = workers.hashFiles([file, file, file], { sign: false, signal: stop.signal });
    assertEquals(codeOf((await results.next()).value), "no failure");
    stop.abort(new Error("enough"));
    await assertRejects(() => results.next(), Error, "enough");
    const late = workers.hashFiles([file], { sign: false, signal: stop.signal });
    await assertRejects(() => late.next(), Error, "enough");
  }));

Deno.test("hashFiles() cannot sign without a key", async () => {
  using workers = new BlockWorkers({ root: "/" });
  await assertRejects(() => workers.hashFiles([], { sign: true }).next(), Error, "have no key");
});

Deno.test("land() writes right blocks of a partial file to their places, and no others", () =>
  withWorkers(async (workers, root) => {
    const blockSize = 64 * KiB;
    const bytes = contentOf(5 * blockSize + 1000);
    const manifest = await publishBytes(workers, { root, bytes, blockSize });
    const path = `${root}/.p2pnode/part`;
    await Deno.writeFile(path, new Uint8Array(bytes.length));
    const target = { kind: "part", path } as const;
    const flipped = bytes.slice();
    flipped[blockSize + 5]! ^= 1;
    const item = (index: number): LandItem => ({
      start: index * blockSize,
      manifest,
      index,
      target,
    });
    const items = [item(5), item(1), item(3), { ...item(4), start: 0 }];
    const outcomes = await landFrom(workers, flipped, items);
    assertEquals(outcomes, ["landed", "bad-hash", "landed", "bad-hash"]);
    const expected = new Uint8Array(bytes.length);
    for (const index of [5, 3]) {
      const start = index * blockSize;
      expected.set(bytes.subarray(start, start + sizeOfBlock(manifest, index)), start);
    }
    assertEquals(await Deno.readFile(path), expected);
  }));

Deno.test("land() refuses a whole file without its publisher's signature", () =>
  withWorkers(async (workers, root) => {
    const bytes = contentOf(5000);
    const manifest = await publishBytes(workers, { root, bytes, blockSize: 16 * KiB });
    const other = await publishBytes(workers, {
      root,
      bytes: contentOf(6, 6),
      blockSize: 16 * KiB,
    });
    const wrong: Partial<Manifest>[] = [
      { signatures: new Uint8Array(SIGNATURE_SIZE) },
      { signatures: other.signatures },
      { publisher: KeyPair.fromSeed(new Uint8Array(32)).nodeId },
      { publisher: new Uint8Array(32).fill(2) },
    ];
    const items = [...wrong, {}].map((change, i) => ({
      start: 0,
      manifest: { ...manifest, ...change },
      index: 0,
      target: {
        kind: "whole",
        temporary: `${root}/.p2pnode/${i}`,
        path: `${root}/file ${i}`,
        replace: false,
      } as const,
    }));
    const outcomes = await landFrom(workers, bytes, items);
    assertEquals(outcomes, [...wrong.map(() => "bad-signature"), "landed"]);
    assertEquals([...Deno.readDirSync(root)].map(({ name }) => name).sort(), [
      ".p2pnode",
      "file 4",
    ]);
  }));

Deno.test("verifySignatures() takes no signature for another block, file, length or publisher", () =>
  withWorkers(async (workers, root) => {
    // Blocks with the same bytes: only the signatures tell them apart.
    const bytes = new Uint8Array(300 * 16 * KiB);
    const manifest = await publishBytes(workers, { root, bytes, blockSize: 16 * KiB });
    assert(await workers.verifySignatures(manifest));
    const { signatures, size } = manifest;
    const swapped = signatures.slice();
    swapped.copyWithin(298 * SIGNATURE_SIZE, 299 * SIGNATURE_SIZE);
    const flipped = signatures.slice();
    flipped[flipped.length - 1]! ^= 0x20;
    const wrong: Partial<Manifest>[] = [
      { signatures: swapped },
      { signatures: flipped },
      { id: new Uint8Array(32) },
      { size: size - 1 },
      { publisher: KeyPair.fromSeed(new Uint8Array(32)).nodeId },
    ];
    for (const change of wrong) {
      assert(!await workers.verifySignatures({ ...manifest, ...change }), Object.keys(change)[0]);
    }
  }));

Deno.test("land() writes whole files with the folders on the way", () =>
  withWorkers(async (workers, root) => {
    const blockSize = 16 * KiB;
    const contents = [
      contentOf(10),
      contentOf(blockSize, 2),
      new Uint8Array(0),
      contentOf(7000, 3),
    ];
    const batch = new Uint8Array(64 * KiB);
    const items: LandItem[] = [];
    let start = 5;
    for (const [i, bytes] of contents.entries()) {
      const manifest = await publishBytes(workers, { root, bytes, blockSize });
      const path = `${root}/a/${i % 2}/b/${i}`;
      const temporary = `${root}/.p2pnode/${i}.whole`;
      batch.set(bytes, start);
      const target = { kind: "whole", temporary, path, replace: false } as const;
      items.push({ start, manifest, index: 0, target });
      start += bytes.length;
    }
    batch[5 + 3]! ^= 1;
    const outcomes = await landFrom(workers, batch, items);
    assertEquals(outcomes, ["bad-hash", "landed", "landed", "landed"]);
    for (const i of [1, 2, 3]) {
      assertEquals(await Deno.readFile(`${root}/a/${i % 2}/b/${i}`), contents[i]);
    }
    await assertRejects(() => Deno.lstat(`${root}/a/0/b/0`), Deno.errors.NotFound);
    const rest = await Array.fromAsync(Deno.readDir(`${root}/.p2pnode`), (entry) => entry.name);
    assertEquals(rest, ["source"]);
  }));

Deno.test("land() replaces a whole file only on request and never writes through a link", () =>
  withWorkers(async (workers, root) => {
    const bytes = contentOf(1000);
    const manifest = await publishBytes(workers, { root, bytes, blockSize: 16 * KiB });
    await Deno.mkdir(`${root}/other`);
    await Deno.symlink(`${root}/other`, `${root}/link`);
    await Deno.writeTextFile(`${root}/old`, "old");
    await Deno.writeTextFile(`${root}/.p2pnode/taken`, "somebody else's");
    const land = async (name: string, { replace = false, temporary = "1.whole" } = {}) => {
      const path = `${root}/${name}`;
      const target = {
        kind: "whole",
        temporary: `${root}/.p2pnode/${temporary}`,
        path,
        replace,
      } as const;
      const [outcome] = await landFrom(workers, bytes, [{ start: 0, manifest, index: 0, target }]);
      return codeOf(outcome);
    };
    assertEquals(await land("old"), "exists");
    assertEquals(await Deno.readTextFile(`${root}/old`), "old");
    assertEquals(await land("link/file"), "not-regular");
    assertEquals(await land("../outside"), "failed");
    assertEquals(await land("new", { temporary: "taken" }), "exists");
    assertEquals(await Deno.readTextFile(`${root}/.p2pnode/taken`), "somebody else's");
    assertEquals(await land("old", { replace: true }), "landed");
    assertEquals(await Deno.readFile(`${root}/old`), bytes);
    assertEquals([...Deno.readDirSync(`${root}/other`)], []);
    const rest = [...Deno.readDirSync(`${root}/.p2pnode`)].map(({ name }) => name).sort();
    assertEquals(rest, ["source", "taken"]);
  }));

Deno.test("land() refuses a whole file of several blocks and a buffer that is away", () =>
  withWorkers(async (workers, root) => {
    const bytes = contentOf(40_000);
    const manifest = await publishBytes(workers, { root, bytes, blockSize: 16 * KiB });
    const place = { temporary: `${root}/.p2pnode/1`, path: `${root}/a`, replace: false };
    const item = { start: 0, manifest, index: 0, target: { kind: "whole", ...place } } as const;
    await assertRejects(() => workers.land(bytes.buffer, [item]), RangeError, "several blocks");
    const buffer = new ArrayBuffer(10);
    const first = workers.land(buffer, []);
    await assertRejects(() => workers.land(buffer, []), Error);
    assertEquals((await first).buffer.byteLength, 10);
  }));

Deno.test("land() keeps many partial files apart", () =>
  withWorkers(async (workers, root) => {
    const blockSize = 16 * KiB;
    const bytes = contentOf(4 * blockSize);
    const manifest = await publishBytes(workers, { root, bytes, blockSize });
    const paths = Array.from({ length: 50 }, (_, i) => `${root}/.p2pnode/${i}`);
    for (const path of paths) await Deno.writeFile(path, new Uint8Array(bytes.length));
    for (let index = 0; index < 4; index++) {
      const items = paths.map((path) => ({
        start: index * blockSize,
        manifest,
        index,
        target: { kind: "part", path } as const,
      }));
      assertEquals(await landFrom(workers, bytes, items), paths.map(() => "landed"));
    }
    for (const path of paths) assertEquals(await Deno.readFile(path), bytes);
  }));

Deno.test("verifyBlocks() tells the right blocks of a partial file", () =>
  withWorkers(async (workers, root) => {
    const blockSize = 64 * KiB;
    const bytes = contentOf(20 * MiB + 5);
    const manifest = await publishBytes(workers, { root, bytes, blockSize });
    const count = blockCount(bytes.length, blockSize);
    const path = `${root}/.p2pnode/part`;
    const held = async () => {
      const right = await workers.verifyBlocks({ path, manifest });
      return Array.from({ length: count }, (_, i) => i).filter((i) => right.has(i));
    };
    const all = Array.from({ length: count }, (_, i) => i);
    assertEquals(await held(), []);
    await Deno.writeFile(path, bytes);
    assertEquals(await held(), all);
    const damaged = bytes.slice();
    for (const index of [0, 17, 129, count - 1]) damaged[index * blockSize]! ^= 0x40;
    await Deno.writeFile(path, damaged);
    assertEquals(await held(), all.filter((i) => ![0, 17, 129, count - 1].includes(i)));
    await Deno.writeFile(path, bytes.subarray(0, 200 * blockSize + 9));
    assertEquals(await held(), all.slice(0, 200));
    await Deno.remove(path);
    await Deno.symlink(`${root}/.p2pnode/source`, path);
    assertEquals(await held(), []);
  }));

Deno.test("verifyBlocks() stops when it is told to", () =>
  withWorkers(async (workers, root) => {
    const bytes = new Uint8Array(30_000);
    const manifest = await publishBytes(workers, { root, bytes, blockSize: 16 * KiB });
    const signal = AbortSignal.abort(new Error("enough"));
    const path = `${root}/.p2pnode/source`;
    await assertRejects(() => workers.verifyBlocks({ path, manifest, signal }), Error, "enough");
  }));

Deno.test("promote() gives a partial file its name, and release() closes it", () =>
  withWorkers(async (workers, root) => {
    const bytes = contentOf(16 * KiB);
    const manifest = await publishBytes(workers, { root, bytes, blockSize: 16 * KiB });
    const part = `${root}/.p2pnode/part`;
    const item = { start: 0, manifest, index: 0, target: { kind: "part", path: part } } as const;
    const complete = async () => {
      await Deno.writeFile(part, new Uint8Array(bytes.length));
      // Twice, so that both workers have had it open.
      for (const _ of [1, 2]) {
        const twice = [landFrom(workers, bytes, [item]), landFrom(workers, bytes, [item])];
        assertEquals(await Promise.all(twice), [["landed"], ["landed"]]);
      }
      assertEquals(await Deno.readFile(part), bytes);
    };
    await complete();
    assertEquals(await workers.promote({ part, path: `${root}/a/b`, replace: false }), undefined);
    assertEquals(await Deno.readFile(`${root}/a/b`), bytes);
    // Had a worker kept the first file open, the blocks would now land in the promoted one.
    await complete();
    const again = { part, path: `${root}/a/b`, replace: false };
    assertEquals(codeOf(await workers.promote(again)), "exists");
    assertEquals(await workers.promote({ ...again, replace: true }), undefined);
    await complete();
    await workers.release(part);
    await Deno.remove(part);
    await complete();
    await workers.release(part);
    await Deno.remove(part);
    assertEquals(codeOf(await workers.promote({ ...again, replace: true })), "missing");
  }));

/** Workers that run `body` instead of the real thing. */
function workersRunning(body: string): BlockWorkers {
  const script = new URL(`data:application/javascript,${encodeURIComponent(body)}`);
  return new BlockWorkers({ root: "/", size: 1, script });
}

Deno.test("BlockWorkers rejects what a crashed worker held and goes on with a new one", async () => {
  using workers = workersRunning(`
    let jobs = 0;
    onmessage = ({ data }) => {
      if (data.kind === undefined) return;
      if (++jobs === 2) throw new Error("out of luck");
      postMessage({ answer: { buffer: data.input.buffer, outcomes: [] } });
    };
  `);
  const land = () => workers.land(new ArrayBuffer(1), []);
  assertEquals((await land()).outcomes, []);
  await assertRejects(land, Error, "a block worker crashed: Uncaught Error: out of luck");
  assertEquals((await land()).outcomes, []);
});

Deno.test("BlockWorkers starts a worker with the first job, another when that has enough", async () => {
  const RealWorker = globalThis.Worker;
  let started = 0;
  globalThis.Worker = class extends RealWorker {
    constructor(...args: ConstructorParameters<typeof RealWorker>) {
      super(...args);
      started++;
    }
  };
  try {
    using workers = new BlockWorkers({ root: "/", size: 3 });
    const land = () => workers.land(new ArrayBuffer(1), []);
    assertEquals(started, 0);
    workers.warmUp();
    workers.warmUp();
    assertEquals(started, 1);
    for (const _ of [1, 2, 3]) await Promise.all([land(), land()]);
    assertEquals(started, 1);
    await Promise.all([land(), land(), land()]);
    assertEquals(started, 2);
    await Promise.all(Array.from({ length: 10 }, land));
    assertEquals(started, 3);
  } finally {
    globalThis.Worker = RealWorker;
  }
});

Deno.test("BlockWorkers rejects jobs when its workers cannot start", async () => {
  using workers = workersRunning("import 'data:application/javascript,throw 1';");
  await assertRejects(() => workers.land(new ArrayBuffer(1), []), Error, "a block worker crashed");
});

Deno.test("BlockWorkers rejects a job that hits a defect, and does the next one", () =>
  withWorkers(async (workers, root) => {
    const bytes = contentOf(1000);
    const manifest = await publishBytes(workers, { root, bytes, blockSize: 16 * KiB });
    const target = { kind: "part", path: `${root}/none` } as const;
    const item = { start: 999, manifest, index: 0, target };
    await assertRejects(() => workers.land(bytes.buffer, [item]), Error, "Cannot do land: ");
    assertEquals((await workers.land(new ArrayBuffer(1), [])).outcomes, []);
  }));

Deno.test("BlockWorkers rejects what is under way when it ends, and everything after", async () => {
  const workers = workersRunning("onmessage = () => {};");
  const pending = Array.from({ length: 5 }, () => workers.land(new ArrayBuffer(1), []));
  workers[Symbol.dispose]();
  for (const job of pending) await assertRejects(() => job, Error, "are stopped");
  await assertRejects(() => workers.land(new ArrayBuffer(1), []), Error, "are stopped");
});
