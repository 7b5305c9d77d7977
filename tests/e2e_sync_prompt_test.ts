/** The commands of a sync client, end to end: from a pipe, and at the prompt of a terminal. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { TestDevice, TestSync } from "./devices.ts";
import { bytesOf, startSync, until } from "./devices.ts";
import { type JsonEvent, run } from "./harness.ts";
import { keys, openTerminal, terminalTest } from "./pty.ts";
import { HOST, MIB } from "./swarm.ts";

const PROMPT = "p2pnode> ";

/** Two devices that are in sync, and a folder that is nobody's. */
async function startTwo(): Promise<[TestSync, TestDevice, TestDevice]> {
  const sync = await startSync();
  await Deno.mkdir(sync.join("outside"));
  return [sync, await sync.startDevice("laptop"), await sync.startDevice("desktop")];
}

/** What a command told, among what the device told of its own accord meanwhile. */
function the(name: string, events: readonly JsonEvent[]): JsonEvent {
  return events.find(({ event }) => event === name)!;
}

/** Waits until a device knows that it has a file: it is on the disk a moment before. */
async function received({ process }: TestDevice, path: string): Promise<void> {
  await process.waitForEvent("received", { fits: ({ name }) => name === path });
}

Deno.test("upload copies a file from anywhere onto all devices", async () => {
  const [sync, laptop, desktop] = await startTwo();
  await using _ = sync;
  const outside = sync.folder("outside");
  await outside.write("my report.txt", "r");
  await Deno.chmod(outside.join("my report.txt"), 0o755);
  await laptop.command(`upload "${outside.join("my report.txt")}"`);
  await until(() => desktop.has("my report.txt"), "the file");
  assertEquals(Deno.statSync(desktop.join("my report.txt")).mode! & 0o100, 0o100);
  assert(outside.has("my report.txt"));
  // The same file again is no news, another one of that name is not put in its place unasked.
  const again = await laptop.command(`upload "${outside.join("my report.txt")}"`);
  assertEquals(the("uploaded", again).outcome, "was here");
  await outside.write("my report.txt", "r, second edition");
  const refused = await laptop.try(`upload "${outside.join("my report.txt")}"`);
  assertMatch(
    refused.error!,
    /^Cannot upload .*: the folder has another my report\.txt \(.*--replace/,
  );
  assertEquals(laptop.read("my report.txt"), "r");
  await laptop.command(`upload "${outside.join("my report.txt")}" --replace`);
  await until(() => desktop.read("my report.txt") === "r, second edition", "the new edition");
});

Deno.test("upload refuses what is no file", async () => {
  const [sync, laptop] = await startTwo();
  await using _ = sync;
  await new Deno.Command("mkfifo", { args: [sync.join("pipe")] }).output();
  for (
    const [line, error] of [
      [`upload ${sync.join("nothing.txt")}`, /there is no such file/],
      [`upload ${sync.join("outside")}`, /it is a folder/],
      [`upload ${sync.join("pipe")}`, /it is a pipe/],
      ["upload", /something is missing \(upload PATH/],
      ["upload a b", /too much \(upload PATH.*quotes\)/],
    ] as const
  ) {
    const { error: message } = await laptop.try(line);
    assertMatch(message!, /^Cannot upload/);
    assertMatch(message!, error);
  }
});

Deno.test("download copies a file to a place outside the folder", async () => {
  const [sync, laptop, desktop] = await startTwo();
  await using _ = sync;
  await laptop.write("docs/a.bin", { size: 300_000 });
  await sync.converge(laptop, desktop);
  const outside = sync.folder("outside");
  await desktop.command(`download docs/a.bin ${outside.folder}`);
  assertEquals(Deno.readFileSync(outside.join("a.bin")), bytesOf({ size: 300_000 }));
  await desktop.command(`download docs/a.bin ${outside.join("b.bin")}`);
  const same = await desktop.command(`download docs/a.bin ${outside.join("b.bin")}`);
  assertEquals(the("downloaded", same).was_here, true);
  await outside.write("c.bin", "another file");
  const taken = await desktop.try(`download docs/a.bin ${outside.join("c.bin")}`);
  assertMatch(taken.error!, /^Cannot write .*c\.bin: it exists already/);
  const inside = await desktop.try(`download docs/a.bin ${desktop.join("copy.bin")}`);
  assertMatch(inside.error!, /is in the synced folder/);
  assertMatch(
    (await desktop.try("download nothing.txt")).error!,
    /list_server shows what there is/,
  );
  assertEquals([...Deno.readDirSync(outside.folder)].length, 3);
});

Deno.test("download fetches what is on the server and not here", async () => {
  const [sync, laptop, desktop] = await startTwo();
  await using _ = sync;
  await desktop.write(".p2pignore", "*.iso\n");
  await sync.converge(laptop, desktop);
  await laptop.stop();
  // This device's own patterns are not there yet when it brings the file.
  await laptop.remove(".p2pignore");
  const other = await sync.startDevice("other", { user: "bob" });
  await other.write("large.iso", { size: 2 * MIB });
  await sync.converge().catch(() => {});
  await until(() => sync.folder("server").has("bob/large.iso"), "the file");
  const tablet = sync.folder("tablet");
  await tablet.write(".p2pignore", "*.iso\n");
  const second = await sync.startDevice("tablet", { user: "bob" });
  assert(!second.has("large.iso"));
  await second.command(`download large.iso ${sync.join("outside")}`);
  assertEquals(Deno.readFileSync(sync.join("outside", "large.iso")), bytesOf({ size: 2 * MIB }));
});

Deno.test("lists show what is here and what is on the server", async () => {
  const [sync, laptop, desktop] = await startTwo();
  await using _ = sync;
  await laptop.write("docs/a.txt", "hello");
  await received(desktop, "docs/a.txt");
  for (const command of ["list_client", "list_server"]) {
    const entries = (await desktop.command(command)).filter(({ event }) => event === "entry");
    assertEquals(entries.map(({ name, kind, size }) => [name, kind, size]), [
      ["docs", "folder", undefined],
      ["docs/a.txt", "file", 5],
    ]);
  }
  assertEquals(the("sync_dir", await desktop.command("get_sync_dir")).path, desktop.folder);
});

Deno.test("delete deletes on all devices, a folder with all that is in it", async () => {
  const [sync, laptop, desktop] = await startTwo();
  await using _ = sync;
  const names = ["a.txt", "docs/b.txt", "docs/deep/c.txt"];
  for (const name of names) await laptop.write(name, name);
  await Promise.all(names.map((name) => received(desktop, name)));
  await desktop.command("delete a.txt");
  assertEquals(the("deleted", await desktop.command("delete docs")).files, 2);
  await until(() => !laptop.has("a.txt") && !laptop.has("docs"), "the deletions");
  assertMatch(
    (await desktop.try("delete a.txt")).error!,
    /^Cannot delete a\.txt: there is no such file/,
  );
  assertMatch((await desktop.try("delete ../outside")).error!, /^Cannot use the name/);
  assert(sync.folder("outside").has(""));
});

Deno.test("versions and restore bring back what was overwritten or deleted", async () => {
  const [sync, laptop, desktop] = await startTwo();
  await using _ = sync;
  for (const text of ["one", "two", "three"]) {
    await laptop.replace("a.txt", text);
    await until(() => desktop.has("a.txt") && desktop.read("a.txt") === text, text);
  }
  const versions = (await desktop.command("versions a.txt")).filter((e) => e.event === "version");
  assertEquals(versions.map(({ number, size }) => [number, size]), [[2, 3], [1, 3]]);
  assertEquals(versions.map(({ device }) => device), ["laptop", "laptop"]);
  await desktop.command("restore a.txt 1");
  await until(() => laptop.read("a.txt") === "one", "the first version");
  await laptop.remove("a.txt");
  await until(() => !desktop.has("a.txt"), "the deletion");
  await desktop.command("restore a.txt");
  await until(() => laptop.has("a.txt") && laptop.read("a.txt") === "one", "the deleted file");
  assertMatch((await desktop.try("restore a.txt 99")).error!, /^Cannot restore/);
  assertMatch((await desktop.try("restore a.txt x")).error!, /is no version number/);
  assertMatch((await desktop.try("restore nothing.txt")).error!, /keeps no old version/);
});

Deno.test("the server keeps as many old versions as it was told to", async () => {
  await using sync = await startSync("--keep-versions", "2");
  const laptop = await sync.startDevice("laptop");
  for (let index = 0; index < 5; index++) {
    const from = laptop.process.lines.length;
    await laptop.replace("a.txt", `text ${index}`);
    await laptop.process.waitForEvent("sent", { from, fits: ({ name }) => name === "a.txt" });
  }
  await until(async () => {
    const versions = (await laptop.command("versions a.txt")).filter((e) => e.event === "version");
    return versions.map(({ number }) => number).join() === "4,3";
  }, "the two newest versions");
});

Deno.test("a script can upload and leave: exit waits until all is stored", async () => {
  await using sync = await startSync();
  await Deno.writeFile(sync.join("large.bin"), bytesOf({ size: 30 * MIB }));
  const client = await sync.start(
    ["sync", "alice", HOST, String(sync.port), "--dir", sync.join("laptop"), "--device", "l"],
    { stdin: "piped" },
  );
  await client.write(`upload ${sync.join("large.bin")}\nfrobnicate\nlsit_server\n\nhelp\nexit`);
  assertEquals(await client.exit(), 0);
  assertEquals(client.stderr, []);
  const stored = Deno.readFileSync(sync.join("server/alice/large.bin"));
  assertEquals(stored, bytesOf({ size: 30 * MIB }));
  const shown = client.stdout.join("\n");
  assertMatch(shown, /^added large\.bin \(30 MiB\)$/m);
  assertMatch(shown, /^Cannot run "frobnicate": unknown command \(help lists the commands\)$/m);
  assertMatch(shown, /^Cannot run "lsit_server": unknown command \(did you mean list_server\?\)$/m);
  assertMatch(shown, /^exit +leave, once/m);
});

Deno.test("the end of a pipe ends no client, and SIGTERM ends it with exit code 0", async () => {
  await using sync = await startSync();
  const client = await sync.start(
    ["sync", "alice", HOST, String(sync.port), "--dir", sync.join("laptop"), "--device", "l"],
    { stdin: "piped" },
  );
  await client.write("get_sync_dir");
  await client.closeInput();
  await client.waitForLine(/laptop$/);
  await client.waitForLine(/^in sync: 0 files, 0 B$/);
  await sync.folder("laptop").write("a.txt", "a");
  await client.waitForLine(/^sent a\.txt \(1 B\)$/);
  client.signal("SIGTERM");
  assertEquals(await client.exit(), 0);
});

Deno.test("nothing that a user meets has control characters of somebody else's", async () => {
  await using sync = await startSync();
  const client = await sync.start(
    [
      ...["sync", "alice", HOST, String(sync.port)],
      ...["--dir", sync.join("laptop"), "--device", "l", "--rescan", "1"],
    ],
    { stdin: "piped" },
  );
  await client.waitForLine(/^in sync/);
  await sync.folder("laptop").write("\x1b[31mred\u202etxt.exe", "r");
  await sync.folder("laptop").write("after.txt", "a");
  await client.waitForLine(/^sent after\.txt/);
  await client.write("conflicts");
  await client.waitForLine(/\\x1b\[31mred/);
  // deno-lint-ignore no-control-regex -- that there is none is the point
  assert(client.lines.every(({ text }) => !/[\x00-\x08\x0b-\x1f\u202e]/.test(text)));
});

terminalTest("a sync client's prompt: lists, completion, and the terminal as it was", async () => {
  await using sync = await startSync();
  const desktop = await sync.startDevice("desktop");
  await desktop.write("movie with blanks.bin", { size: 3 * MIB });
  await using terminal = await openTerminal([
    ...["sync", "alice", HOST, String(sync.port)],
    ...["--dir", sync.join("laptop"), "--device", "laptop"],
  ]);
  const shows = (pattern: RegExp) => (lines: string[]) => lines.some((line) => pattern.test(line));
  await terminal.until(shows(/^got movie with blanks\.bin \(3 MiB\)$/));
  await terminal.type(`list_s${keys.tab}${keys.enter}`);
  await terminal.until(shows(/^name +size +id +version$/));
  await terminal.until(shows(/^movie with blanks\.bin +3 MiB +[0-9a-f]{16} +[0-9a-f]{4}:1$/));
  await terminal.type(`status${keys.enter}`);
  await terminal.until(shows(/^user +alice at 127\.0\.0\.1:\d+$/));
  await terminal.until(shows(/^connected +.*laptop \(this one\)/));
  await terminal.until(shows(/^pending +0 up, 0 down$/));
  await terminal.type(`down${keys.tab}mov${keys.tab}${sync.join("out.bin")}${keys.enter}`);
  await until(() => sync.folder("out.bin").has(""), "the copy");
  await terminal.until((_, before) => before === PROMPT);
  await terminal.type(`exit${keys.enter}`);
  assertEquals(await terminal.end(), { code: 0, isRestored: true });
});

for (const [name, key] of [["Ctrl-C", keys.ctrlC], ["Ctrl-D", keys.ctrlD]] as const) {
  terminalTest(
    `${name} at a sync client's prompt leaves, and the terminal is as it was`,
    async () => {
      await using sync = await startSync();
      await using terminal = await openTerminal([
        ...["sync", "alice", HOST, String(sync.port)],
        ...["--dir", sync.join("laptop"), "--device", "laptop"],
      ]);
      await terminal.until((_, before) => before === PROMPT);
      await terminal.type(key);
      assertEquals(await terminal.end(), { code: 0, isRestored: true });
      // Its place is free again.
      for (const device of ["a", "b"]) await sync.startDevice(device);
    },
  );
}

Deno.test("wrong usage of sync and sync-server: one line, exit code 2", async () => {
  for (
    const args of [
      ["sync"],
      ["sync", "alice"],
      ["sync", "alice", HOST, "seventy"],
      ["sync", "alice", HOST, "--device", "my laptop"],
      ["sync", "alice", HOST, "--rescan", "0"],
      ["sync-server", "7000"],
      ["sync-server", "70000", "data"],
      ["sync-server", "7000", "data", "--keep-versions", "-1"],
    ]
  ) {
    const { code, stdout, stderr } = await run(args);
    assertEquals([code, stdout], [2, ""], args.join(" "));
    assertMatch(stderr, /^p2pnode: Cannot [^\n]+$/);
  }
});
