import { assert, assertEquals, assertRejects } from "@std/assert";
import { seededRandom } from "../../protocol/testing.ts";
import { ManualClock } from "../../tests/manual_clock.ts";
import type { Manifest } from "../content/manifest.ts";
import { FILE_SIZE_MAX, TreeHasher } from "../content/tree.ts";
import type { BlockDisk, DiskFailure, FileToHash, HashedFile } from "../store/disk.ts";
import type { FileState, Folder, FolderScan, SkippedFile } from "../store/folder.ts";
import type { FileChanges, ManifestStore, RememberedFile } from "../store/manifest_store.ts";
import { Catalog, fileKey } from "./catalog.ts";
import { SharedFolder } from "./shared_folder.ts";

/** A folder in memory that counts its states. */
class MemoryFolder {
  readonly root = "/folder";
  readonly contents = new Map<string, { bytes: Uint8Array; state: FileState }>();
  skipped: SkippedFile[] = [];
  problem: string | undefined;
  scanCount = 0;
  #writeCount = 0;
  #hint = () => {};

  write(name: string, text: string, size = text.length): void {
    const state = { size, stamp: `${size} ${this.#writeCount++}` };
    this.contents.set(name, { bytes: new TextEncoder().encode(text), state });
    this.#hint();
  }

  rename(from: string, to: string): void {
    const file = this.contents.get(from)!;
    this.remove(from);
    this.contents.set(to, file);
  }

  remove(name: string): void {
    this.contents.delete(name);
    this.#hint();
  }

  scan(signal?: AbortSignal): Promise<FolderScan> {
    this.scanCount++;
    signal?.throwIfAborted();
    if (this.problem !== undefined) return Promise.reject(new Error(this.problem));
    const files = [...this.contents].map(([name, { state }]) => ({ name, ...state }));
    return Promise.resolve({ files, skipped: this.skipped });
  }

  state(name: string): FileState | undefined {
    return this.contents.get(name)?.state;
  }

  pathOf(name: string): string {
    return `${this.root}/${name}`;
  }

  async *watch(signal: AbortSignal): AsyncGenerator<void> {
    while (!signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#hint = resolve;
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
      if (!signal.aborted) yield;
    }
  }
}

/** Hashes the files of a `MemoryFolder` and counts them. */
class MemoryDisk {
  hashed: string[] = [];
  /** Called before a file is hashed. */
  before = (_name: string): void | Promise<void> => {};
  readonly failures = new Map<string, DiskFailure>();

  constructor(readonly folder: MemoryFolder) {}

  async *hashFiles(files: readonly FileToHash[]): AsyncGenerator<HashedFile | DiskFailure> {
    for (const { path, size, blockSize } of files) {
      const name = path.slice(this.folder.root.length + 1);
      this.hashed.push(name);
      await this.before(name);
      const failure = this.failures.get(name);
      const file = this.folder.contents.get(name);
      if (failure !== undefined) yield failure;
      else if (file === undefined) yield { error: `Cannot hash ${path}: gone`, code: "missing" };
      else if (file.state.size !== size) yield { error: `Cannot hash ${path}`, code: "changed" };
      else yield hash(file.bytes, blockSize);
    }
  }

  /** What was hashed since the last time that somebody asked. */
  takeHashed(): string[] {
    return this.hashed.splice(0).sort();
  }
}

function hash(bytes: Uint8Array, blockSize = 256 * 1024): HashedFile {
  const hasher = new TreeHasher(blockSize);
  hasher.update(bytes);
  const { id, hashes } = hasher.digest();
  return { id, hashes, signatures: new Uint8Array(2 * hashes.length).fill(1) };
}

class MemoryStore {
  readonly remembered = new Map<string, RememberedFile>();
  saveCount = 0;

  files(): RememberedFile[] {
    return [...this.remembered.values()];
  }

  save({ put, removed }: FileChanges): void {
    this.saveCount++;
    for (const name of removed) this.remembered.delete(name);
    for (const file of put) this.remembered.set(file.manifest.name, file);
  }
}

const OURS = new Uint8Array(32).fill(0xaa);
const THEIRS = new Uint8Array(32).fill(0xbb);

