/** Who gets a place at the server: at most two devices of a user, and names that are names. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { CountingProxy } from "./counting_proxy.ts";
import { startSync, until, USER } from "./devices.ts";
import { run } from "./harness.ts";
import { HOST } from "./swarm.ts";

const REFUSED = /^p2pnode: Cannot [^\n]*two devices[^\n]*$/;

Deno.test("a third device is refused with one line and exit code 1, and learns no file name", async () => {
  await using sync = await startSync();
  const laptop = await sync.startDevice("laptop");
  await sync.startDevice("desktop");
  await laptop.write("secret-name.txt", "s");
  await laptop.synced(0);
  await using proxy = new CountingProxy(sync.port);
  const third = await sync.launchDevice("tablet", { port: proxy.port });
  assertEquals(await third.process.exit(), 1);
  assertEquals(third.process.stderr.length, 1);
  assertMatch(third.process.stderr[0]!, REFUSED);
  // The folder was made for nothing, and is gone again.
  assert(![...Deno.readDirSync(sync.join())].some(({ name }) => name === "tablet"));
  assert(proxy.down < 1_000, `${proxy.down} bytes for a device that is refused`);
});

Deno.test("a device that is refused leaves a folder alone that was there before", async () => {
  await using sync = await startSync();
  for (const name of ["laptop", "desktop"]) await sync.startDevice(name);
  const before = sync.folder("tablet");
  await before.write("mine.txt", "m");
  const third = await sync.launchDevice("tablet");
  assertEquals(await third.process.exit(), 1);
  assertEquals(before.read("mine.txt"), "m");
});

Deno.test("of two devices that race for the last place, one gets it", async () => {
  await using sync = await startSync();
  await sync.startDevice("laptop");
  const racers = await Promise.all(["r1", "r2", "r3"].map((name) => sync.launchDevice(name)));
  const codes = await Promise.all(racers.map(({ process }) =>
    Promise.race([
      process.exit().then((code) => code),
      process.waitForEvent("synced").then(() => "in sync", () => process.exit()),
    ])
  ));
  assertEquals(codes.toSorted(), [1, 1, "in sync"]);
});

Deno.test("a device that goes away frees its place at once, also one that is killed", async () => {
  await using sync = await startSync();
  await sync.startDevice("laptop");
  const desktop = await sync.startDevice("desktop");
  await desktop.stop();
  const tablet = await sync.startDevice("tablet");
  await tablet.kill();
  const phone = await sync.startDevice("phone");
  // The same device, which crashed and comes again, does not compete with its own past.
  await phone.kill();
  await sync.startDevice("phone");
});

Deno.test("a folder has one process at a time", async () => {
  await using sync = await startSync();
  await sync.startDevice("laptop");
  const second = await sync.launchDevice("laptop");
  assertEquals(await second.process.exit(), 1);
  assertMatch(
    second.process.stderr.join("\n"),
    /^p2pnode: Cannot use .*: another p2pnode works in it/,
  );
});

Deno.test("of two copies of a folder the later one has the place, and the other ends", async () => {
  await using sync = await startSync();
  const laptop = await sync.startDevice("laptop");
  await laptop.stop();
  await new Deno.Command("cp", { args: ["-a", laptop.folder, sync.join("copy")] }).output();
  const again = await sync.startDevice("laptop");
  await sync.startDevice("copy");
  assertEquals(await again.process.exit(), 1);
  assertMatch(again.process.stderr.join("\n"), /^p2pnode: Cannot [^\n]* connected again [^\n]*$/);
});

Deno.test("status names the connected devices", async () => {
  await using sync = await startSync();
  const laptop = await sync.startDevice("laptop");
  await sync.startDevice("desktop");
  const events = await laptop.command("status");
  const status = events.find(({ event }) => event === "status")!;
  assertEquals(
    (status.devices as { name: string; self: boolean }[])
      .map(({ name, self }) => ({ name, self })).toSorted((a, b) => a.name < b.name ? -1 : 1),
    [{ name: "desktop", self: false }, { name: "laptop", self: true }],
  );
});

for (
  const user of ["../bob", "..", ".hidden", "a/b", "", "x".repeat(65), "al ice", "a\nb", "alicé"]
) {
  Deno.test(`the user name ${JSON.stringify(user)} is a wrong usage`, async () => {
    await using sync = await startSync();
    const { code, stdout, stderr } = await run([
      ...["sync", user, HOST, String(sync.port)],
      ...["--dir", sync.join("laptop")],
    ]);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, /^p2pnode: Cannot [^\n]+$/);
    assert(!sync.folder("laptop").has(""), "no folder is made");
    assertEquals(Object.keys(await sync.folder("server").tree()), []);
    assert(!sync.folder("bob").has(""));
  });
}

Deno.test("sync works with the longest name, and with the default folder", async () => {
  await using sync = await startSync();
  const user = `-.${"x".repeat(62)}`;
  await Deno.mkdir(sync.join("cwd"));
  const device = await sync.start(
    ["sync", "--json", "--device", "d", "--", user, HOST, String(sync.port)],
    { cwd: sync.join("cwd") },
  );
  await device.waitForEvent("synced");
  await Deno.writeTextFile(sync.join("cwd", `sync_dir_${user}`, "a.txt"), "a");
  await until(() => sync.folder("server").has(`${user}/a.txt`), "the file");
});

Deno.test("two servers cannot have one data folder", async () => {
  await using sync = await startSync();
  const { code, stderr } = await run(["sync-server", "0", sync.dataFolder, "--host", HOST]);
  assertEquals(code, 1);
  assertMatch(stderr, /^p2pnode: Cannot use .*: another p2pnode works in it/);
});

Deno.test("a device waits for a server that is not there yet, and says so once", async () => {
  await using sync = await startSync();
  await sync.killServer();
  const laptop = await sync.launchDevice("laptop");
  await laptop.process.waitForEvent("offline");
  await laptop.write("a.txt", "a");
  await sync.startServer();
  await until(() => sync.folder("server").has(`${USER}/a.txt`), "the file");
});
