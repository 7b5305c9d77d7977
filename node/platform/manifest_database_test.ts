import { assert, assertEquals, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import type { Manifest } from "../content/manifest.ts";
import { TreeHasher } from "../content/tree.ts";
import type { RememberedFile } from "../store/manifest_store.ts";
import { ManifestDatabase } from "./manifest_database.ts";

const BLOCK_SIZE = 16 * 1024;

/** A shared folder with a private area, in which databases come and go. */
class TestFolder implements Disposable {
  readonly root = Deno.makeTempDirSync({ prefix: "p2pnode-database-" });
  readonly path = `${this.root}/.p2pnode/state.db`;
  readonly lines: string[] = [];

  constructor() {
    Deno.mkdirSync(`${this.root}/.p2pnode`);
  }

  open(): ManifestDatabase {
    return new ManifestDatabase(this.root, (line) => this.lines.push(line));
  }

  get names(): string[] {
    return [...Deno.readDirSync(`${this.root}/.p2pnode`)].map(({ name }) => name).sort();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}

/** A manifest of `size` bytes that all are `filler`. */
function manifestOf(name: string, { size = 5, filler = 1, publisher = 7 } = {}): Manifest {
  const hasher = new TreeHasher(BLOCK_SIZE);
  hasher.update(new Uint8Array(size).fill(filler));
  const { id, hashes } = hasher.digest();
  return {
    name,
    size,
    blockSize: BLOCK_SIZE,
    id,
    hashes,
    publisher: new Uint8Array(32).fill(publisher),
    signatures: new Uint8Array(2 * hashes.length).fill(9),
  };
}

function file(name: string, more: { size?: number; filler?: number; publisher?: number } = {}) {
  return { manifest: manifestOf(name, more), stamp: `stamp of ${name}` };
}

function byName(files: Iterable<RememberedFile>): Record<string, RememberedFile> {
  return Object.fromEntries([...files].map((file) => [file.manifest.name, file]));
}

Deno.test("files come back as they were saved, from one start to the next", () => {
  using folder = new TestFolder();
  const files = [
    file("one"),
    file("of several blocks", { size: 3 * BLOCK_SIZE + 1 }),
    file("empty", { size: 0 }),
    file("Ω/from elsewhere", { publisher: 8 }),
  ];
  {
    using database = folder.open();
    assertEquals([...database.files()], []);
    database.save({ put: files, removed: [] });
    assertEquals([...database.files()], files);
  }
  using database = folder.open();
  assertEquals([...database.files()], files);
  assertEquals(folder.lines, []);
});

Deno.test("save() replaces a file of the same name and forgets what was removed", () => {
  using folder = new TestFolder();
  using database = folder.open();
  database.save({ put: [file("a"), file("b"), file("c")], removed: [] });
  const changed = { manifest: manifestOf("b", { filler: 2 }), stamp: "new" };
  database.save({ put: [changed], removed: ["a", "never there"] });
  assertEquals(byName(database.files()), { b: changed, c: file("c") });
  // A name that is removed and put at once is there.
  database.save({ put: [file("c")], removed: ["c"] });
  assertEquals(Object.keys(byName(database.files())).sort(), ["b", "c"]);
});

Deno.test("more files than fit a page come back once each, sharing one publisher's key", () => {
  using folder = new TestFolder();
  using database = folder.open();
  const put = Array.from({ length: 2500 }, (_, i) => file(`file ${i}`));
  database.save({ put, removed: [] });
  const files = [...database.files()];
  assertEquals(
    files.map(({ manifest }) => manifest.name),
    put.map(({ manifest }) => manifest.name),
  );
  assertEquals(new Set(files.map(({ manifest }) => manifest.publisher)).size, 1);
});

Deno.test("what is wanted comes back until it is not wanted any more", () => {
  using folder = new TestFolder();
  const id = new Uint8Array(32).fill(3);
  const first = { name: "first", id, size: 1, replace: false };
  const second = { name: "second", id, size: 2, replace: true, publisher: id };
  {
    using database = folder.open();
    assertEquals(database.wanted(), []);
    database.want([first, second]);
  }
  using database = folder.open();
  assertEquals(database.wanted(), [first, second]);
  const other = { ...first, size: 10 };
  database.want([other]);
  assertEquals(database.wanted(), [other, second]);
  database.unwant(["first", "never wanted"]);
  assertEquals(database.wanted(), [second]);
});

Deno.test("a save that fails in the middle changes nothing, and is told once", () => {
  using folder = new TestFolder();
  using database = folder.open();
  database.save({ put: [file("kept")], removed: [] });
  const bad = { manifest: manifestOf("bad"), stamp: null as unknown as string };
  for (let i = 0; i < 2; i++) {
    database.save({ put: [file("new"), bad], removed: ["kept"] });
    assertEquals(byName(database.files()), { kept: file("kept") });
  }
  assertEquals(folder.lines.length, 1);
  assert(folder.lines[0]!.startsWith(`Cannot use ${folder.path}: `));
  database.save({ put: [file("later")], removed: [] });
  assertEquals(Object.keys(byName(database.files())).sort(), ["kept", "later"]);
});

Deno.test("rows that make no sense are left out", () => {
  using folder = new TestFolder();
  {
    using database = folder.open();
    database.save({ put: ["a", "b", "c", "d", "e"].map((name) => file(name)), removed: [] });
    database.save({ put: [file("longer", { size: 2 * BLOCK_SIZE })], removed: [] });
    database.want([
      { name: "fine", id: new Uint8Array(32), size: 0, replace: false },
      { name: "../out", id: new Uint8Array(32), size: 0, replace: false },
      { name: "short", id: new Uint8Array(31), size: 0, replace: false },
    ]);
  }
  using raw = new DatabaseSync(folder.path);
  raw.exec(`
    UPDATE file SET size = size + 1000000 WHERE name = 'a';
    UPDATE file SET block_size = 3 WHERE name = 'b';
    UPDATE file SET proof = (SELECT proof FROM file WHERE name = 'longer') WHERE name = 'c';
    UPDATE file SET proof = x'' WHERE name = 'd';
  `);
  raw.close();
  using database = folder.open();
  assertEquals(Object.keys(byName(database.files())).sort(), ["e", "longer"]);
  assertEquals(database.wanted().map(({ name }) => name), ["fine"]);
});

Deno.test("a database that cannot be opened is moved aside, and a new one is made", () => {
  const damages: Record<string, (path: string) => void> = {
    "garbage": (path) => Deno.writeTextFileSync(path, "no database at all ".repeat(500)),
    "another program's": (path) => {
      using other = new DatabaseSync(path);
      other.exec("PRAGMA user_version = 3");
    },
    "another layout": (path) => {
      using other = new DatabaseSync(path);
      other.exec("CREATE TABLE file (x)");
    },
    "a symbolic link": (path) => Deno.symlinkSync("/dev/null", path),
    "a folder": (path) => Deno.mkdirSync(path),
  };
  for (const [what, damage] of Object.entries(damages)) {
    using folder = new TestFolder();
    damage(folder.path);
    using database = folder.open();
    assertEquals([...database.files()], [], what);
    database.save({ put: [file("new")], removed: [] });
    assertEquals(Object.keys(byName(database.files())), ["new"], what);
    assertEquals(folder.lines.length, 1, what);
    assert(folder.lines[0]!.includes(`it is now ${folder.path}.damaged`), folder.lines[0]);
  }
});

Deno.test("damage that shows later replaces the database as well", () => {
  using folder = new TestFolder();
  {
    using database = folder.open();
    const put = Array.from({ length: 500 }, (_, i) => file(`file ${i}`));
    database.save({ put, removed: [] });
  }
  const { size } = Deno.statSync(folder.path);
  {
    using raw = Deno.openSync(folder.path, { write: true });
    raw.seekSync(3 * 4096, Deno.SeekMode.Start);
    raw.writeSync(new Uint8Array(size - 3 * 4096).fill(0x4d));
  }
  using database = folder.open();
  assertEquals([...database.files()], []);
  database.save({ put: [file("new")], removed: [] });
  assertEquals(Object.keys(byName(database.files())), ["new"]);
  assertEquals(folder.lines.length, 1);
});

Deno.test("a half-written database of a process that was killed is recovered", () => {
  using folder = new TestFolder();
  using copy = new TestFolder();
  using database = folder.open();
  database.save({ put: [file("one")], removed: [] });
  database.save({ put: [file("two")], removed: [] });
  // What a kill leaves: the database and its log, without the last bytes of the log.
  for (const name of folder.names) {
    Deno.copyFileSync(`${folder.root}/.p2pnode/${name}`, `${copy.root}/.p2pnode/${name}`);
  }
  const log = `${copy.path}-wal`;
  Deno.truncateSync(log, Deno.statSync(log).size - 100);
  using recovered = copy.open();
  assertEquals(Object.keys(byName(recovered.files())), ["one"]);
  assertEquals(copy.lines, []);
});

Deno.test("closing leaves a single file", () => {
  using folder = new TestFolder();
  {
    using database = folder.open();
    database.save({ put: [file("one")], removed: [] });
  }
  assertEquals(folder.names, ["state.db"]);
});

Deno.test("without its private area, the database says so", () => {
  using folder = new TestFolder();
  Deno.removeSync(`${folder.root}/.p2pnode`);
  assertThrows(() => folder.open(), Error, `Cannot use ${folder.path}: `);
});