/** A shared folder in memory; another one with the same folder and store is its next start. */
class TestShare implements AsyncDisposable {
  readonly folder: MemoryFolder;
  readonly store: MemoryStore;
  readonly disk: MemoryDisk;
  readonly clock = new ManualClock();
  readonly catalog = new Catalog();
  readonly lines: string[] = [];
  readonly events: string[] = [];
  readonly shared: SharedFolder;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor({ folder = new MemoryFolder(), store = new MemoryStore() } = {}) {
    this.folder = folder;
    this.store = store;
    this.disk = new MemoryDisk(folder);
    const tell = (sign: string, names: Iterable<string>) => {
      for (const name of names) this.events.push(`${sign}${name}`);
    };
    this.catalog.observe({
      added: ({ names }) => tell("+", names.keys()),
      removed: ({ names }) => tell("-", names.keys()),
      named: (_file, name) => tell("+", [name]),
      unnamed: (_file, name) => tell("-", [name]),
    });
    this.shared = new SharedFolder({
      folder: folder as unknown as Folder,
      store: store as unknown as ManifestStore,
      disk: this.disk as unknown as BlockDisk,
      catalog: this.catalog,
      clock: this.clock,
      log: (line) => this.lines.push(line),
      publisher: OURS,
    });
    this.#running = this.shared.run(this.#stop.signal);
  }

  /** The contents that are offered, by their names. */
  get offered(): Record<string, string> {
    return Object.fromEntries(
      [...this.catalog].flatMap(({ manifest, location, names }) => {
        assert(location.kind === "file");
        const { name, stamp } = location as { name: string; stamp: string };
        assertEquals(names.get(name), stamp);
        return [...names].map(([name, stamp]) => {
          const { bytes, state } = this.folder.contents.get(name)!;
          assertEquals(stamp, state.stamp);
          assertEquals(manifest.id, hash(bytes, manifest.blockSize).id);
          return [name, new TextDecoder().decode(bytes)];
        });
      }),
    );
  }

  takeEvents(): string[] {
    return this.events.splice(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("stopped"));
    await this.#running;
    assertEquals(this.clock.sleeping, 0);
  }
}

/** Long enough for a hint to be followed and a changed file to settle. */
const FOLLOWED_MS = 1500;

Deno.test("the first look offers what is in the folder and remembers it", async () => {
  const folder = new MemoryFolder();
  folder.write("a", "one");
  folder.write("sub/b", "two");
  folder.write("empty", "");
  await using share = new TestShare({ folder });
  await share.shared.ready;
  assertEquals(share.offered, { "a": "one", "sub/b": "two", "empty": "" });
  for (const { manifest } of share.catalog) assertEquals(manifest.publisher, OURS);
  assertEquals([...share.store.remembered.keys()].sort(), ["a", "empty", "sub/b"]);
  assertEquals(share.store.saveCount, 1);
});

Deno.test("a restart hashes only what has changed meanwhile", async () => {
  const folder = new MemoryFolder();
  const store = new MemoryStore();
  for (const name of ["same", "changed", "removed"]) folder.write(name, name);
  {
    await using share = new TestShare({ folder, store });
    await share.shared.ready;
  }
  folder.write("changed", "anew");
  folder.write("added", "added");
  folder.remove("removed");
  await using share = new TestShare({ folder, store });
  await share.shared.ready;
  assertEquals(share.disk.takeHashed(), ["added", "changed"]);
  assertEquals(share.offered, { same: "same", changed: "anew", added: "added" });
  assertEquals([...store.remembered.keys()].sort(), ["added", "changed", "same"]);
});

Deno.test("a restart of an unchanged folder hashes and saves nothing", async () => {
  const folder = new MemoryFolder();
  const store = new MemoryStore();
  folder.write("a", "one");
  folder.write("copy of a", "one");
  {
    await using share = new TestShare({ folder, store });
    await share.shared.ready;
  }
  store.saveCount = 0;
  await using share = new TestShare({ folder, store });
  await share.shared.ready;
  assertEquals(share.disk.takeHashed(), []);
  assertEquals(store.saveCount, 0);
  assertEquals(share.catalog.count, 1);
});

