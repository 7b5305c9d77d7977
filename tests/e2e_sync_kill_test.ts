/**
 * A device that is killed at random moments, hundreds of times, and now and then its server with it, while
 * files change on both sides: nothing that was written is lost, nothing is half or mixed, and nothing
 * temporary is left behind in the end.
 *
 * Moments and changes come from a seed that every failure names; P2PNODE_SEED sets another one. With
 * P2PNODE_SOAK=1 there are ten times as many deaths.
 */

import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../protocol/testing.ts";
import { randomBytes, treeOf } from "./files.ts";
import { PRIVATE, startSync, type TestDevice, type TestFolder, type TestSync } from "./devices.ts";
import { untilSame } from "./devices.ts";

const KILL_COUNT = Deno.env.get("P2PNODE_SOAK") === "1" ? 2_000 : 200;
const SEED = Number(Deno.env.get("P2PNODE_SEED") ?? 20_261_121);
/** Devices that run, and die, side by side, each with a server and a witness of its own. */
const LANES = 2;
/** A device lives for this long at most after it has locked its folder, or dies before that. */
const LIFE_MS_MAX = 400;
const EARLY_DEATHS = 8;
/** The server dies as well, once in so many deaths. */
const SERVER_DEATHS = 10;
/** Files that each side writes at the same time. */
const NAME_COUNT = 30;
const LARGE_SIZE = 700_000;

/** A device that dies, and a witness that lives on. */
class Lane {
  readonly #sync: TestSync;
  readonly #random: () => number;
  readonly #name: string;
  /** What the two sides have written last, by path; undefined where they deleted it. */
  readonly #written = new Map<string, Uint8Array | undefined>();
  /** All that was ever under a path, as its size and first bytes. */
  readonly #versions = new Map<string, Set<string>>();
  #round = 0;
  #staged = 0;
  #acknowledged = 0;

  constructor(sync: TestSync, { name, seed }: { name: string; seed: number }) {
    this.#sync = sync;
    this.#name = name;
    this.#random = seededRandom(seed);
  }

