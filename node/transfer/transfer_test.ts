import { assert, assertEquals, assertRejects } from "@std/assert";
import { SMALL_SIZE_MAX } from "../../protocol/content_messages.ts";
import { ConnectionClosed } from "../../protocol/errors.ts";
import { concat, settled } from "../../protocol/testing.ts";
import { randomBytes } from "../../tests/files.ts";
import { blockSizeFor, TreeHasher } from "../content/tree.ts";
import { NotFetched } from "./asking.ts";
import type { RemoteContents } from "./content_fetcher.ts";
import type { ArrivedContent, FetchOptions, FetchResult, WantedContent } from "./contents.ts";
import { Growth } from "./growth.ts";
import type { PartialContent, Stage } from "./stage.ts";
import { connectedSides, wanted } from "./testing.ts";
import type { Side } from "./testing.ts";

const LARGE_SIZE = 3 * 1024 * 1024 + 17;

function options(more: Partial<FetchOptions> = {}): FetchOptions {
  return { signal: new AbortController().signal, durable: false, ...more };
}

async function fetchAll(
  remote: RemoteContents,
  wants: readonly WantedContent[],
): Promise<FetchResult[]> {
  return await Array.fromAsync(remote.fetch(wants, options()));
}

/** The result of a content that has come; fails for one that has not. */
function arrived(result: FetchResult | undefined): ArrivedContent {
  if (result === undefined || "reason" in result) {
    throw new Error(`It did not come: ${JSON.stringify(result?.reason)}`);
  }
  return result;
}

function assertArrived(side: Side, result: FetchResult, bytes: Uint8Array) {
  assertEquals(side.files.bytesOf(arrived(result).staged), bytes);
}

Deno.test("fetch() brings contents of every size, each once", async () => {
  await using sides = connectedSides();
  const { mine, theirs, remote } = sides;
  const sizes = [0, 1, 16_384, 40_000, SMALL_SIZE_MAX, SMALL_SIZE_MAX + 1, LARGE_SIZE];
  const contents = sizes.map((size) => randomBytes(size, size + 1));
  const wants = contents.map((bytes) => wanted(theirs.add(bytes)));
  const gone = wanted({ id: new Uint8Array(32).fill(7), size: 5 });
  const goneToo = wanted({ id: new Uint8Array(32).fill(7), size: LARGE_SIZE });
  const results = await fetchAll(remote, [gone, ...wants, goneToo]);
  assertEquals(results.length, wants.length + 2);
  for (const result of results) {
    const at = wants.indexOf(result.want);
    if (at < 0) assert("reason" in result && result.reason === "absent");
    else assertArrived(mine, result, contents[at]!);
  }
});

Deno.test("fetch() hands out the bytes of small contents, hundreds in a request", async () => {
  await using sides = connectedSides();
  const { theirs, remote } = sides;
  const contents = Array.from({ length: 700 }, (_, i) => randomBytes(1 + i * 3, i));
  const wants = contents.map((bytes) => wanted(theirs.add(bytes)));
  let count = 0;
  for await (const result of remote.fetch(wants, options())) {
    assertEquals(arrived(result).bytes, contents[wants.indexOf(result.want)]!);
    count++;
  }
  assertEquals(count, 700);
});

Deno.test("fetch() sends what an insertion added, and little more", async () => {
  await using sides = connectedSides();
  const { mine, theirs, remote, connection } = sides;
  const old = randomBytes(LARGE_SIZE, 1);
  const added = randomBytes(10_000, 2);
  const base = mine.add(old);
  const bytes = concat([old.subarray(0, 5000), added, old.subarray(5000)]);
  const want = wanted(theirs.add(bytes), [base]);
  const [result] = await fetchAll(remote, [want]);
  assertArrived(mine, result!, bytes);
  assert(connection.bytesReceived < 500_000, `${connection.bytesReceived} bytes were sent`);
});

Deno.test("fetch() takes chunks of any size, of contents, hashes and recipes", async () => {
  await using sides = connectedSides({ chunkSize: 1000 });
  const { mine, theirs, remote, sent } = sides;
  const old = randomBytes(LARGE_SIZE, 1);
  const base = mine.add(old);
  const inserted = concat([randomBytes(100_000, 2), old]);
  const others = [randomBytes(LARGE_SIZE, 3), randomBytes(5_000, 4), randomBytes(0, 5)];
  const wants = [
    wanted(theirs.add(inserted), [base]),
    ...others.map((bytes) => wanted(theirs.add(bytes))),
  ];
  for await (const result of remote.fetch(wants, options())) {
    assertArrived(mine, result, [inserted, ...others][wants.indexOf(result.want)]!);
  }
  assert(Math.max(...sent) <= 1000, `${Math.max(...sent)} bytes were sent at once`);
});

