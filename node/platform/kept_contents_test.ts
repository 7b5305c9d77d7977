import { assertEquals } from "@std/assert";
import { randomBytes, temporaryFolder } from "../../tests/files.ts";
import type { DiskFailure } from "../store/disk.ts";
import type { ContentId } from "../transfer/contents.ts";
import type { LocalFile } from "../transfer/stage.ts";
import { KeptContents } from "./kept_contents.ts";
import { StageWorkers } from "./local_stage.ts";

/** Contents of which each is one byte, repeated; that byte is their id, too. */
function packOf(bytes: readonly number[], size: number) {
  const files = bytes.map((byte) => ({ path: `/${byte}`, size }));
  const buffer = new ArrayBuffer(bytes.length * size);
  const ids = new Uint8Array(bytes.length * 32);
  for (const [i, byte] of bytes.entries()) {
    new Uint8Array(buffer, i * size, size).fill(byte);
    ids.fill(byte, i * 32, (i + 1) * 32);
  }
  return { files, buffer, hashed: { ids, hashes: [], failures: [] } };
}

function contentOf(byte: number, size: number) {
  return { path: `/${byte}`, size, stamp: "", id: new Uint8Array(32).fill(byte) };
}

Deno.test("read() answers what was added, in any order", () => {
  const kept = new KeptContents();
  for (const bytes of [[1, 2], [3]]) {
    const { files, hashed, buffer } = packOf(bytes, 4);
    kept.add(files, hashed, buffer);
  }
  const into = new Uint8Array(9);
  assertEquals(kept.read([contentOf(3, 4), contentOf(1, 4)], into.buffer), true);
  assertEquals([...into], [3, 3, 3, 3, 1, 1, 1, 1, 0]);
  assertEquals(kept.read([contentOf(3, 4), contentOf(4, 4)], into.buffer), false);
});

Deno.test("read() answers nothing for another content of the same file, and none that failed", () => {
  const kept = new KeptContents();
  const { files, hashed, buffer } = packOf([1, 2], 4);
  const failure: DiskFailure = { code: "changed", error: "it was changed" };
  kept.add(files, { ...hashed, failures: [[1, failure]] }, buffer);
  const into = new ArrayBuffer(8);
  assertEquals(kept.read([contentOf(1, 4)], into), true);
  assertEquals(kept.read([{ ...contentOf(1, 4), id: new Uint8Array(32) }], into), false);
  assertEquals(kept.read([contentOf(1, 3)], into), false);
  assertEquals(kept.read([contentOf(2, 4)], into), false);
});

Deno.test("add() takes the place of what was added first", () => {
  const size = 1024 * 1024;
  const kept = new KeptContents();
  for (let byte = 1; byte <= 40; byte++) {
    const { files, hashed, buffer } = packOf([byte], size);
    kept.add(files, hashed, buffer);
  }
  const into = new ArrayBuffer(size);
  const still = Array.from({ length: 40 }, (_, i) => i + 1)
    .filter((byte) => kept.read([contentOf(byte, size)], into));
  assertEquals(still, Array.from({ length: still.length }, (_, i) => 41 - still.length + i));
  assertEquals(still.length >= 16 && still.length <= 18, true);
});

Deno.test("add() keeps what was read again when the first reading is dropped", () => {
  const size = 1024 * 1024;
  const kept = new KeptContents();
  for (
    const byte of [
      1,
      ...Array.from({ length: 10 }, (_, i) => i + 2),
      1,
      20,
      21,
      22,
      23,
      24,
      25,
    ]
  ) {
    const { files, hashed, buffer } = packOf([byte], size);
    kept.add(files, hashed, buffer);
  }
  const into = new ArrayBuffer(size);
  assertEquals(kept.read([contentOf(1, size)], into), true);
});

Deno.test("a reader answers with what it has hashed, and hashes what has changed since", async () => {
  using folder = temporaryFolder();
  using workers = new StageWorkers({ size: 1 });
  const reader = workers.openReader();
  const bytes = randomBytes(5000, 1);
  const files: LocalFile[] = [];
  for (const [name, content] of [["empty", new Uint8Array()], ["small", bytes]] as const) {
    const path = folder.join(name);
    Deno.writeFileSync(path, content);
    files.push({ path, size: content.length });
  }
  files.push({ path: folder.join("gone"), size: 3 });
  const results = await Array.fromAsync(reader.hashFiles(files));
  const [empty, small, gone] = results as [ContentId, ContentId, DiskFailure];
  assertEquals([empty.size, small.size, gone.code], [0, 5000, "missing"]);
  Deno.removeSync(files[1]!.path);
  const contents = [empty, small].map((content, i) => (
    { ...content, path: files[i]!.path, stamp: "any" }
  ));
  const { present, buffer } = await reader.read(contents, new ArrayBuffer(5000));
  assertEquals([present, new Uint8Array(buffer)], [[true, true], bytes]);
  Deno.writeFileSync(files[1]!.path, bytes.fill(7));
  const [again] = await Array.fromAsync(reader.hashFiles([files[1]!])) as [ContentId];
  const other = { ...again, path: files[1]!.path, stamp: "any" };
  const read = await reader.read([other], new ArrayBuffer(5000));
  assertEquals([read.present, new Uint8Array(read.buffer)], [[true], bytes]);
});