  async run(count: number): Promise<number> {
    const witness = await this.#sync.startDevice("witness", { flags: ["--yes"] });
    for (; this.#round < count; this.#round++) await this.#liveAndDie(witness);
    const survivor = await this.#sync.startDevice("mortal", { flags: ["--yes"] });
    await untilSame([this.#sync.userFolder(), survivor.folder, witness.folder]);
    this.#assertAllThere(survivor);
    await this.#assertNothingLeft([survivor, witness]);
    return this.#acknowledged;
  }

  async #liveAndDie(witness: TestDevice): Promise<void> {
    const folder = this.#sync.folder("mortal");
    await this.#change(folder, "m");
    const device = await this.#sync.launchDevice("mortal", { flags: ["--yes"] });
    if (this.#round % EARLY_DEATHS !== 0) await started(device);
    const lifeMs = this.#random() * LIFE_MS_MAX;
    await sleep(lifeMs / 2);
    await Promise.all([this.#change(folder, "m"), this.#change(witness, "w")]);
    await sleep(lifeMs / 2);
    const killsServer = this.#round % SERVER_DEATHS === SERVER_DEATHS - 1;
    if (killsServer) this.#sync.server.signal("SIGKILL");
    await device.kill();
    this.#acknowledged += device.process.events.filter(({ event }) => event === "sent").length;
    if (killsServer) {
      await this.#sync.server.exit();
      this.#assertNothingMixed(this.#sync.folder("server/alice"));
      await this.#sync.startServer();
    }
    this.#assertNothingMixed(folder);
  }

  /** Writes, edits or deletes some of a side's own files, as a careful editor does: by a rename. */
  async #change(folder: TestFolder, side: string): Promise<void> {
    for (let count = Math.floor(this.#random() * 6); count > 0; count--) {
      const path = `${side}/${Math.floor(this.#random() * NAME_COUNT)}.bin`;
      if (this.#random() < 0.15) {
        await folder.remove(path).catch(() => {});
        this.#written.set(path, undefined);
        continue;
      }
      const isLarge = this.#random() < 0.1;
      const size = Math.floor(this.#random() * (isLarge ? LARGE_SIZE : 5_000));
      const bytes = randomBytes(size, Math.floor(this.#random() * 2 ** 32));
      const staged = this.#sync.join(`staged-${side}-${this.#staged++}`);
      await Deno.writeFile(staged, bytes);
      this.#remember(path, bytes);
      await Deno.mkdir(folder.join(side), { recursive: true });
      await Deno.rename(staged, folder.join(path));
    }
  }

  #remember(path: string, bytes: Uint8Array): void {
    this.#written.set(path, bytes);
    const versions = this.#versions.get(path) ?? new Set();
    this.#versions.set(path, versions.add(fingerprint(bytes)));
  }

  /** Each file is one of those that were written under its name, from its first byte to its last. */
  #assertNothingMixed(folder: TestFolder): void {
    for (const [path, versions] of this.#versions) {
      if (!folder.has(path)) continue;
      const found = fingerprint(Deno.readFileSync(folder.join(path)));
      assert(versions.has(found), `${path} is corrupted in ${folder.folder}: ${this.#where()}`);
    }
  }

  /** Each side has the last that either of them has written, and nothing else. */
  #assertAllThere(folder: TestFolder): void {
    for (const [path, bytes] of this.#written) {
      assertEquals(folder.has(path), bytes !== undefined, `${path}: ${this.#where()}`);
      if (bytes === undefined) continue;
      const found = fingerprint(Deno.readFileSync(folder.join(path)));
      assertEquals(found, fingerprint(bytes), `${path} is not the last: ${this.#where()}`);
    }
    const expected = [...this.#written].filter(([, bytes]) => bytes !== undefined).length;
    const found = ["m", "w"].flatMap((side) => [...Deno.readDirSync(folder.join(side))]).length;
    assertEquals(found, expected, `there are conflict copies: ${this.#where()}`);
  }

  /** No temporary file is left once all is done and everybody has ended. */
  async #assertNothingLeft(devices: readonly TestDevice[]): Promise<void> {
    for (const device of devices) await device.stop();
    this.#sync.server.signal("SIGTERM");
    assertEquals(await this.#sync.server.exit(), 0, this.#where());
    for (const folder of [...devices, this.#sync.folder("server/alice")]) {
      const tree = await treeOf(folder.join(PRIVATE));
      const files = Object.keys(tree).filter((name) => tree[name] !== "folder");
      const left = files.filter((name) => !/^(?:key|lock|index\.db.*|trash\/.*)$/.test(name));
      assertEquals(left, [], `left in ${folder.folder}: ${this.#where()}`);
    }
  }

  #where(): string {
    return `seed ${SEED}, ${this.#name}, round ${this.#round}`;
  }
}

/** Tells contents apart that `randomBytes` made: by their length, beginning, and end. */
function fingerprint(bytes: Uint8Array): string {
  let sum = 0;
  for (let index = 0; index < bytes.length; index++) sum = (Math.imul(sum, 31) + bytes[index]!) | 0;
  return `${bytes.length} ${sum}`;
}

/** Waits until the device has locked its folder, which it then begins to work in, or has ended. */
async function started(device: TestDevice): Promise<void> {
  const deadlineMs = performance.now() + 30_000;
  while (performance.now() < deadlineMs) {
    try {
      if (device.read(`${PRIVATE}/lock`) === `${device.process.pid}\n`) return;
    } catch {
      // It is not there yet.
    }
    await sleep(5);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

Deno.test(`${KILL_COUNT} random SIGKILLs of a device lose nothing, spoil nothing and leave nothing (seed ${SEED})`, async () => {
  await using resources = new AsyncDisposableStack();
  const lanes = await Promise.all(Array.from({ length: LANES }, async (_, index) => {
    const sync = resources.use(await startSync());
    return new Lane(sync, { name: `lane ${index}`, seed: SEED + index });
  }));
  const counts = await Promise.all(lanes.map((lane) => lane.run(KILL_COUNT / LANES)));
  const acknowledged = counts.reduce((sum, count) => sum + count, 0);
  console.log(`${KILL_COUNT} deaths, ${acknowledged} changes acknowledged before them`);
});