Deno.test("files that are added, changed and removed are followed within moments", async () => {
  await using share = new TestShare();
  await share.shared.ready;
  const { folder, clock } = share;
  folder.write("a", "one");
  await clock.advance(FOLLOWED_MS);
  assertEquals(share.offered, { a: "one" });
  folder.write("a", "two");
  await clock.advance(FOLLOWED_MS);
  assertEquals(share.offered, { a: "two" });
  folder.remove("a");
  await clock.advance(FOLLOWED_MS);
  assertEquals(share.offered, {});
  assertEquals(share.takeEvents(), ["+a", "-a", "+a", "-a"]);
  assertEquals([...share.store.remembered], []);
});

Deno.test("a new file is offered after 350 ms when nothing happened before", async () => {
  await using share = new TestShare();
  await share.shared.ready;
  await share.clock.advance(5000);
  share.folder.write("a", "one");
  await share.clock.advance(349);
  assertEquals(share.offered, {});
  await share.clock.advance(1);
  assertEquals(share.offered, { a: "one" });
});

Deno.test("a change without a hint is found at the next regular look", async () => {
  await using share = new TestShare();
  await share.shared.ready;
  const { folder, clock } = share;
  folder.write("a", "one");
  await clock.advance(FOLLOWED_MS);
  // Behind the watcher's back.
  folder.contents.set("b", folder.contents.get("a")!);
  folder.contents.delete("a");
  await clock.advance(29_000);
  assertEquals(
    share.catalog.get(fileKey({ ...hash(bytesOf("one")), size: 3 }))?.manifest.name,
    "a",
  );
  await clock.advance(2000);
  assertEquals(share.offered, { b: "one" });
});

Deno.test("many hints lead to one look a second", async () => {
  await using share = new TestShare();
  await share.shared.ready;
  await share.clock.advance(5000);
  share.folder.scanCount = 0;
  for (let i = 0; i < 100; i++) {
    share.folder.write(`file ${i}`, `content ${i}`);
    await share.clock.advance(100);
  }
  assert(share.folder.scanCount >= 9 && share.folder.scanCount <= 11, `${share.folder.scanCount}`);
  await share.clock.advance(FOLLOWED_MS);
  assertEquals(share.catalog.count, 100);
});

Deno.test("a file that grows is hashed when it holds still", async () => {
  await using share = new TestShare();
  await share.shared.ready;
  const { folder, clock, disk } = share;
  for (let i = 1; i <= 50; i++) {
    folder.write("growing", "x".repeat(i));
    await clock.advance(100);
  }
  assertEquals(disk.takeHashed(), []);
  await clock.advance(2 * FOLLOWED_MS);
  assertEquals(disk.takeHashed(), ["growing"]);
  assertEquals(share.offered, { growing: "x".repeat(50) });
});

Deno.test("a file that changes while it is hashed is hashed again", async () => {
  const changes: Record<string, (folder: MemoryFolder) => void> = {
    "in length": (folder) => folder.write("a", "longer"),
    "in place": (folder) => folder.write("a", "two"),
  };
  for (const [how, change] of Object.entries(changes)) {
    const folder = new MemoryFolder();
    folder.write("a", "one");
    await using share = new TestShare({ folder });
    share.disk.before = () => {
      share.disk.before = () => {};
      change(folder);
    };
    await share.shared.ready;
    assertEquals(share.offered, {}, how);
    await share.clock.advance(FOLLOWED_MS);
    assertEquals(Object.keys(share.offered), ["a"], how);
    assertEquals(share.disk.takeHashed(), ["a", "a"], how);
    assertEquals(share.lines, [], how);
  }
});

Deno.test("a file that is added during the first look is found by the second", async () => {
  const folder = new MemoryFolder();
  folder.write("a", "one");
  await using share = new TestShare({ folder });
  share.disk.before = (name) => {
    if (name === "a") folder.write("b", "two");
  };
  await share.shared.ready;
  assertEquals(share.offered, { a: "one" });
  await share.clock.advance(FOLLOWED_MS);
  assertEquals(share.offered, { a: "one", b: "two" });
});

Deno.test("a file that is removed while it is hashed is no trouble", async () => {
  const folder = new MemoryFolder();
  folder.write("a", "one");
  folder.write("b", "two");
  await using share = new TestShare({ folder });
  share.disk.before = (name) => {
    if (name === "a") folder.remove(name);
  };
  await share.shared.ready;
  await share.clock.advance(FOLLOWED_MS);
  assertEquals(share.offered, { b: "two" });
  assertEquals(share.lines, []);
});

