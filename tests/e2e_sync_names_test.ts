/** Names of all sorts, what cannot be synced, and what shall not be. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { startSync, type TestDevice, until } from "./devices.ts";

/** What a device lists as skipped or conflicting, by name. */
async function conflictsOf(device: TestDevice): Promise<Map<string, string>> {
  const listed = (await device.command("conflicts")).filter(({ event }) => event === "conflicting");
  return new Map(listed.map(({ name, reason }) => [String(name), String(reason)]));
}

Deno.test("long names, names in all scripts, and names that look alike arrive as they are", async () => {
  await using sync = await startSync();
  const laptop = await sync.startDevice("laptop");
  const desktop = await sync.startDevice("desktop");
  const names = [
    "x".repeat(255),
    "ü".repeat(127),
    "日本語/ファイル.txt",
    " blank in front and behind ",
    "-rf",
    "quotes \"'` and $(dollars)",
    // One character and two that look the same: two files.
    "caf\u00e9.txt",
    "cafe\u0301.txt",
    `${"d".repeat(200)}/${"e".repeat(200)}/${"f".repeat(200)}/g.txt`,
    ".hidden/.file",
    "CON.txt",
  ];
  for (const [index, name] of names.entries()) await laptop.write(name, `${index}`);
  await sync.converge(laptop, desktop);
  for (const [index, name] of names.entries()) assertEquals(desktop.read(name), `${index}`, name);
});

Deno.test("a name with a newline is listed as skipped, harms nothing, and is not deleted", async () => {
  await using sync = await startSync();
  const laptop = await sync.startDevice("laptop", { flags: ["--rescan", "1"] });
  const desktop = await sync.startDevice("desktop");
  await laptop.write("two\nlines.txt", "n");
  await laptop.write("folder\n/inside.txt", "i");
  await laptop.write("good.txt", "g");
  await until(() => desktop.has("good.txt"), "the file beside it");
  await until(async () => (await conflictsOf(laptop)).size === 2, "the list of skipped names");
  const listed = await conflictsOf(laptop);
  assertMatch(listed.get("two\nlines.txt")!, /control character/);
  assertEquals(Object.keys(await desktop.tree()), ["good.txt"]);
  assert(laptop.has("two\nlines.txt") && laptop.has("folder\n/inside.txt"));
});

Deno.test("links, pipes and sockets are neither followed nor synced, and are listed", async () => {
  await using sync = await startSync();
  const outside = sync.folder("outside");
  await outside.write("secret.txt", "s");
  const folder = sync.folder("laptop");
  await folder.write("a.txt", "a");
  await Deno.symlink(outside.folder, folder.join("link-to-folder"));
  await Deno.symlink(outside.join("secret.txt"), folder.join("link-to-file"));
  await new Deno.Command("mkfifo", { args: [folder.join("pipe")] }).output();
  using _socket = Deno.listen({ transport: "unix", path: folder.join("socket") });
  // A folder with a link out of it is not watched, only looked at.
  const laptop = await sync.startDevice("laptop", { flags: ["--rescan", "1"] });
  const desktop = await sync.startDevice("desktop", { flags: ["--rescan", "1"] });
  assertEquals(Object.keys(await desktop.tree()), ["a.txt"]);
  const listed = await conflictsOf(laptop);
  assertEquals([...listed.keys()].toSorted(), ["link-to-file", "link-to-folder", "pipe", "socket"]);
  // A link that takes the place of a synced folder leads nothing out of it.
  await laptop.write("docs/b.txt", "b");
  await until(() => desktop.has("docs/b.txt"), "the folder");
  await desktop.remove("docs");
  await Deno.symlink(outside.folder, desktop.join("docs"));
  await laptop.write("docs/c.txt", "c");
  await until(() => sync.folder("server/alice").has("docs/c.txt"), "the file at the server");
  await laptop.write("last.txt", "l");
  await until(() => desktop.has("last.txt"), "a file that comes later");
  assertEquals(Object.keys(await outside.tree()), ["secret.txt"]);
});

Deno.test("a file that loses its type to something unsyncable is not deleted elsewhere unasked", async () => {
  await using sync = await startSync();
  const laptop = await sync.startDevice("laptop", { flags: ["--rescan", "1"] });
  const desktop = await sync.startDevice("desktop");
  await laptop.write("a.txt", "a");
  await laptop.write("b.txt", "b");
  await sync.converge(laptop, desktop);
  await laptop.remove("a.txt");
  await Deno.symlink("b.txt", laptop.join("a.txt"));
  await until(async () => (await conflictsOf(laptop)).has("a.txt"), "the link in the list");
  await desktop.write("b.txt", "b again");
  await until(() => laptop.read("b.txt") === "b again", "another change");
});

Deno.test(".p2pignore keeps its patterns to itself on both sides, and is synced", async () => {
  await using sync = await startSync();
  const laptop = await sync.startDevice("laptop");
  const desktop = await sync.startDevice("desktop");
  await laptop.write(".p2pignore", "*.tmp\n/build/\n!keep.tmp\n");
  await until(() => desktop.has(".p2pignore"), "the patterns");
  await laptop.write("a.tmp", "a");
  await laptop.write("build/out.o", "o");
  await laptop.write("deep/build/in.o", "o");
  await laptop.write("keep.tmp", "k");
  await until(
    () => desktop.has("deep/build/in.o") && desktop.has("keep.tmp"),
    "what is not ignored",
  );
  await desktop.write("b.tmp", "b");
  await desktop.write("last.txt", "l");
  await until(() => laptop.has("last.txt"), "another file");
  assert(!desktop.has("a.tmp") && !desktop.has("build") && !laptop.has("b.tmp"));
  // What was synced before it was ignored is left alone on both sides.
  await laptop.write("old.bak", "o");
  await until(() => desktop.has("old.bak"), "the file");
  await laptop.write(".p2pignore", "*.tmp\n*.bak\n");
  await until(() => desktop.read(".p2pignore").includes("bak"), "the new patterns");
  await laptop.remove("old.bak");
  await laptop.write("after.txt", "a");
  await until(() => desktop.has("after.txt"), "another file");
  assert(desktop.has("old.bak"));
});

Deno.test("a name that is written in capitals instead arrives so, and is no conflict", async () => {
  await using sync = await startSync();
  const laptop = await sync.startDevice("laptop");
  const desktop = await sync.startDevice("desktop");
  await laptop.write("a.txt", "text");
  await laptop.write("docs/b.txt", "below");
  await sync.converge(laptop, desktop);
  await Deno.rename(laptop.join("a.txt"), laptop.join("A.txt"));
  await until(() => desktop.has("A.txt") && !desktop.has("a.txt"), "the file's new name");
  await Deno.rename(desktop.join("docs"), desktop.join("Docs"));
  await until(() => laptop.has("Docs/b.txt") && !laptop.has("docs"), "the folder's new name");
  await sync.converge(laptop, desktop);
  assertEquals(laptop.read("A.txt"), "text");
  for (const device of [laptop, desktop]) assertEquals([...await conflictsOf(device)], []);
});
