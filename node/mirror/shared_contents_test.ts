import { assert, assertEquals, assertRejects } from "@std/assert";
import { Connection } from "../../protocol/connection.ts";
import { duplexPair, seededRandom } from "../../protocol/testing.ts";
import { MemoryKnown } from "../copy/testing.ts";
import { ContentServer } from "../transfer/content_server.ts";
import type { ArrivedContent, ContentId, MissingContent } from "../transfer/contents.ts";
import { samePath, Side, wanted } from "../transfer/testing.ts";
import { FairWorkers } from "./fair_workers.ts";
import { SharedContents } from "./shared_contents.ts";
import { SourceContents } from "./source_contents.ts";

const MIB = 1024 * 1024;

/** Bytes that a seed decides. */
function noise(size: number, seed: number): Uint8Array<ArrayBuffer> {
  const random = seededRandom(seed);
  const words = Uint32Array.from({ length: Math.ceil(size / 4) }, () => random() * 2 ** 32);
  return new Uint8Array(words.buffer, 0, size);
}

interface SourceOptions {
  readonly delayMs?: number;
  /** It answers nothing. */
  readonly isSilent?: boolean;
}

/** A source, and what it was asked for. */
class TestSource {
  readonly side = new Side();
  readonly contents: SourceContents;
  readonly #other: Connection;
  readonly #ended: Promise<unknown>;
  /** Contents and blocks that it was asked for. */
  askedCount = 0;

  constructor(mirror: TestMirror, { delayMs = 0, isSilent = false }: SourceOptions = {}) {
    const [here, there] = duplexPair({ random: seededRandom(1) });
    const connection = new Connection(here);
    this.#other = new Connection(there);
    const { side } = this;
    const pathOf = samePath;
    const server = new ContentServer(this.#other, { source: side, stage: side.stage, pathOf });
    this.#ended = Promise.all([
      connection.run(() => {}),
      this.#other.run(async (frame) => {
        const { message } = frame;
        if (message.type === "getContents") this.askedCount += message.files.length;
        if (message.type === "getBlock") this.askedCount++;
        if (isSilent) await this.#other.closed;
        server.receive(frame);
      }),
    ]);
    const lane = mirror.workers.openLane();
    this.contents = new SourceContents({ connection, delayMs, lane, shared: mirror.shared });
  }

  /** Its connection breaks. */
  cut(): void {
    this.#other.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.contents[Symbol.dispose]();
    this.cut();
    await this.#ended;
  }
}

/** A mirror in memory. */
class TestMirror {
  readonly side = new Side();
  readonly workers = new FairWorkers({ workers: 4, queue: 16 });
  readonly shared = new SharedContents({
    stage: this.side.stage,
    known: new MemoryKnown(),
    pathOf: samePath,
  });
  /** What has come, by the path that it got. */
  readonly placed = new Map<string, Uint8Array>();
  /** What does not come, and why. */
  readonly missing: MissingContent["reason"][] = [];

  /** Fetches contents and gives each a place. */
  async copy(
    source: TestSource,
    contents: readonly ContentId[],
    place = (arrived: ArrivedContent) => this.#place(arrived),
  ): Promise<void> {
    const { signal } = new AbortController();
    const wants = contents.map((content) => wanted(content));
    for await (const result of source.contents.fetch(wants, { signal, durable: false })) {
      if ("staged" in result) place(result);
      else this.missing.push(result.reason);
    }
  }

  #place({ staged, want: { id } }: ArrivedContent): void {
    const path = `/mirror/${this.placed.size}`;
    const { files } = this.side;
    files.makeFolder("/mirror");
    files.move(staged, path);
    this.placed.set(path, files.bytesOf(path)!);
    this.shared.known.remember(path, files.stateOf(path)!.stamp, id);
  }
}

/** Both sources have a content of these bytes. */
function giveBoth(
  bytes: Uint8Array<ArrayBuffer>,
  [one, other]: [TestSource, TestSource],
): ContentId {
  other.side.add(bytes);
  return one.side.add(bytes);
}

function sizesOf(mirror: TestMirror): number[] {
  return [...mirror.placed.values()].map(({ length }) => length).sort((a, b) => a - b);
}

Deno.test("fetch() gets small contents that two sources have only once", async () => {
  const mirror = new TestMirror();
  await using a = new TestSource(mirror);
  await using b = new TestSource(mirror);
  const all = Array.from({ length: 40 }, (_, i) => noise(1000 + i, i));
  const contents = all.map((bytes) => a.side.add(bytes));
  for (const bytes of all) b.side.add(bytes);
  await Promise.all([
    mirror.copy(a, contents),
    mirror.copy(b, contents.toReversed()),
    mirror.copy(b, contents.slice(0, 5)),
  ]);
  assertEquals([mirror.placed.size, mirror.missing], [85, []]);
  assertEquals(a.askedCount + b.askedCount, 40);
  assertEquals(a.contents.filesFetched + b.contents.filesFetched, 40);
  // What comes later is copied from what is there.
  await mirror.copy(b, contents);
  assertEquals([mirror.placed.size, a.askedCount + b.askedCount], [125, 40]);
});

