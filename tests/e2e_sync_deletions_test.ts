/** Deletions that nobody may have meant: they stop at the device that found them. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { TestDevice, TestFolder, TestSync } from "./devices.ts";
import { PRIVATE, startSync, until } from "./devices.ts";
import { keys, openTerminal, terminalTest } from "./pty.ts";
import { HOST } from "./swarm.ts";

const FILE_COUNT = 30;

/** A server and two devices with many files. */
async function withManyFiles(): Promise<[TestSync, TestDevice, TestDevice]> {
  const sync = await startSync();
  const laptop = await sync.startDevice("laptop");
  const desktop = await sync.startDevice("desktop");
  for (let index = 0; index < FILE_COUNT; index++) {
    await laptop.write(`photos/${index}.jpg`, `${index}`);
  }
  await laptop.write("notes.txt", "n");
  await sync.converge(laptop, desktop);
  return [sync, laptop, desktop];
}

/** The device that works in the folder stands still meanwhile, so that it sees all of it together. */
function removePhotos(folder: TestFolder): void {
  const pid = Number(folder.read(`${PRIVATE}/lock`));
  Deno.kill(pid, "SIGSTOP");
  for (let index = 0; index < FILE_COUNT - 5; index++) {
    Deno.removeSync(folder.join(`photos/${index}.jpg`));
  }
  Deno.kill(pid, "SIGCONT");
}

/** The device ends with one line that says what to do. */
async function assertStopped(device: TestDevice): Promise<void> {
  assertEquals(await device.process.exit(), 1);
  assertEquals(device.process.stderr.length, 1, device.process.stderr.join("\n"));
  assertMatch(device.process.stderr[0]!, /^p2pnode: Cannot [^\n]*--yes/);
}

Deno.test("when most of a folder goes, a device without a prompt stops, and --yes passes it on", async () => {
  const [sync, laptop, desktop] = await withManyFiles();
  await using _ = sync;
  removePhotos(laptop);
  await assertStopped(laptop);
  assertEquals(Object.keys(await desktop.tree()).length, FILE_COUNT + 2);
  // It is asked again at the next start, as nothing was decided.
  await assertStopped(await sync.launchDevice("laptop"));
  assertEquals(Object.keys(await desktop.tree()).length, FILE_COUNT + 2);
  const sure = await sync.startDevice("laptop", { flags: ["--yes"] });
  await sync.converge(sure, desktop);
  assertEquals(Object.keys(await desktop.tree()).length, 5 + 2);
});

Deno.test("most of a folder that goes while the device is away is noticed at its start", async () => {
  const [sync, laptop, desktop] = await withManyFiles();
  await using _ = sync;
  await laptop.stop();
  await laptop.remove("photos");
  await assertStopped(await sync.launchDevice("laptop"));
  assertEquals(Object.keys(await desktop.tree()).length, FILE_COUNT + 2);
});

Deno.test("a folder that is renamed is no deletion", async () => {
  const [sync, laptop, desktop] = await withManyFiles();
  await using _ = sync;
  await laptop.rename("photos", "pictures");
  await sync.converge(laptop, desktop);
  assert(desktop.has("pictures/0.jpg") && !desktop.has("photos"));
});

Deno.test("fewer deletions pass", async () => {
  const [sync, laptop, desktop] = await withManyFiles();
  await using _ = sync;
  for (let index = 0; index < 10; index++) await laptop.remove(`photos/${index}.jpg`);
  await sync.converge(laptop, desktop);
  assertEquals(Object.keys(await desktop.tree()).length, FILE_COUNT - 10 + 2);
});

Deno.test("an emptied sync folder comes back from the server", async () => {
  const [sync, laptop, desktop] = await withManyFiles();
  await using _ = sync;
  await laptop.stop();
  // With the index all memory of what was there is gone: nothing says that anything was deleted.
  for (const { name } of [...Deno.readDirSync(laptop.folder)]) await laptop.remove(name);
  const again = await sync.startDevice("laptop");
  await sync.converge(again, desktop);
  assertEquals(Object.keys(await again.tree()).length, FILE_COUNT + 2);
});

