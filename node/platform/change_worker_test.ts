import { assert, assertEquals, assertRejects } from "@std/assert";
import { temporaryFolder } from "../../tests/files.ts";
import type { Change } from "../folder/live_folder.ts";
import { ChangeWorker } from "./change_worker.ts";

function makeFolders(name: string, count: number): Change[] {
  return Array.from({ length: count }, (_, i) => ({ kind: "makeFolder", path: `${name}${i}` }));
}

Deno.test("change() makes few changes and many, with and without its thread", async () => {
  using folder = temporaryFolder();
  using changes = new ChangeWorker();
  for (const [name, count] of [["few", 3], ["many", 600], ["again", 3]] as const) {
    const outcomes = await changes.change(folder.path, makeFolders(name, count));
    assertEquals(outcomes.length, count);
    assert(outcomes.every((outcome) => typeof outcome === "object" && "done" in outcome));
  }
  assertEquals(Array.from(Deno.readDirSync(folder.path)).length, 606);
});

Deno.test("change() changes nothing once the thread was stopped", async () => {
  using folder = temporaryFolder();
  const changes = new ChangeWorker();
  changes[Symbol.dispose]();
  for (const count of [1, 100]) {
    await assertRejects(() => changes.change(folder.path, makeFolders("a", count)));
  }
  assertEquals(Array.from(Deno.readDirSync(folder.path)), []);
});
