import { assertEquals } from "@std/assert";
import { randomBytes, temporaryFolder } from "../../tests/files.ts";
import type { DiskFailure } from "../store/disk.ts";
import type { ContentId } from "../transfer/contents.ts";
import type { LocalFile } from "../transfer/stage.ts";
import { contentOf as contentOfBytes } from "../../tests/sync_simulation/memory_stage.ts";
import { KeptContents } from "./kept_contents.ts";
import { StageWorkers } from "./local_stage.ts";

/** A content of one byte, repeated; that byte is its id, too. */
function contentOf(byte: number, size: number): ContentId {
  return { size, id: new Uint8Array(32).fill(byte) };
}

/** Keeps a pack of such contents. */
function addPack(kept: KeptContents, bytes: readonly number[], size: number): void {
  const buffer = new ArrayBuffer(bytes.length * size);
  for (const [i, byte] of bytes.entries()) new Uint8Array(buffer, i * size, size).fill(byte);
  kept.add(bytes.map((byte) => contentOf(byte, size)), [], buffer);
}

Deno.test("read() answers what was added, in any order", () => {
  const kept = new KeptContents();
  for (const bytes of [[1, 2], [3]]) addPack(kept, bytes, 4);
  const into = new Uint8Array(9);
  assertEquals(kept.read([contentOf(3, 4), contentOf(1, 4)], into.buffer), true);
  assertEquals([...into], [3, 3, 3, 3, 1, 1, 1, 1, 0]);
  assertEquals(kept.read([contentOf(3, 4), contentOf(4, 4)], into.buffer), false);
});

Deno.test("read() answers nothing that was left out, and no other length", () => {
  const kept = new KeptContents();
  kept.add([contentOf(1, 4), contentOf(2, 4)], [1], new ArrayBuffer(8));
  const into = new ArrayBuffer(8);
  assertEquals(kept.read([contentOf(1, 4)], into), true);
  assertEquals(kept.read([contentOf(1, 3)], into), false);
  assertEquals(kept.read([contentOf(2, 4)], into), false);
});

Deno.test("add() takes the place of what was added first", () => {
  const size = 1024 * 1024;
  const kept = new KeptContents();
  for (let byte = 1; byte <= 80; byte++) addPack(kept, [byte], size);
  const into = new ArrayBuffer(size);
  const still = Array.from({ length: 80 }, (_, i) => i + 1)
    .filter((byte) => kept.read([contentOf(byte, size)], into));
  assertEquals(still, Array.from({ length: still.length }, (_, i) => 81 - still.length + i));
  assertEquals(still.length >= 32 && still.length <= 34, true);
});

Deno.test("add() keeps what came again when the first one is dropped", () => {
  const size = 1024 * 1024;
  const kept = new KeptContents();
  addPack(kept, [1], size);
  for (let byte = 2; byte <= 20; byte++) addPack(kept, [byte], size);
  addPack(kept, [1], size);
  for (let byte = 21; byte <= 40; byte++) addPack(kept, [byte], size);
  const into = new ArrayBuffer(size);
  assertEquals([2, 1].map((byte) => kept.read([contentOf(byte, size)], into)), [false, true]);
});

Deno.test("a reader answers with what it has hashed, and hashes what has changed since", async () => {
  using folder = temporaryFolder();
  using workers = new StageWorkers({ size: 1 });
  const reader = workers.openReader(folder.path);
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

Deno.test("a stage that passes on answers with what has come, any other one reads files", async () => {
  using folder = temporaryFolder();
  const bytes = randomBytes(5000, 2);
  const content = contentOfBytes(bytes);
  for (const passesOn of [true, false]) {
    using workers = new StageWorkers({ size: 1 });
    const stage = workers.openStage(folder.join(`${passesOn}`), { passesOn });
    const wrong = { ...content, id: new Uint8Array(32) };
    const twice = new Uint8Array([...bytes, ...bytes]);
    await stage.write([wrong, content], twice.buffer);
    const gone = (content: ContentId) => ({ ...content, path: folder.join("gone"), stamp: "" });
    const read = await stage.read([gone(content)], new ArrayBuffer(5000));
    assertEquals(read.present, [passesOn]);
    if (passesOn) assertEquals(new Uint8Array(read.buffer), bytes);
    assertEquals((await stage.read([gone(wrong)], new ArrayBuffer(5000))).present, [false]);
  }
});
