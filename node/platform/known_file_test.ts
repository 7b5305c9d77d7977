import { assertEquals } from "@std/assert";
import { KnownFile } from "./known_file.ts";

const ID = Uint8Array.from({ length: 32 }, (_, i) => i);
const OTHER = ID.toReversed();
const ALL = { has: () => true };

async function withPath(test: (path: string) => void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "p2pnode-known-" });
  try {
    test(`${folder}/known`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Opens the cache as a run does that has looked at its folder. */
function open(path: string, present: { has(path: string): boolean } = ALL): KnownFile {
  const known = new KnownFile(path, { isReadOnly: false });
  known.keepOnly("", present);
  return known;
}

Deno.test("what was remembered is found by the next run, by path and stamp", () =>
  withPath((path) => {
    const known = open(path);
    known.remember("a b/c d", "1.2.3.4.x", ID);
    known.remember("e", "5", ID);
    known.remember("e", "6", OTHER);
    known.remember("racy", "7.racy1", ID);
    known.flush();
    const again = open(path);
    assertEquals(again.find("a b/c d", "1.2.3.4.x"), ID);
    assertEquals(again.find("e", "5"), undefined);
    assertEquals(again.find("e", "6"), OTHER);
    assertEquals(again.find("racy", "7.racy1"), undefined);
    assertEquals(again.find("none", "6"), undefined);
  }));

Deno.test("what was remembered is found by the same run after its next look", () =>
  withPath((path) => {
    const known = open(path);
    known.remember("a", "1", ID);
    known.keepOnly("", ALL);
    assertEquals(known.find("a", "1"), ID);
  }));

Deno.test("keepOnly() forgets what is gone below a path, and nothing else", () =>
  withPath((path) => {
    const known = open(path);
    for (const name of ["a", "a/b", "a/c", "ab"]) known.remember(name, "1", ID);
    known.keepOnly("a", new Set(["a/c"]));
    const isKnown = (name: string) => known.find(name, "1") !== undefined;
    assertEquals(["a", "a/b", "a/c", "ab"].filter(isKnown), ["a/c", "ab"]);
    known.keepOnly("", new Set());
    assertEquals(["a/c", "ab"].filter(isKnown), []);
  }));

Deno.test("a file with mostly outdated lines is written anew", () =>
  withPath((path) => {
    const known = open(path);
    for (let i = 0; i < 3000; i++) known.remember(`${i % 10}`, `${i}`, ID);
    known.flush();
    const before = Deno.statSync(path).size;
    const again = open(path);
    assertEquals(Deno.statSync(path).size < before / 100, true);
    again.remember("new", "1", OTHER);
    again.flush();
    const last = open(path);
    assertEquals([last.find("9", "2999"), last.find("new", "1")], [ID, OTHER]);
  }));

Deno.test("a line that a crash cut off spoils no other one", () =>
  withPath((path) => {
    const known = open(path);
    known.remember("first", "1", ID);
    known.remember("second", "2", ID);
    known.flush();
    Deno.truncateSync(path, Deno.statSync(path).size - 3);
    const again = open(path);
    again.remember("third", "3", OTHER);
    again.flush();
    const last = open(path);
    assertEquals(last.find("first", "1"), ID);
    assertEquals([last.find("second", "2"), last.find("third", "3")], [undefined, OTHER]);
  }));

Deno.test("a file that is no cache, or of another version, counts as empty", () =>
  withPath((path) => {
    for (const text of ["", "nothing", "p2pnode known contents 1\nx", "\n\n"]) {
      Deno.writeTextFileSync(path, text);
      const known = open(path);
      assertEquals(known.find("a", "1"), undefined);
      known.remember("a", "1", ID);
      known.flush();
      assertEquals(open(path).find("a", "1"), ID);
    }
  }));

Deno.test("nothing is written where nothing is new, where nothing may be, or where it cannot be", () =>
  withPath((path) => {
    open(path).flush();
    const readOnly = new KnownFile(path, { isReadOnly: true });
    readOnly.keepOnly("", ALL);
    readOnly.remember("a", "1", ID);
    readOnly.flush();
    assertEquals([...Deno.readDirSync(path.slice(0, path.lastIndexOf("/")))], []);
    const lost = open(`${path}/none/known`);
    lost.remember("a", "1", ID);
    lost.flush();
    assertEquals(lost.find("a", "1"), undefined);
  }));