Deno.test("fetch() gets the blocks of a large content from all sources", async () => {
  const mirror = new TestMirror();
  await using a = new TestSource(mirror);
  await using b = new TestSource(mirror);
  const content = giveBoth(noise(6 * MIB, 1), [a, b]);
  await Promise.all([mirror.copy(a, [content]), mirror.copy(b, [content])]);
  assertEquals(sizesOf(mirror), [content.size, content.size]);
  assertEquals(a.contents.bytesFetched + b.contents.bytesFetched, content.size);
  assert(a.askedCount > 2 && b.askedCount > 2, `${a.askedCount} and ${b.askedCount}`);
});

Deno.test("fetch() has no use for help that is slower", async () => {
  const mirror = new TestMirror();
  await using a = new TestSource(mirror);
  await using slow = new TestSource(mirror, { delayMs: 10 });
  const content = giveBoth(noise(MIB, 1), [a, slow]);
  await Promise.all([mirror.copy(a, [content]), mirror.copy(slow, [content])]);
  assertEquals([sizesOf(mirror), slow.askedCount], [[MIB, MIB], 0]);
});

Deno.test("fetch() goes on without a helper that goes away", async () => {
  const mirror = new TestMirror();
  await using a = new TestSource(mirror);
  await using b = new TestSource(mirror, { isSilent: true });
  const content = giveBoth(noise(4 * MIB, 1), [a, b]);
  const copying = Promise.all([mirror.copy(a, [content]), mirror.copy(b, [content])]);
  setTimeout(() => b.cut(), 50);
  await copying;
  assertEquals([sizesOf(mirror), mirror.missing], [[content.size, content.size], []]);
  assert(b.askedCount > 0);
});

Deno.test("fetch() goes on without a helper that sends other bytes", async () => {
  const mirror = new TestMirror();
  await using a = new TestSource(mirror);
  await using liar = new TestSource(mirror);
  const bytes = noise(4 * MIB, 1);
  const content = a.side.add(bytes);
  const located = liar.side.add(bytes);
  // It knows the block hashes of the true content, and has another one under its name.
  await liar.side.stage.blockHashes(located);
  liar.side.find = () => ({ ...liar.side.add(noise(bytes.length, 2)), id: content.id });
  await Promise.all([mirror.copy(a, [content]), mirror.copy(liar, [content])]);
  assertEquals(sizesOf(mirror), [content.size, content.size]);
  for (const placed of mirror.placed.values()) assertEquals(placed, bytes);
});

Deno.test("fetch() takes over what another source does not bring", async () => {
  const mirror = new TestMirror();
  await using a = new TestSource(mirror, { isSilent: true });
  await using b = new TestSource(mirror);
  const all = [noise(1000, 1), noise(2000, 2), noise(MIB, 3)];
  const contents = all.map((bytes) => b.side.add(bytes));
  const broken = assertRejects(() => mirror.copy(a, contents));
  const copying = mirror.copy(b, contents);
  setTimeout(() => a.cut(), 50);
  await broken;
  await copying;
  assertEquals([sizesOf(mirror), mirror.missing], [[1000, 2000, MIB], []]);
});

Deno.test("fetch() asks its own source for what another one has not any more", async () => {
  const mirror = new TestMirror();
  await using a = new TestSource(mirror);
  await using b = new TestSource(mirror);
  const all = [noise(1000, 1), noise(MIB, 2)];
  const contents = all.map((bytes) => b.side.add(bytes));
  await Promise.all([mirror.copy(a, contents), mirror.copy(b, contents)]);
  assertEquals([sizesOf(mirror), mirror.missing], [[1000, MIB], ["absent", "absent"]]);
});

Deno.test("fetch() gets again what got no place", async () => {
  const mirror = new TestMirror();
  await using a = new TestSource(mirror);
  await using b = new TestSource(mirror);
  const content = giveBoth(noise(1000, 1), [a, b]);
  const copying = mirror.copy(a, [content], ({ staged }) => {
    void mirror.shared.placingStage.remove([staged]);
  });
  await Promise.all([copying, mirror.copy(b, [content])]);
  assertEquals([sizesOf(mirror), b.askedCount], [[1000], 1]);
});

Deno.test("fetch() lets others go on when its source is done with", async () => {
  const mirror = new TestMirror();
  await using a = new TestSource(mirror);
  await using b = new TestSource(mirror);
  const content = giveBoth(noise(1000, 1), [a, b]);
  // It has come, and whoever wanted it was stopped before it got its place.
  await mirror.copy(a, [content], () => {});
  const copying = mirror.copy(b, [content]);
  a.contents[Symbol.dispose]();
  await copying;
  assertEquals([sizesOf(mirror), b.askedCount], [[1000], 1]);
});