Deno.test("a file that is only touched keeps its manifest and is offered again", async () => {
  await using share = new TestShare();
  await share.shared.ready;
  const { folder, clock } = share;
  folder.write("a", "one");
  share.catalog.addFile(theirManifest("a", "one"), "a", folder.state("a")!.stamp);
  share.shared.adopt(theirManifest("a", "one"), "a");
  folder.write("a", "one");
  await clock.advance(FOLLOWED_MS);
  assertEquals(share.disk.takeHashed(), ["a"]);
  assertEquals(share.offered, { a: "one" });
  assertEquals([...share.catalog][0]!.manifest.publisher, THEIRS);
});

Deno.test("the same content under several names is held once and offered under each", async () => {
  const folder = new MemoryFolder();
  for (const name of ["a", "b", "c"]) folder.write(name, "same");
  await using share = new TestShare({ folder });
  await share.shared.ready;
  assertEquals(share.catalog.count, 1);
  assertEquals(share.offered, { a: "same", b: "same", c: "same" });
  folder.remove("b");
  folder.remove("a");
  await share.clock.advance(FOLLOWED_MS);
  assertEquals(share.offered, { c: "same" });
  folder.write("a", "same");
  await share.clock.advance(FOLLOWED_MS);
  assertEquals(share.offered, { a: "same", c: "same" });
  folder.write("c", "other");
  await share.clock.advance(FOLLOWED_MS);
  assertEquals(share.offered, { a: "same", c: "other" });
  folder.remove("a");
  await share.clock.advance(FOLLOWED_MS);
  assertEquals(share.offered, { c: "other" });
  assertEquals(share.takeEvents(), ["+a", "+b", "+c", "-a", "-b", "+a", "-c", "+c", "-a"]);
});

Deno.test("empty files are offered too", async () => {
  const folder = new MemoryFolder();
  for (const name of ["a", "b", "c"]) folder.write(name, "");
  await using share = new TestShare({ folder });
  await share.shared.ready;
  assertEquals(share.offered, { a: "", b: "", c: "" });
  for (const name of ["a", "b"]) folder.remove(name);
  await share.clock.advance(FOLLOWED_MS);
  assertEquals(share.offered, { c: "" });
});

Deno.test("an adopted file keeps its publisher and is never hashed", async () => {
  const folder = new MemoryFolder();
  const store = new MemoryStore();
  {
    await using share = new TestShare({ folder, store });
    await share.shared.ready;
    folder.write("fetched", "theirs");
    const manifest = theirManifest("their name for it", "theirs");
    share.catalog.addFile(
      { ...manifest, name: "fetched" },
      "fetched",
      folder.state("fetched")!.stamp,
    );
    share.shared.adopt(manifest, "fetched");
    await share.clock.advance(FOLLOWED_MS);
    assertEquals(share.disk.takeHashed(), []);
    assertEquals(share.takeEvents(), ["+fetched"]);
  }
  await using share = new TestShare({ folder, store });
  await share.shared.ready;
  assertEquals(share.disk.takeHashed(), []);
  assertEquals(share.offered, { fetched: "theirs" });
  assertEquals([...share.catalog][0]!.manifest, theirManifest("fetched", "theirs"));
});

Deno.test("files that are adopted together are saved together and at once", async () => {
  await using share = new TestShare();
  await share.shared.ready;
  for (let i = 0; i < 10; i++) {
    share.folder.write(`${i}`, `content ${i}`);
    share.shared.adopt(theirManifest(`${i}`, `content ${i}`), `${i}`);
  }
  await Promise.resolve();
  assertEquals(share.store.saveCount, 1);
  assertEquals(share.store.remembered.size, 10);
});

Deno.test("a file that is adopted between the looks at it is not hashed", async () => {
  await using share = new TestShare();
  await share.shared.ready;
  await share.clock.advance(5000);
  share.folder.write("fetched", "theirs");
  await share.clock.advance(100);
  share.shared.adopt(theirManifest("fetched", "theirs"), "fetched");
  await share.clock.advance(FOLLOWED_MS);
  assertEquals(share.disk.takeHashed(), []);
  assertEquals(share.takeEvents(), ["+fetched"]);
});

