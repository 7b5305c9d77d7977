/** Two devices that disagree: both contents survive, and all sides come to the same result. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { TestDevice, TestSync } from "./devices.ts";
import { startSync, until } from "./devices.ts";

/** Starts both devices with these files, and stops them again. */
async function withFiles(files: Record<string, string>): Promise<TestSync> {
  const sync = await startSync();
  const laptop = await sync.startDevice("laptop");
  const desktop = await sync.startDevice("desktop");
  for (const [path, text] of Object.entries(files)) await laptop.write(path, text);
  await sync.converge(laptop, desktop);
  await Promise.all([laptop.stop(), desktop.stop()]);
  return sync;
}

/** Starts one device after the other, so that the laptop's changes come first. */
async function restart(sync: TestSync): Promise<[TestDevice, TestDevice]> {
  const laptop = await sync.startDevice("laptop");
  const desktop = await sync.startDevice("desktop");
  await sync.converge(laptop, desktop);
  return [laptop, desktop];
}

Deno.test("edits of different files on two devices that were offline come together", async () => {
  await using sync = await withFiles({ "a.txt": "a", "b.txt": "b", "c.txt": "c" });
  await sync.folder("laptop").write("a.txt", "a of the laptop");
  await sync.folder("laptop").write("new/l.txt", "l");
  await sync.folder("desktop").write("b.txt", "b of the desktop");
  await sync.folder("desktop").remove("c.txt");
  const [laptop] = await restart(sync);
  assertEquals(laptop.read("a.txt"), "a of the laptop");
  assertEquals(laptop.read("b.txt"), "b of the desktop");
  assert(laptop.has("new/l.txt"));
  assert(!laptop.has("c.txt"));
});

Deno.test("edits of one file on two devices are both kept, under the same names everywhere", async () => {
  await using sync = await withFiles({ "docs/report.tar.gz": "old" });
  await sync.folder("laptop").write("docs/report.tar.gz", "of the laptop");
  await sync.folder("desktop").write("docs/report.tar.gz", "of the desktop");
  const [laptop, desktop] = await restart(sync);
  const names = Object.keys(await laptop.tree()).filter((name) => name !== "docs");
  assertEquals(names.length, 2, names.join());
  const copy = names.find((name) => name.includes("conflict"))!;
  assertMatch(copy, /^docs\/report(\.tar)?\.conflict-desktop-[0-9a-f]{8}(\.tar)?\.gz$/);
  assertEquals(laptop.read("docs/report.tar.gz"), "of the laptop");
  assertEquals(laptop.read(copy), "of the desktop");
  const told = desktop.process.events.find(({ event }) => event === "conflict")!;
  assertEquals([told.name, told.copy], ["docs/report.tar.gz", copy]);
  for (const device of [laptop, desktop]) {
    const listed = (await device.command("conflicts")).filter((e) => e.event === "conflicting");
    assertEquals(listed.map(({ name }) => name), [copy], device.name);
  }
  // Whoever has merged the two removes the copy, and the conflict with it.
  await laptop.remove(copy);
  await until(() => !desktop.has(copy), "the removal of the copy");
  await until(
    async () => (await desktop.command("conflicts")).every((e) => e.event !== "conflicting"),
    "an empty list of conflicts",
  );
});

Deno.test("the same edit on two devices is no conflict", async () => {
  await using sync = await withFiles({ "a.txt": "old" });
  await sync.folder("laptop").write("a.txt", "the same");
  await sync.folder("desktop").write("a.txt", "the same");
  const [laptop] = await restart(sync);
  assertEquals(Object.keys(await laptop.tree()), ["a.txt"]);
});

for (const [deleter, editor] of [["laptop", "desktop"], ["desktop", "laptop"]] as const) {
  Deno.test(`an edit wins over a deletion (${deleter} deletes, ${editor} edits)`, async () => {
    await using sync = await withFiles({ "a.txt": "old", "b.txt": "b" });
    await sync.folder(deleter).remove("a.txt");
    await sync.folder(editor).write("a.txt", "edited");
    const [laptop, desktop] = await restart(sync);
    assertEquals(laptop.read("a.txt"), "edited");
    assertEquals(desktop.read("a.txt"), "edited");
    assertEquals(Object.keys(await laptop.tree()), ["a.txt", "b.txt"]);
  });
}

for (const [withFolder, withFile] of [["laptop", "desktop"], ["desktop", "laptop"]] as const) {
  Deno.test(`a folder keeps its name against a file (folder on ${withFolder})`, async () => {
    await using sync = await withFiles({ "other.txt": "o" });
    await sync.folder(withFolder).write("thing/inside.txt", "inside");
    await sync.folder(withFile).write("thing", "a file");
    const [laptop] = await restart(sync);
    assertEquals(laptop.read("thing/inside.txt"), "inside");
    const copy = Object.keys(await laptop.tree()).find((name) => name.startsWith("thing.conflict"));
    assert(copy !== undefined, Object.keys(await laptop.tree()).join());
    assertEquals(laptop.read(copy!), "a file");
  });
}

Deno.test("edits of one file while both devices are online are both kept", async () => {
  await using sync = await startSync();
  const laptop = await sync.startDevice("laptop");
  const desktop = await sync.startDevice("desktop");
  await laptop.write("a.txt", "old");
  await sync.converge(laptop, desktop);
  // While the server stands still neither of them can hear of the other's edit.
  sync.server.signal("SIGSTOP");
  await laptop.write("a.txt", "from laptop");
  await desktop.write("a.txt", "from desktop");
  sync.server.signal("SIGCONT");
  await until(async () => {
    const names = Object.keys(await laptop.tree());
    return names.length === 2 && names.every((name) => desktop.has(name));
  }, "the conflict copy");
  await sync.converge(laptop, desktop);
  const texts = Object.keys(await laptop.tree()).map((name) => laptop.read(name));
  assertEquals(texts.toSorted(), ["from desktop", "from laptop"]);
});
