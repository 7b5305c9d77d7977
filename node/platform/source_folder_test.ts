import { assert, assertEquals, assertRejects } from "@std/assert";
import { temporaryFolder } from "../../tests/files.ts";
import type { SourceEntry, SourceFolder } from "../copy/source/ports.ts";
import { StageWorkers } from "./local_stage.ts";
import { openSourceFolder } from "./source_folder.ts";

async function walk(folder: SourceFolder, path = ""): Promise<SourceEntry[]> {
  const found: SourceEntry[] = [];
  const { signal } = new AbortController();
  for await (const batch of folder.walk(path, { signal })) found.push(...batch);
  return found;
}

/** What was found by path, in words. */
function inWords(entries: readonly SourceEntry[]): Record<string, string> {
  const words = entries.map(({ path, kind, size, executable, target }): [string, string] => {
    const what = kind === "file" ? `${size}${executable ? " executable" : ""}` : target;
    return [path, `${kind} ${what}`.trimEnd()];
  });
  return Object.fromEntries(words.sort(([a], [b]) => a < b ? -1 : 1));
}

Deno.test("walk() finds files, folders, links that stay inside, and says what it leaves out", async () => {
  using temporary = temporaryFolder();
  const root = temporary.join("root");
  Deno.mkdirSync(`${root}/dir/empty`, { recursive: true });
  Deno.mkdirSync(temporary.join("outside"));
  Deno.writeTextFileSync(temporary.join("outside/secret"), "secret");
  Deno.writeTextFileSync(`${root}/dir/run.sh`, "#!", { mode: 0o755 });
  Deno.writeTextFileSync(`${root}/file`, "text");
  Deno.mkdirSync(`${root}/.p2pnode`);
  Deno.writeTextFileSync(`${root}/.p2pnode/key`, "private");
  const links = {
    "dir/up": "../file",
    "dangling": "not/here",
    "to-folder": "dir",
    "out": "../outside/secret",
    "absolute": "/etc/passwd",
    "own": ".p2pnode/key",
    "behind": "dir/../../outside/secret",
  };
  for (const [path, target] of Object.entries(links)) Deno.symlinkSync(target, `${root}/${path}`);
  new Deno.Command("mkfifo", { args: [`${root}/pipe`] }).outputSync();
  const found = await walk(await openSourceFolder(root));
  assertEquals(inWords(found), {
    "absolute": "skipped it is a link that leads out of the tree",
    "behind": "skipped it is a link whose target cannot be used",
    "dangling": "link not/here",
    "dir": "folder",
    "dir/empty": "folder",
    "dir/run.sh": "file 2 executable",
    "dir/up": "link ../file",
    "file": "file 4",
    "out": "skipped it is a link that leads out of the tree",
    "own": "skipped it is a link whose target cannot be used",
    "pipe": "skipped it is a pipe",
    "to-folder": "link dir",
  });
});

Deno.test("walk() leaves out links that lead outside by way of others", async () => {
  using temporary = temporaryFolder();
  const root = temporary.join("root");
  Deno.mkdirSync(root);
  Deno.writeTextFileSync(temporary.join("secret"), "secret");
  Deno.symlinkSync("..", `${root}/up`);
  Deno.symlinkSync("up/secret", `${root}/detour`);
  assertEquals(inWords(await walk(await openSourceFolder(root))), {
    "detour": "skipped it is a link that leads out of the tree, by way of another",
    "up": "skipped it is a link that leads out of the tree",
  });
});