Deno.test("a file that is adopted in place of another withdraws the other", async () => {
  await using share = new TestShare();
  await share.shared.ready;
  share.folder.write("a", "ours");
  await share.clock.advance(FOLLOWED_MS);
  share.folder.write("a", "theirs");
  const manifest = theirManifest("a", "theirs");
  share.catalog.addFile(manifest, "a", share.folder.state("a")!.stamp);
  share.shared.adopt(manifest, "a");
  assertEquals(share.offered, { a: "theirs" });
});

Deno.test("what has vanished or changed already is not adopted", async () => {
  await using share = new TestShare();
  await share.shared.ready;
  share.shared.adopt(theirManifest("gone", "theirs"), "gone");
  share.folder.write("changed", "something else");
  share.shared.adopt(theirManifest("changed", "theirs"), "changed");
  await share.clock.advance(FOLLOWED_MS);
  assertEquals(share.offered, { changed: "something else" });
});

Deno.test("a fetched file that is renamed or copied keeps its publisher", async () => {
  await using share = new TestShare();
  await share.shared.ready;
  const { folder, clock } = share;
  folder.write("fetched", "theirs");
  share.shared.adopt(theirManifest("fetched", "theirs"), "fetched");
  folder.rename("fetched", "renamed");
  await clock.advance(FOLLOWED_MS);
  assertEquals(share.offered, { renamed: "theirs" });
  folder.write("copied", "theirs");
  await clock.advance(FOLLOWED_MS);
  folder.remove("renamed");
  await clock.advance(FOLLOWED_MS);
  assertEquals(share.offered, { copied: "theirs" });
  assertEquals([...share.catalog][0]!.manifest.publisher, THEIRS);
  assertEquals(share.store.remembered.get("copied")!.manifest.publisher, THEIRS);
});

Deno.test("what is skipped is told once, and not all of very many", async () => {
  const folder = new MemoryFolder();
  folder.skipped = [{ name: "evil\x1b", reason: "it is a pipe" }];
  await using share = new TestShare({ folder });
  await share.shared.ready;
  assertEquals(share.lines, ["Cannot share evil\\x1b: it is a pipe"]);
  await share.clock.advance(100_000);
  assertEquals(share.lines.splice(0).length, 1);
  folder.skipped = Array.from({ length: 100 }, (_, i) => ({ name: `${i}`, reason: "it is odd" }));
  await share.clock.advance(31_000);
  assertEquals(share.lines.length, 21);
  assertEquals(share.lines.at(-1), "Cannot share 80 more files");
});

Deno.test("a file over the limit is told and not hashed, and withdrawn if it was offered", async () => {
  await using share = new TestShare();
  await share.shared.ready;
  share.folder.write("a", "one");
  await share.clock.advance(FOLLOWED_MS);
  share.folder.write("a", "huge", FILE_SIZE_MAX + 1);
  await share.clock.advance(FOLLOWED_MS);
  assertEquals(share.offered, {});
  assertEquals(share.disk.takeHashed(), ["a"]);
  assertEquals(share.lines, ["Cannot share a: it is larger than 1 TiB"]);
});

Deno.test("a file that cannot be read is told once and tried again now and then", async () => {
  const folder = new MemoryFolder();
  folder.write("locked", "secret");
  await using share = new TestShare({ folder });
  share.disk.failures.set("locked", { error: "Cannot hash locked: denied", code: "denied" });
  await share.shared.ready;
  await share.clock.advance(200_000);
  assertEquals(share.disk.takeHashed(), ["locked"]);
  await share.clock.advance(200_000);
  assertEquals(share.disk.takeHashed(), ["locked"]);
  assertEquals(share.lines, ["Cannot hash locked: denied (it is not shared)"]);
  share.disk.failures.clear();
  folder.write("locked", "open");
  await share.clock.advance(FOLLOWED_MS);
  assertEquals(share.offered, { locked: "open" });
});

Deno.test("a folder that cannot be read at the start is the end of it", async () => {
  const folder = new MemoryFolder();
  folder.problem = "Cannot read /folder: gone";
  await using share = new TestShare({ folder });
  await assertRejects(() => share.shared.ready, Error, "Cannot read /folder: gone");
});