Deno.test("fetch() gets a content although its base changed", async () => {
  await using sides = connectedSides();
  const { mine, theirs, remote } = sides;
  const old = randomBytes(LARGE_SIZE, 1);
  const base = mine.add(old);
  mine.files.write(base.path, randomBytes(LARGE_SIZE, 9));
  const bytes = concat([randomBytes(10, 2), old]);
  const [result] = await fetchAll(remote, [wanted(theirs.add(bytes), [base])]);
  assertArrived(mine, result!, bytes);
});

Deno.test("fetch() copies what is here, and fetches it where that has changed", async () => {
  await using sides = connectedSides();
  const { mine, theirs, remote, connection } = sides;
  const kept = randomBytes(LARGE_SIZE, 1);
  const changed = randomBytes(1000, 2);
  const bases = [mine.add(kept), mine.add(changed)];
  mine.files.write(bases[1]!.path, new Uint8Array(1000));
  const wants = [wanted(bases[0]!, bases), wanted(theirs.add(changed), bases)];
  const results = await fetchAll(remote, wants);
  for (const result of results) {
    assertArrived(mine, result, result.want === wants[0] ? kept : changed);
  }
  assert(connection.bytesReceived < 2000);
});

Deno.test("fetch() brings a large content once, however often it is wanted", async () => {
  await using sides = connectedSides();
  const { mine, theirs, remote, connection } = sides;
  const bytes = randomBytes(LARGE_SIZE, 1);
  const content = theirs.add(bytes);
  const results = await fetchAll(remote, [wanted(content), wanted(content), wanted(content)]);
  for (const result of results) assertArrived(mine, result, bytes);
  assertEquals(new Set(results.map((result) => "staged" in result && result.staged)).size, 3);
  assert(connection.bytesReceived < 1.5 * LARGE_SIZE);
});

Deno.test("fetch() goes on with what an earlier call left, and tells its progress", async () => {
  await using sides = connectedSides();
  const { mine, theirs, remote, connection } = sides;
  const bytes = randomBytes(LARGE_SIZE, 1);
  const want = wanted(theirs.add(bytes));
  const stop = new AbortController();
  const progress = (_want: WantedContent, bytesDone: number) => {
    if (bytesDone > LARGE_SIZE / 2) stop.abort(new Error("enough"));
  };
  const first = remote.fetch([want], options({ signal: stop.signal, progress }));
  await assertRejects(() => Array.fromAsync(first), Error, "enough");
  const before = connection.bytesReceived;
  const [result] = await fetchAll(remote, [want]);
  assertArrived(mine, result!, bytes);
  assert(connection.bytesReceived - before < LARGE_SIZE * 0.6);
});

Deno.test("fetch() removes what nobody took", async () => {
  await using sides = connectedSides();
  const { mine, theirs, remote } = sides;
  const wants = [1, 2, 3].map((seed) => wanted(theirs.add(randomBytes(100, seed))));
  for await (const result of remote.fetch(wants, options())) {
    mine.files.remove(arrived(result).staged);
    break;
  }
  assertEquals(mine.files.paths("/stage"), []);
});

Deno.test("fetch() throws when the connection ends", async () => {
  await using sides = connectedSides();
  const { theirs, remote, other } = sides;
  const want = wanted(theirs.add(randomBytes(LARGE_SIZE, 1)));
  const progress = () => other.close();
  await assertRejects(
    () => Array.fromAsync(remote.fetch([want], options({ progress }))),
    ConnectionClosed,
  );
});

Deno.test("fetch() throws what goes wrong while others wait for their turn", async () => {
  let writeCount = 0;
  await using sides = connectedSides({
    stage: (stage) =>
      Object.assign(Object.create(stage) as Stage, {
        write: (...pack: Parameters<Stage["write"]>) =>
          ++writeCount > 2 ? Promise.reject(new Error("the stage crashed")) : stage.write(...pack),
      }),
  });
  const { theirs, remote } = sides;
  // More than is asked for at once.
  const wants = Array.from({ length: 64 }, (_, i) => wanted(theirs.add(randomBytes(250_000, i))));
  await assertRejects(() => fetchAll(remote, wants), Error, "the stage crashed");
});

Deno.test("a full disk fails contents one by one", async () => {
  const full = { error: "Cannot write: the disk is full", code: "no-space" } as const;
  await using sides = connectedSides({
    stage: (stage) =>
      new Proxy(stage, {
        get(target, name) {
          if (name === "openPart") return () => Promise.resolve(full);
          if (name !== "write") return Reflect.get(target, name).bind(target);
          return (contents: readonly unknown[], buffer: ArrayBuffer) =>
            Promise.resolve({ buffer, outcomes: contents.map(() => full) });
        },
      }),
  });
  const { theirs, remote } = sides;
  const wants = [100, LARGE_SIZE].map((size) => wanted(theirs.add(randomBytes(size, size))));
  const results = await fetchAll(remote, wants);
  assertEquals(results.map((result) => "reason" in result && result.reason), [full, full]);
});

