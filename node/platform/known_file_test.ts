import { assertEquals } from "@std/assert";
import { KnownFile } from "./known_file.ts";

const ID = Uint8Array.from({ length: 32 }, (_, i) => i);
const OTHER = ID.toReversed();

async function withPath(test: (path: string) => void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "p2pnode-known-" });
  try {
    test(`${folder}/known`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("what was remembered and saved is found again, by path and stamp", () =>
  withPath((path) => {
    const known = new KnownFile(path);
    known.remember("a b/c d", "1.2.3.4.x", ID);
    known.remember("e", "5", ID);
    known.remember("e", "6", OTHER);
    known.remember("racy", "7.racy1", ID);
    known.save();
    const again = new KnownFile(path);
    assertEquals(again.find("a b/c d", "1.2.3.4.x"), ID);
    assertEquals(again.find("e", "5"), undefined);
    assertEquals(again.find("e", "6"), OTHER);
    assertEquals(again.find("racy", "7.racy1"), undefined);
    assertEquals(again.find("none", "6"), undefined);
  }));

Deno.test("keepOnly() forgets what is gone below a path, and nothing else", () =>
  withPath((path) => {
    const known = new KnownFile(path);
    for (const name of ["a", "a/b", "a/c", "ab"]) known.remember(name, "1", ID);
    known.keepOnly("a", new Set(["a/c"]));
    const isKnown = (name: string) => known.find(name, "1") !== undefined;
    assertEquals(["a", "a/b", "a/c", "ab"].filter(isKnown), ["a/c", "ab"]);
    known.keepOnly("", new Set());
    assertEquals(["a/c", "ab"].filter(isKnown), []);
  }));

Deno.test("a file that is no cache, or of another version, counts as empty", () =>
  withPath((path) => {
    for (const text of ["", "nothing", "p2pnode known contents 2\nx", "\n\n"]) {
      Deno.writeTextFileSync(path, text);
      assertEquals(new KnownFile(path).find("a", "1"), undefined);
    }
    Deno.writeTextFileSync(path, "p2pnode known contents 1\nshort\n\nx y z\n");
    assertEquals(new KnownFile(path).find("z", "y"), undefined);
  }));

Deno.test("save() writes only what is new, and does without where it cannot", () =>
  withPath((path) => {
    const known = new KnownFile(path);
    known.save();
    assertEquals([...Deno.readDirSync(path.slice(0, path.lastIndexOf("/")))], []);
    const lost = new KnownFile(`${path}/none/known`);
    lost.remember("a", "1", ID);
    lost.save();
    assertEquals(lost.find("a", "1"), ID);
  }));