Deno.test("problemAt() refuses what leads out, also through links", async () => {
  using temporary = temporaryFolder();
  const root = temporary.join("root");
  Deno.mkdirSync(`${root}/dir/sub`, { recursive: true });
  Deno.writeTextFileSync(`${root}/file`, "text");
  Deno.symlinkSync(temporary.path, `${root}/link`);
  const folder = await openSourceFolder(root);
  const reasons = (path: string) => folder.problemAt(path)?.reason;
  assertEquals(["", "dir", "dir/sub", "file"].map(reasons), Array(4).fill(undefined));
  for (const path of ["..", "dir/../..", "/", "/etc", `${root}/dir`, "a/../../b"]) {
    assertEquals(folder.problemAt(path)?.reason, "it leads out of what is served");
  }
  assertEquals(reasons("link"), "link is a symbolic link");
  assertEquals(reasons("link/root/dir"), "link is a symbolic link");
  assertEquals(folder.problemAt("missing/deep")?.isAbsent, true);
  assertEquals(folder.problemAt("file/deep")?.isAbsent, true);
  assertEquals(reasons(".p2pnode/key"), ".p2pnode is p2pnode's own");
  assert(reasons("dir//sub") !== undefined && reasons("dir/\n") !== undefined);
});

Deno.test("nothing outside is listed or hashed where a folder becomes a link in the middle", async () => {
  using temporary = temporaryFolder();
  const root = temporary.join("root");
  Deno.mkdirSync(`${root}/dir/sub`, { recursive: true });
  Deno.mkdirSync(temporary.join("outside/sub"), { recursive: true });
  Deno.writeTextFileSync(`${root}/dir/sub/file`, "inside");
  Deno.writeTextFileSync(temporary.join("outside/sub/file"), "secret");
  Deno.writeTextFileSync(temporary.join("outside/sub/other"), "secret");
  using workers = new StageWorkers({ size: 1 });
  const folder = await openSourceFolder(root);
  const before = (await walk(folder)).find(({ path }) => path === "dir/sub/file")!;
  Deno.renameSync(`${root}/dir`, `${root}/moved`);
  Deno.symlinkSync(temporary.join("outside"), `${root}/dir`);
  assertEquals(Object.keys(inWords(await walk(folder))), [
    "dir",
    "moved",
    "moved/sub",
    "moved/sub/file",
  ]);
  assertEquals(inWords(await walk(folder, "dir/sub")), {
    "dir/sub": "skipped it was replaced while it was read",
  });
  assertEquals(await folder.state("dir/sub/file", new AbortController().signal), undefined);
  const contents = workers.openReader(root);
  const path = folder.pathOf(before.path);
  const file = { path, size: before.size, expect: before.stamp };
  const [hashed] = await Array.fromAsync(contents.hashFiles([file]));
  assertEquals("error" in hashed! && hashed.code, "changed");
  const read = await contents.read(
    [{ path, id: new Uint8Array(32), size: 6, stamp: before.stamp }],
    new ArrayBuffer(6),
  );
  assertEquals(read.present, [false]);
});

Deno.test("a single file is offered under its own name, and nothing beside it", async () => {
  using temporary = temporaryFolder();
  Deno.writeTextFileSync(temporary.join("one.txt"), "one");
  Deno.writeTextFileSync(temporary.join("two.txt"), "two");
  const folder = await openSourceFolder(temporary.join("one.txt"));
  assertEquals(inWords(await walk(folder)), { "one.txt": "file 3" });
  assertEquals(inWords(await walk(folder, "one.txt")), { "one.txt": "file 3" });
  assertEquals(folder.problemAt("one.txt"), undefined);
  assertEquals(folder.problemAt("two.txt")?.isAbsent, true);
  assertEquals(folder.problemAt("../two.txt")?.isAbsent, false);
  const stopping = new AbortController();
  const hints = folder.watch(stopping.signal)[Symbol.asyncIterator]();
  const hint = hints.next();
  Deno.writeTextFileSync(temporary.join("one.txt"), "changed");
  assertEquals((await hint).value, ["one.txt"]);
  stopping.abort();
  assertEquals((await hints.next()).done, true);
});

Deno.test("openSourceFolder() says why there is nothing to serve", async () => {
  using temporary = temporaryFolder();
  const missing = temporary.join("missing");
  await assertRejects(() => openSourceFolder(missing), Error, `Cannot serve ${missing}: there is`);
  new Deno.Command("mkfifo", { args: [temporary.join("pipe")] }).outputSync();
  await assertRejects(() => openSourceFolder(temporary.join("pipe")), Error, "it is a pipe");
});