Deno.test("a content whose file changed is absent, small or large", async () => {
  await using sides = connectedSides();
  const { mine, theirs, remote } = sides;
  const good = theirs.add(randomBytes(500, 1));
  const contents = [100, LARGE_SIZE].map((size) => theirs.add(randomBytes(size, size)));
  for (const { path, size } of contents) theirs.files.write(path, new Uint8Array(size));
  const results = await fetchAll(remote, [wanted(good), ...contents.map((one) => wanted(one))]);
  const [here, ...missing] = results.toSorted((a) => a.want.size === good.size ? -1 : 1);
  assertArrived(mine, here!, randomBytes(500, 1));
  assertEquals(missing.map((result) => "reason" in result && result.reason), ["absent", "absent"]);
});

Deno.test("a file that changes while it is served is absent", async () => {
  await using sides = connectedSides();
  const { theirs, remote } = sides;
  const content = theirs.add(randomBytes(LARGE_SIZE, 1));
  const progress = (_want: WantedContent, bytesDone: number) => {
    if (bytesDone > 0) theirs.files.write(content.path, randomBytes(LARGE_SIZE, 2));
  };
  const [result] = await Array.fromAsync(remote.fetch([wanted(content)], options({ progress })));
  assertEquals("reason" in result! && result.reason, "absent");
});

Deno.test("calls of fetch() share a connection", async () => {
  await using sides = connectedSides();
  const { theirs, remote, mine, sent } = sides;
  const wants = Array.from({ length: 6 }, (_, i) => wanted(theirs.add(randomBytes(400_000, i))));
  const lists = await Promise.all(wants.map((want) => fetchAll(remote, [want])));
  for (const [result] of lists) {
    assertArrived(mine, result!, theirs.files.bytesOf(theirs.find(result!.want)!.path)!);
  }
  assertEquals(sent.reduce((sum, size) => sum + size, 0), 6 * 400_000);
});

/** A large content of which the other side has got the first blocks, and what lets more of it come there. */
async function startGrowing({ theirs }: { readonly theirs: Side }, bytes: Uint8Array) {
  const blockSize = blockSizeFor(bytes.length);
  const hasher = new TreeHasher(blockSize);
  hasher.update(bytes);
  const { id, size, hashes } = hasher.digest();
  const { signal } = new AbortController();
  const part = await theirs.stage.openPart({ id, size }, hashes, signal) as PartialContent;
  let count = 0;
  const growTo = async (end: number) => {
    for (; count < end; count++) {
      const block = bytes.slice(count * blockSize, (count + 1) * blockSize);
      await part.land(count, block.buffer, { durable: false });
    }
  };
  return { content: { id, size }, part, growTo };
}

Deno.test("fetchAhead() brings blocks while the other side gets them, and fetch() the rest", async () => {
  await using sides = connectedSides();
  const { mine, theirs, remote, sent } = sides;
  const bytes = randomBytes(LARGE_SIZE, 1);
  const { content, part, growTo } = await startGrowing(sides, bytes);
  const growth = new Growth();
  const ahead = remote.fetchAhead(content, growth, new AbortController().signal);
  for (const count of [1, 4, 9]) {
    await growTo(count);
    growth.reach(count);
    await settled();
    assertEquals(mine.stage.growing(content)?.have.held, count);
  }
  growth.end();
  await ahead;
  assertEquals(mine.stage.growing(content), undefined);
  await part[Symbol.asyncDispose]();
  const want = wanted(theirs.add(bytes));
  assertArrived(mine, (await fetchAll(remote, [want]))[0]!, bytes);
  assertEquals(sent.reduce((sum, size) => sum + size, 0), LARGE_SIZE);
});

Deno.test("fetchAhead() ends where a block is not there yet, or the content is not", async () => {
  await using sides = connectedSides();
  const { mine, remote } = sides;
  const { content, part, growTo } = await startGrowing(sides, randomBytes(LARGE_SIZE, 1));
  const { signal } = new AbortController();
  const growth = new Growth();
  growth.reach(1000);
  await growTo(3);
  await assertRejects(() => remote.fetchAhead(content, growth, signal), NotFetched, "absent");
  assertEquals(mine.stage.growing(content), undefined);
  await part[Symbol.asyncDispose]();
  await assertRejects(() => remote.fetchAhead(content, new Growth(), signal), NotFetched, "absent");
});

Deno.test("what is said of a content that grows is not its recipe, nor ranges of bytes of it", async () => {
  await using sides = connectedSides();
  const { connection } = sides;
  const { content, part, growTo } = await startGrowing(sides, randomBytes(LARGE_SIZE, 1));
  await growTo(2);
  const range = { offset: LARGE_SIZE - 10, length: 10 };
  const messages = [
    { type: "getRecipe", ...content, ...range },
    { type: "getRanges", ...content, ranges: [range] },
  ] as const;
  for (const message of messages) {
    await assertRejects(() => connection.request(message, "rangeData"), Error, "not here");
  }
  await part[Symbol.asyncDispose]();
});
