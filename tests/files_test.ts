import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import { hashOfFile, randomBytes, randomFile, sameFile, temporaryFolder, treeOf } from "./files.ts";

Deno.test("temporaryFolder() is gone after its scope", () => {
  let path: string;
  {
    using folder = temporaryFolder();
    path = folder.path;
    Deno.mkdirSync(folder.join("a", "b"), { recursive: true });
    Deno.writeTextFileSync(folder.join("a", "b", "c"), "c");
  }
  assertThrows(() => Deno.statSync(path), Deno.errors.NotFound);
});

Deno.test("randomFile() writes the same bytes for the same seed", async () => {
  using folder = temporaryFolder();
  const size = (2 << 20) + 5;
  await randomFile(folder.join("a"), size, 1);
  await randomFile(folder.join("b"), size, 1);
  await randomFile(folder.join("c"), size, 2);
  await randomFile(folder.join("empty"), 0, 2);
  const bytes = Deno.readFileSync(folder.join("a"));
  assertEquals(bytes.length, size);
  assertEquals(hashOfFile(folder.join("a")), createHash("sha256").update(bytes).digest("hex"));
  assert(await sameFile(folder.join("a"), folder.join("b")));
  assert(!await sameFile(folder.join("a"), folder.join("c")));
  assert(!await sameFile(folder.join("a"), folder.join("empty")));
  assert(await sameFile(folder.join("empty"), folder.join("empty")));
  assertEquals(randomBytes(1_000_003, 1), bytes.subarray(0, 1_000_003));
});

Deno.test("randomFile() has no period and no bias that compression or a test would notice", () => {
  const counts = new Uint32Array(256);
  const bytes = randomBytes(1 << 20, 3);
  for (const byte of bytes) counts[byte]!++;
  for (const count of counts) assert(Math.abs(count - 4096) < 400, `${count}`);
  assertNotEquals(bytes.subarray(0, 65536), bytes.subarray(65536, 131072));
});

Deno.test("sameFile() sees one flipped bit", async () => {
  using folder = temporaryFolder();
  const bytes = randomBytes(3_000_000, 1);
  Deno.writeFileSync(folder.join("a"), bytes);
  bytes[2_999_999]! ^= 1;
  Deno.writeFileSync(folder.join("b"), bytes);
  assert(!await sameFile(folder.join("a"), folder.join("b")));
});

Deno.test("treeOf() names everything below a folder", async () => {
  using folder = temporaryFolder();
  Deno.mkdirSync(folder.join("b", ".p2pnode"), { recursive: true });
  Deno.writeTextFileSync(folder.join("b", "x"), "x");
  Deno.writeTextFileSync(folder.join("b", ".p2pnode", "key"), "");
  Deno.symlinkSync("b/x", folder.join("a"));
  const x = createHash("sha256").update("x").digest("hex");
  assertEquals(await treeOf(folder.path, { without: [".p2pnode"] }), {
    "a": "link b/x",
    "b": "folder",
    "b/x": x,
  });
  assertEquals(Object.keys(await treeOf(folder.path)), [
    "a",
    "b",
    "b/.p2pnode",
    "b/.p2pnode/key",
    "b/x",
  ]);
});
