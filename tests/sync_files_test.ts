/** Upload, download and delete in a real folder, without a server. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { SyncFiles } from "../node/command/sync_files.ts";
import { systemClock as clock } from "../node/platform/clock.ts";
import { ChangeWorker } from "../node/platform/change_worker.ts";
import { localFiles } from "../node/platform/local_files.ts";
import { openLiveFolder } from "../node/platform/live_folder.ts";
import type { SyncClient } from "../node/sync/client.ts";
import { temporaryFolder } from "./files.ts";

/** A folder with the commands on it, and a place outside. */
async function startFiles() {
  await using resources = new AsyncDisposableStack();
  const outer = resources.use(temporaryFolder());
  const changes = resources.use(new ChangeWorker());
  const folder = resources.use(await openLiveFolder(outer.join("sync"), { create: true, changes }));
  const hints: string[] = [];
  const client = {
    changed: (hint: readonly string[]) => void hints.push(...hint),
    entry: () => undefined,
  } as unknown as SyncClient;
  const temporaryPath = () => folder.area.temporaryPath();
  const files = new SyncFiles({ client, folder, files: localFiles, temporaryPath, clock });
  Deno.mkdirSync(outer.join("out"));
  const kept = resources.move();
  return {
    files,
    hints,
    inside: (path: string) => outer.join("sync", path),
    outside: (path: string) => outer.join("out", path),
    /** What is left of files on their way. */
    leftovers: () => [...Deno.readDirSync(outer.join("sync/.p2pnode/parts"))].map((e) => e.name),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

Deno.test("upload() adds, knows what is there, and replaces only when told to", async () => {
  await using world = await startFiles();
  const { files, inside, outside, hints } = world;
  Deno.writeTextFileSync(outside("a.txt"), "one");
  const first = await files.upload(outside("a.txt"), { replace: false });
  assertEquals(first, { name: "a.txt", outcome: "added", size: 3 });
  assertEquals(hints, ["a.txt"]);
  const again = await files.upload(outside("a.txt"), { replace: false });
  assertEquals(again.outcome, "was here");
  Deno.writeTextFileSync(outside("a.txt"), "two!");
  await assertRejects(
    () => files.upload(outside("a.txt"), { replace: false }),
    Error,
    `Cannot upload ${outside("a.txt")}: the folder has another a.txt`,
  );
  assertEquals(Deno.readTextFileSync(inside("a.txt")), "one");
  const replaced = await files.upload(outside("a.txt"), { replace: true });
  assertEquals(replaced, { name: "a.txt", outcome: "replaced", size: 4 });
  assertEquals(Deno.readTextFileSync(inside("a.txt")), "two!");
  assertEquals(world.leftovers(), []);
});

Deno.test("upload() of what is in the folder already does nothing to it", async () => {
  await using world = await startFiles();
  const { files, inside } = world;
  Deno.mkdirSync(inside("docs"));
  Deno.writeTextFileSync(inside("docs/a.txt"), "one");
  const uploaded = await files.upload(inside("docs/a.txt"), { replace: false });
  assertEquals(uploaded, { name: "docs/a.txt", outcome: "was here", size: 3 });
  await assertRejects(
    () => files.upload(inside(".p2pnode/lock"), { replace: false }),
    Error,
    ".p2pnode is p2pnode's own",
  );
});

Deno.test("upload() never takes the place of a folder, nor of a link", async () => {
  await using world = await startFiles();
  const { files, inside, outside } = world;
  for (const name of ["a", "b"]) Deno.writeTextFileSync(outside(name), "x");
  Deno.mkdirSync(inside("a"));
  Deno.symlinkSync(outside("a"), inside("b"));
  for (const name of ["a", "b"]) {
    await assertRejects(
      () => files.upload(outside(name), { replace: true }),
      Error,
      "Cannot upload",
    );
  }
  assert(Deno.lstatSync(inside("a")).isDirectory);
  assert(Deno.lstatSync(inside("b")).isSymlink);
  assertEquals(world.leftovers(), []);
});

Deno.test("download() copies into a folder or to a name, and not into the synced folder", async () => {
  await using world = await startFiles();
  const { files, inside, outside } = world;
  Deno.writeTextFileSync(inside("a.txt"), "one");
  const path = Deno.realPathSync(outside("")) + "/a.txt";
  assertEquals(await files.download("a.txt", outside("")), { path, size: 3, wasHere: false });
  assertEquals((await files.download("a.txt", outside("a.txt"))).wasHere, true);
  assertEquals(Deno.readTextFileSync(outside("a.txt")), "one");
  await assertRejects(
    () => files.download("a.txt", inside("b.txt")),
    Error,
    "is in the synced folder",
  );
  await assertRejects(() => files.download("b.txt", outside("")), Error, "there is no such file");
  await assertRejects(() => files.download("../x", outside("")), Error, "Cannot use the name");
});

Deno.test("delete() takes a folder with all that is in it", async () => {
  await using world = await startFiles();
  const { files, inside, hints } = world;
  Deno.mkdirSync(inside("docs/deep"), { recursive: true });
  for (const name of ["docs/a", "docs/deep/b", "docs-too"]) {
    Deno.writeTextFileSync(inside(name), "x");
  }
  assertEquals(await files.delete("docs"), 2);
  assertEquals([...new Set(hints)].toSorted(), ["docs", "docs/a", "docs/deep", "docs/deep/b"]);
  const left = [...Deno.readDirSync(inside(""))].map(({ name }) => name).toSorted();
  assertEquals(left, [".p2pnode", "docs-too"]);
  await assertRejects(
    () => files.delete("docs"),
    Error,
    "Cannot delete docs: there is no such file",
  );
});

Deno.test("delete() leaves what is not synced, and says so", async () => {
  await using world = await startFiles();
  const { files, inside } = world;
  Deno.mkdirSync(inside("docs"));
  Deno.symlinkSync("nowhere", inside("docs/link"));
  await assertRejects(() => files.delete("docs"), Error, "something in it is not synced");
  assert(Deno.lstatSync(inside("docs/link")).isSymlink);
});
