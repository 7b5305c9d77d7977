/**
 * A device that is killed at random moments, hundreds of times, and now and then its server with it, while
 * files change on both sides: nothing that was written is lost, nothing is half or mixed, and nothing
 * temporary is left behind in the end.
 *
 * Moments and changes come from a seed that every failure names; P2PNODE_SEED sets another one. With
 * P2PNODE_SOAK=1 there are ten times as many deaths.
 */

import { seededRandom } from "../protocol/testing.ts";
import {
  assertNothingLeft,
  PRIVATE,
  startSync,
  type TestDevice,
  type TestSync,
} from "./devices.ts";
import { untilSame } from "./devices.ts";
import { RandomWriter } from "./random_writer.ts";

const KILL_COUNT = Deno.env.get("P2PNODE_SOAK") === "1" ? 2_000 : 200;
const SEED = Number(Deno.env.get("P2PNODE_SEED") ?? 20_261_121);
/** Devices that run, and die, side by side, each with a server and a witness of its own. */
const LANES = 2;
/** A device lives for this long at most after it has come to the server. */
const LIFE_MS_MAX = 400;
/** Of so many devices one dies before that, and one may die before it has locked its folder. */
const EARLY_DEATHS = 8;
/** The server dies as well, once in so many deaths. */
const SERVER_DEATHS = 10;

/** A device that dies, and a witness that lives on. */
class Lane {
  readonly #sync: TestSync;
  readonly #random: () => number;
  readonly #writer: RandomWriter;
  #round = 0;
  #acknowledged = 0;

  constructor(sync: TestSync, { name, seed }: { name: string; seed: number }) {
    this.#sync = sync;
    this.#random = seededRandom(seed);
    this.#writer = new RandomWriter({
      random: this.#random,
      staging: sync.join("."),
      where: () => `seed ${SEED}, ${name}, round ${this.#round}`,
    });
  }

  /** Answers how many changes were acknowledged before a death. */
  async run(count: number): Promise<number> {
    const witness = await this.#sync.startDevice("witness", { flags: ["--yes"] });
    for (; this.#round < count; this.#round++) await this.#liveAndDie(witness);
    const survivor = await this.#sync.startDevice("mortal", { flags: ["--yes"] });
    await untilSame([this.#sync.userFolder(), survivor.folder, witness.folder]);
    this.#writer.assertAllThere(survivor);
    await assertNothingLeft(this.#sync, [survivor, witness]);
    return this.#acknowledged;
  }

  async #liveAndDie(witness: TestDevice): Promise<void> {
    const folder = this.#sync.folder("mortal");
    await this.#writer.change(folder, "m");
    const device = await this.#sync.launchDevice("mortal", { flags: ["--yes"] });
    const turn = this.#round % EARLY_DEATHS;
    if (turn === 1) await locked(device);
    if (turn > 1) await device.process.waitForEvent("online");
    const lifeMs = this.#random() * LIFE_MS_MAX;
    await sleep(lifeMs / 2);
    await this.#writer.change(folder, "m");
    await this.#writer.change(witness, "w");
    await sleep(lifeMs / 2);
    const killsServer = this.#round % SERVER_DEATHS === SERVER_DEATHS - 1;
    if (killsServer) this.#sync.server.signal("SIGKILL");
    await device.kill();
    this.#acknowledged += this.#writer.acknowledge(device.process.events);
    if (killsServer) {
      await this.#sync.server.exit();
      this.#writer.assertNothingMixed(this.#sync.folder("server/alice"));
      await this.#sync.startServer();
    }
    this.#writer.assertNothingMixed(folder);
  }
}

/** Waits until the device has locked its folder, which it then begins to work in, or has ended. */
async function locked(device: TestDevice): Promise<void> {
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
