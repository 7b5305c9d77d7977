/** Two devices and a server of the compiled binary: changes go both ways, and nothing goes in vain. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { CountingProxy } from "./counting_proxy.ts";
import { startSync, until } from "./devices.ts";
import type { JsonEvent } from "./harness.ts";
import { MIB } from "./swarm.ts";

/** What an idle connection says in some seconds: pings, and long polls that end with nothing. */
const IDLE_BYTES = 2_000;

Deno.test("what is made, edited and deleted on one device is so on the other and on the server", async () => {
  await using sync = await startSync();
  const laptop = await sync.startDevice("laptop");
  const desktop = await sync.startDevice("desktop");
  await laptop.write("a.txt", "one");
  await laptop.write("docs/deep/b.bin", { size: 3 * MIB });
  await laptop.write("empty.txt", "");
  await sync.converge(laptop, desktop);
  assertEquals(desktop.read("a.txt"), "one");
  assert(desktop.has("empty.txt"));

  await desktop.write("a.txt", "two, and longer");
  await until(() => laptop.read("a.txt") === "two, and longer", "the edit");
  await laptop.remove("a.txt");
  await until(() => !desktop.has("a.txt"), "the deletion");
  await laptop.rename("docs", "papers/2026");
  await until(() => desktop.has("papers/2026/deep/b.bin") && !desktop.has("docs"), "the move");
  await sync.converge(laptop, desktop);
  assertEquals(Object.keys(await desktop.tree()), [
    "empty.txt",
    "papers",
    "papers/2026",
    "papers/2026/deep",
    "papers/2026/deep/b.bin",
  ]);
});

Deno.test("a device brings what it had, and gets what was there", async () => {
  await using sync = await startSync();
  await sync.folder("laptop").write("from-laptop.txt", "l");
  await sync.folder("desktop").write("from-desktop.txt", "d");
  const laptop = await sync.startDevice("laptop");
  await laptop.stop();
  const desktop = await sync.startDevice("desktop");
  await desktop.stop();
  const again = await sync.startDevice("laptop");
  await sync.converge(again, desktop);
  assertEquals(Object.keys(await again.tree()), ["from-desktop.txt", "from-laptop.txt"]);
});

Deno.test("empty folders, and whether a file may be executed, travel as well", async () => {
  await using sync = await startSync();
  const laptop = await sync.startDevice("laptop");
  const desktop = await sync.startDevice("desktop");
  await Deno.mkdir(laptop.join("empty/inside"), { recursive: true });
  await laptop.write("run.sh", "#!/bin/sh\n");
  await Deno.chmod(laptop.join("run.sh"), 0o755);
  const isExecutable = (path: string) => (Deno.statSync(path).mode! & 0o100) !== 0;
  // What is taken back before the device has noted it was never there.
  const fits = ({ name, executable }: JsonEvent) => name === "run.sh" && executable === true;
  await desktop.process.waitForEvent("received", { fits });
  await until(() => desktop.has("empty/inside"), "the folder");
  assert(isExecutable(desktop.join("run.sh")));
  await Deno.chmod(desktop.join("run.sh"), 0o644);
  await until(() => !isExecutable(laptop.join("run.sh")), "the change of mode");
  await desktop.remove("empty");
  await until(() => !laptop.has("empty"), "the removal of the folders");
});

Deno.test("what came from the server is not sent back, and a touched file sends nothing", async () => {
  await using sync = await startSync();
  const laptop = await sync.startDevice("laptop");
  await using proxy = new CountingProxy(sync.port);
  const desktop = await sync.startDevice("desktop", { port: proxy.port });
  await laptop.write("big.bin", { size: 2 * MIB });
  for (let index = 0; index < 50; index++) {
    await laptop.write(`many/${index}.bin`, { size: 10_000, seed: index });
  }
  await sync.converge(laptop, desktop);
  // All of the contents came down. Going up there are requests and nothing like them.
  assert(proxy.down > 2 * MIB, `${proxy.down} bytes came`);
  assert(proxy.up < 100_000, `${proxy.up} bytes went up while 2.5 MB came down`);

  await settled();
  const before = proxy.total;
  await Deno.utime(desktop.join("big.bin"), 1_000_000_000, 1_000_000_000);
  await Deno.utime(desktop.join("many/7.bin"), new Date(), new Date());
  await settled();
  assert(proxy.total - before < IDLE_BYTES, `${proxy.total - before} bytes for touched files`);
  const status = await desktop.command("status");
  assertEquals(status.find(({ event }) => event === "status")!.pending_up, 0);
});

Deno.test("a device that was away exchanges only what changed", async () => {
  await using sync = await startSync();
  const laptop = await sync.startDevice("laptop");
  for (let index = 0; index < 500; index++) {
    await laptop.write(`many/${index}.bin`, { size: 2_000, seed: index });
  }
  const desktop = await sync.startDevice("desktop");
  await sync.converge(laptop, desktop);
  await desktop.stop();
  await laptop.write("many/3.bin", "changed");
  await laptop.remove("many/4.bin");
  await desktop.write("new.txt", "new");
  await laptop.synced(0);
  await using proxy = new CountingProxy(sync.port);
  const again = await sync.startDevice("desktop", { port: proxy.port });
  await sync.converge(laptop, again);
  assert(proxy.total < 20_000, `${proxy.total} bytes for three changes`);
});

Deno.test("two users know nothing of each other", async () => {
  await using sync = await startSync();
  const alice = await sync.startDevice("laptop");
  const bob = await sync.startDevice("tablet", { user: "bob" });
  await alice.write("hers.txt", "a");
  await bob.write("his.txt", "b");
  await until(
    () => sync.folder("server").has("alice/hers.txt") && sync.folder("server").has("bob/his.txt"),
    "both files",
  );
  assertEquals(Object.keys(await alice.tree()), ["hers.txt"]);
  assertEquals(Object.keys(await bob.tree()), ["his.txt"]);
});

Deno.test("events tell scripts what is going on", async () => {
  await using sync = await startSync();
  const laptop = await sync.startDevice("laptop");
  const desktop = await sync.startDevice("desktop");
  const online = laptop.process.events.find(({ event }) => event === "online")!;
  assertEquals(online, {
    event: "online",
    user: "alice",
    device: "laptop",
    host: "127.0.0.1",
    port: sync.port,
    folder: laptop.folder,
  });
  await laptop.write("a.txt", "hello");
  const fits = ({ name }: { readonly [field: string]: unknown }) => name === "a.txt";
  const sent = await laptop.process.waitForEvent("sent", { fits });
  const received = await desktop.process.waitForEvent("received", { fits });
  assertEquals({ ...received, event: "sent" }, sent);
  assertEquals([sent.kind, sent.size, sent.executable], ["file", 5, false]);
  // SHA-256 of a file that fits into one leaf is its root.
  assertEquals(sent.id, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  assertMatch(String(sent.version), /^[0-9a-f]{16}:1$/);
});

/** Waits for longer than anything that a change starts would take to begin. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1_500));
}
