import { assertEquals } from "@std/assert";
import { MemoryFiles } from "../../tests/sync_simulation/memory_files.ts";
import { Spelling } from "./spelling.ts";

function spellingOn(files: MemoryFiles): Spelling {
  files.makeFolder("/home/synced/.p2pnode");
  files.write("/home/synced/Docs/Plan.txt", new Uint8Array(1));
  return new Spelling("/home/synced", files.calls);
}

Deno.test("Spelling finds what is there under another spelling", () => {
  const spelling = spellingOn(new MemoryFiles({ isLoose: true }));
  assertEquals(spelling.twinOf("Docs/plan.txt"), "Docs/Plan.txt");
  assertEquals(spelling.twinOf("docs"), "Docs");
  assertEquals(spelling.twinOf("Docs/Plan.txt"), undefined);
  assertEquals(spelling.twinOf("Docs/other.txt"), undefined);
});

Deno.test("Spelling finds nothing where each spelling is a name of its own", () => {
  const spelling = spellingOn(new MemoryFiles());
  assertEquals(spelling.twinOf("Docs/plan.txt"), undefined);
  assertEquals(spelling.twinOf("docs"), undefined);
});