Deno.test("a folder that cannot be read later keeps what is known, and is told once", async () => {
  const folder = new MemoryFolder();
  folder.write("a", "one");
  await using share = new TestShare({ folder });
  await share.shared.ready;
  folder.problem = "Cannot read /folder: gone";
  await share.clock.advance(100_000);
  assertEquals(share.lines, ["Cannot read /folder: gone"]);
  assertEquals(share.offered, { a: "one" });
  folder.problem = undefined;
  folder.write("b", "two");
  await share.clock.advance(FOLLOWED_MS);
  assertEquals(share.offered, { a: "one", b: "two" });
});

Deno.test("without a watcher, regular looks go on", async () => {
  const folder = new MemoryFolder();
  // deno-lint-ignore require-yield -- it fails before it could
  folder.watch = async function* () {
    throw new Error("Cannot watch /folder: no more watches");
  };
  await using share = new TestShare({ folder });
  await share.shared.ready;
  folder.write("a", "one");
  await share.clock.advance(31_000);
  assertEquals(share.offered, { a: "one" });
  assertEquals(share.lines, [
    "Cannot watch /folder: no more watches (changes are found within 30 s all the same)",
  ]);
});

Deno.test("a stop in the middle of hashing keeps what was hashed", async () => {
  const folder = new MemoryFolder();
  for (let i = 0; i < 10; i++) folder.write(`${i}`, `content ${i}`);
  const store = new MemoryStore();
  const share = new TestShare({ folder, store });
  share.disk.before = (name) => {
    if (name === "5") throw new Error("stopped");
  };
  await assertRejects(() => share.shared.ready, Error, "stopped");
  await share[Symbol.asyncDispose]();
  assertEquals([...store.remembered.keys()], ["0", "1", "2", "3", "4"]);
});

Deno.test("hashes are saved every second while there are more to come", async () => {
  const folder = new MemoryFolder();
  for (let i = 0; i < 10; i++) folder.write(`${i}`, `content ${i}`);
  await using share = new TestShare({ folder });
  share.disk.before = () => share.clock.advance(500);
  await share.shared.ready;
  assertEquals(share.store.saveCount, 5);
});

Deno.test("whatever happens to a folder, the catalog and the store end up true to it", async () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = seededRandom(seed);
    const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)]!;
    const folder = new MemoryFolder();
    const store = new MemoryStore();
    // Few names and contents, so that they meet often.
    const names = ["a", "b", "c", "d"];
    const texts = ["", "one", "two"];
    for (let start = 0; start < 3; start++) {
      await using share = new TestShare({ folder, store });
      for (let step = 0; step < 20; step++) {
        const name = pick(names);
        const text = pick(texts);
        const choice = random();
        if (choice < 0.4) folder.write(name, text);
        else if (choice < 0.6) folder.remove(name);
        else if (choice < 0.8 && folder.contents.has(name)) folder.rename(name, pick(names));
        else {
          folder.write(name, text);
          share.shared.adopt(theirManifest(name, text), name);
        }
        if (random() < 0.5) await share.clock.advance(random() * 1000);
      }
      await share.clock.advance(60_000);
      await share.shared.ready;
      const there = [...folder.contents.values()].map(({ bytes }) =>
        new TextDecoder().decode(bytes)
      );
      const message = `seed ${seed}`;
      assertEquals(Object.values(share.offered).sort(), there.sort(), message);
      assertEquals(
        [...store.remembered.keys()].sort(),
        [...folder.contents.keys()].sort(),
        message,
      );
      for (const [name, { manifest, stamp }] of store.remembered) {
        const { bytes, state } = folder.contents.get(name)!;
        assertEquals([manifest.name, stamp], [name, state.stamp], message);
        assertEquals(manifest.id, hash(bytes).id, message);
      }
      assertEquals(share.lines, [], message);
    }
  }
});

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A manifest of somebody else. */
function theirManifest(name: string, text: string): Manifest {
  const blockSize = 64 * 1024;
  const bytes = bytesOf(text);
  return { ...hash(bytes, blockSize), name, size: bytes.length, blockSize, publisher: THEIRS };
}