for (const what of ["moved away", "replaced by an empty folder"] as const) {
  Deno.test(`a sync folder that is ${what} under a device ends it and deletes nothing`, async () => {
    const [sync, laptop, desktop] = await withManyFiles();
    await using _ = sync;
    await Deno.rename(laptop.folder, sync.join("elsewhere"));
    if (what !== "moved away") await Deno.mkdir(laptop.folder);
    assertEquals(await laptop.process.exit(), 1);
    assertMatch(laptop.process.stderr.join("\n"), /^p2pnode: Cannot [^\n]+$/);
    assertEquals(Object.keys(await desktop.tree()).length, FILE_COUNT + 2);
    assert(!desktop.process.events.some((e) => e.event === "received" && e.kind === "absent"));
  });
}

const isRoot = Deno.build.os === "linux" && Deno.uid() === 0;

Deno.test({
  name: `a file system that is mounted on the sync folder, or taken off, deletes nothing${
    isRoot ? "" : " (skipped: only root can mount)"
  }`,
  ignore: !isRoot,
  fn: async () => {
    const [sync, laptop, desktop] = await withManyFiles();
    await using _ = sync;
    await laptop.stop();
    await system("mount", "-t", "tmpfs", "p2pnode-test", laptop.folder);
    let mountCount = 1;
    try {
      // The tmpfs is a new and empty folder, into which all comes from the server.
      const mounted = await sync.startDevice("laptop");
      await sync.converge(mounted, desktop);
      await system("umount", "--lazy", laptop.folder);
      mountCount--;
      assertEquals(await mounted.process.exit(), 1);
      assertEquals(Object.keys(await desktop.tree()).length, FILE_COUNT + 2);
      // Below it the old folder is as it was, with an index of its own.
      const back = await sync.startDevice("laptop");
      await sync.converge(back, desktop);
    } finally {
      if (mountCount > 0) await system("umount", "--lazy", laptop.folder);
    }
  },
});

async function system(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args }).output();
  if (!success) throw new Error(`${command} failed: ${new TextDecoder().decode(stderr)}`);
}

for (const answer of ["yes", "no"] as const) {
  terminalTest(`at a prompt the question about deletions is answered: ${answer}`, async () => {
    const [sync, laptop, desktop] = await withManyFiles();
    await using _ = sync;
    await laptop.stop();
    await using terminal = await openTerminal([
      ...["sync", "alice", HOST, String(sync.port)],
      ...["--dir", laptop.folder, "--device", "laptop"],
    ]);
    await terminal.until((lines) => lines.some((line) => line.startsWith("in sync: ")));
    removePhotos(laptop);
    await terminal.until((lines) => lines.some((line) => /^25 files .* went away here/.test(line)));
    assertEquals(Object.keys(await desktop.tree()).length, FILE_COUNT + 2);
    await terminal.type(`${answer}${keys.enter}`);
    const left = answer === "yes" ? 5 + 2 : FILE_COUNT + 2;
    await until(
      async () => Object.keys(await laptop.tree()).length === left,
      "the answer's effect",
    );
    await sync.converge(laptop, desktop);
    assertEquals(Object.keys(await desktop.tree()).length, left);
    await terminal.type(`exit${keys.enter}`);
    assertEquals(await terminal.end(), { code: 0, isRestored: true });
  });
}

Deno.test("the folder's own .p2pnode is its marker: without it nothing is deleted", async () => {
  const [sync, laptop, desktop] = await withManyFiles();
  await using _ = sync;
  await laptop.stop();
  await laptop.remove(PRIVATE);
  for (let index = 0; index < 3; index++) await laptop.remove(`photos/${index}.jpg`);
  await laptop.write("photos/9.jpg", "another picture");
  const again = await sync.startDevice("laptop");
  await sync.converge(again, desktop);
  assert(desktop.has("photos/0.jpg"), "what was missing came back");
  const texts = Object.keys(await desktop.tree()).filter((name) => name.startsWith("photos/9."))
    .map((name) => desktop.read(name));
  assertEquals(texts.toSorted(), ["9", "another picture"]);
});
