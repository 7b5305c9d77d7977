/** What goes over the wire: only what the other side lacks, and nothing twice. */

import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { CountingProxy } from "./counting_proxy.ts";
import { bytesOf, PRIVATE, startSync, type TestDevice, type TestSync, until } from "./devices.ts";
import { MIB } from "./swarm.ts";

/** A server with two devices, of which `desktop` is behind a proxy that counts. */
interface Counted extends AsyncDisposable {
  readonly sync: TestSync;
  readonly laptop: TestDevice;
  readonly desktop: TestDevice;
  /** Between the laptop, which makes the changes, and the server. */
  readonly up: CountingProxy;
  /** Between the server and the desktop. */
  readonly down: CountingProxy;
}

async function startCounted(): Promise<Counted> {
  await using resources = new AsyncDisposableStack();
  const sync = resources.use(await startSync());
  const up = resources.use(new CountingProxy(sync.port));
  const down = resources.use(new CountingProxy(sync.port));
  const laptop = await sync.startDevice("laptop", { port: up.port });
  const desktop = await sync.startDevice("desktop", { port: down.port });
  const kept = resources.move();
  return { sync, laptop, desktop, up, down, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Makes a change, and answers how many bytes passed each proxy until all are the same. */
async function bytesFor(
  { sync, laptop, desktop, up, down }: Counted,
  change: () => Promise<void>,
): Promise<{ up: number; down: number }> {
  const before = { up: up.total, down: down.total };
  await change();
  await sync.converge(laptop, desktop);
  return { up: up.total - before.up, down: down.total - before.down };
}

Deno.test("a renamed folder with 1,000 files sends no content", async () => {
  await using counted = await startCounted();
  const { sync, laptop, desktop } = counted;
  await Promise.all(
    Array.from(
      { length: 1_000 },
      (_, index) => laptop.write(`photos/${index % 10}/${index}.bin`, { size: 2_000, seed: index }),
    ),
  );
  await sync.converge(laptop, desktop);
  const sent = await bytesFor(counted, () => laptop.rename("photos", "pictures/2026"));
  // Two entries a file, an absent and a new one, of 100 to 200 bytes each. The contents have 2 MB.
  assert(sent.up < 600_000 && sent.down < 600_000, JSON.stringify(sent));
});

Deno.test("a copy of a large file sends no content, nor does one that comes back", async () => {
  await using counted = await startCounted();
  const { sync, laptop, desktop } = counted;
  await laptop.write("a.bin", { size: 8 * MIB });
  await sync.converge(laptop, desktop);
  const copied = await bytesFor(
    counted,
    () => Deno.copyFile(laptop.join("a.bin"), laptop.join("b.bin")),
  );
  assert(copied.up < 20_000 && copied.down < 20_000, JSON.stringify(copied));
});

for (const [what, at] of [["start", 0], ["middle", 32 * MIB + 12_345]] as const) {
  Deno.test(`1 MiB inserted at the ${what} of a file of 64 MiB sends less than 2 MiB`, async () => {
    await using counted = await startCounted();
    const { sync, laptop, desktop } = counted;
    const old = bytesOf({ size: 64 * MIB, seed: 5 });
    await Deno.writeFile(laptop.join("large.bin"), old);
    await sync.converge(laptop, desktop);
    const file = new Uint8Array(old.length + MIB);
    file.set(old.subarray(0, at));
    file.set(bytesOf({ size: MIB, seed: 6 }), at);
    file.set(old.subarray(at), at + MIB);
    const aside = sync.join("large.bin");
    await Deno.writeFile(aside, file);
    // No half of it is ever there to be sent.
    const sent = await bytesFor(counted, () => Deno.rename(aside, laptop.join("large.bin")));
    assert(sent.up < 2 * MIB && sent.down < 2 * MIB, JSON.stringify(sent));
  });
}

/** The length of a file; 0 in the moment in which another one takes its place. */
function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}

/** How long a log is written, and how long at most until some of it has come. */
const GROWING_SECONDS = 6;
const GROWING_SECONDS_MAX = 120;

Deno.test("a growing log is sent while it grows, and sends little more than what is new", async () => {
  await using counted = await startCounted();
  const { sync, laptop, desktop } = counted;
  await laptop.write("big.log", { size: 16 * MIB, seed: 7 });
  await sync.converge(laptop, desktop);
  const before = counted.up.total;
  let written = 0;
  using file = await Deno.open(laptop.join("big.log"), { append: true });
  // Written faster than it could ever settle, for longer than it may take to be sent all the same; how long that
  // takes on a busy machine is seen when it has come.
  const startMs = performance.now();
  const isBefore = (seconds: number) => performance.now() - startMs < seconds * 1000;
  let seenGrown = false;
  while (isBefore(GROWING_SECONDS) || (!seenGrown && isBefore(GROWING_SECONDS_MAX))) {
    const line = bytesOf({ size: 500, seed: written });
    await file.write(line);
    written += line.length;
    seenGrown ||= sizeOf(desktop.join("big.log")) > 16 * MIB;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert(seenGrown, "nothing came while the file grew");
  await sync.converge(laptop, desktop);
  const sent = counted.up.total - before;
  assert(sent < 6 * MIB, `${sent} bytes for ${written} new ones`);
});

/** How many bytes of partial files are in a folder's own one; what has not landed there is a hole. */
function landedBytes(folder: string): number {
  try {
    const stage = join(folder, PRIVATE, "stage");
    const parts = [...Deno.readDirSync(stage)].filter(({ name }) => name.endsWith(".part"));
    return parts.reduce((sum, { name }) => sum + Deno.statSync(join(stage, name)).blocks! * 512, 0);
  } catch {
    return 0;
  }
}

Deno.test("a large file goes on where it was when its device was killed", async () => {
  await using sync = await startSync();
  await using proxy = new CountingProxy(sync.port);
  const laptop = await sync.startDevice("laptop", { port: proxy.port });
  const size = 48 * MIB;
  proxy.upMax = size / 2;
  await laptop.write("large.bin", { size, seed: 8 });
  await until(() => landedBytes(sync.userFolder()) > size / 3, "a third of the file");
  await laptop.kill();
  proxy.upMax = Infinity;
  const again = await sync.startDevice("laptop", { port: proxy.port });
  await sync.converge(again);
  assert(proxy.up < size * 1.25, `${proxy.up} bytes for ${size}`);
  // So does one that is on its way down.
  await using below = new CountingProxy(sync.port);
  below.downMax = size / 2;
  const desktop = await sync.launchDevice("desktop", { port: below.port });
  await until(() => landedBytes(sync.join("desktop")) > size / 3, "a third of the file");
  await desktop.kill();
  below.downMax = Infinity;
  assert(!desktop.has("large.bin"), "nothing is visible before it is whole");
  const resumed = await sync.startDevice("desktop", { port: below.port });
  await sync.converge(again, resumed);
  assert(below.down < size * 1.25, `${below.down} bytes for ${size}`);
});

Deno.test("an edit that is made while the file is being fetched is not lost", async () => {
  await using sync = await startSync();
  await using proxy = new CountingProxy(sync.port);
  const laptop = await sync.startDevice("laptop");
  const desktop = await sync.startDevice("desktop", { port: proxy.port });
  await laptop.write("a.bin", { size: 1_000 });
  await sync.converge(laptop, desktop);
  proxy.downMax = proxy.down + 2 * MIB;
  await laptop.write("a.bin", { size: 6 * MIB, seed: 2 });
  await until(() => proxy.down >= proxy.downMax, "a part of the file");
  await desktop.write("a.bin", "written meanwhile");
  proxy.downMax = Infinity;
  await until(
    async () => Object.keys(await laptop.tree()).length === 2,
    "the conflict copy",
  );
  await sync.converge(laptop, desktop);
  const sizes = Object.keys(await laptop.tree()).map((name) =>
    Deno.statSync(laptop.join(name)).size
  );
  assertEquals(sizes.toSorted((a, b) => a - b), ["written meanwhile".length, 6 * MIB]);
});

Deno.test("a large file goes on to the other device while the server still gets it", async () => {
  await using counted = await startCounted();
  const { sync, laptop, desktop, up, down } = counted;
  const size = 48 * MIB;
  up.upMax = size / 2;
  await laptop.write("large.bin", { size, seed: 9 });
  // The server has not got all of it.
  await until(() => up.up >= up.upMax, "half of the file");
  await until(() => down.down > size / 4, "a quarter of the file");
  assert(!desktop.has("large.bin"), "nothing is visible before it is whole");
  // What was fetched ahead stays of use when the sender goes away and comes again.
  await laptop.kill();
  up.upMax = Infinity;
  const again = await sync.startDevice("laptop", { port: up.port });
  await sync.converge(again, desktop);
  assert(down.down < size * 1.25, `${down.down} bytes for ${size}`);
});
