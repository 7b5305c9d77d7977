/**
 * A sync server that is killed at random moments in the middle of traffic: what it has answered "stored" is
 * there when it comes back, whoever asks, and nothing is half or mixed.
 *
 * In some rounds the devices die with it, and another one that has nothing of its own gets what the server
 * has: so nobody can bring again what the server has lost. Moments and changes come from a seed that every
 * failure names; P2PNODE_SEED sets another one. With P2PNODE_SOAK=1 there are twenty times as many deaths.
 */

import { seededRandom } from "../protocol/testing.ts";
import { assertNothingLeft, startSync, type TestDevice, type TestSync } from "./devices.ts";
import { RandomWriter } from "./random_writer.ts";

const KILL_COUNT = Deno.env.get("P2PNODE_SOAK") === "1" ? 600 : 30;
const SEED = Number(Deno.env.get("P2PNODE_SEED") ?? 20_261_121);
/** A server lives for this long at most after its devices are there. */
const LIFE_MS_MAX = 500;
const CHANGE_EVERY_MS = 25;
/** Once in so many deaths the devices die as well. */
const COMMON_DEATHS = 5;
const SIDES = ["laptop", "desktop"];

class MortalServer {
  readonly #sync: TestSync;
  readonly #random = seededRandom(SEED);
  readonly #writer: RandomWriter;
  #devices: TestDevice[] = [];
  #round = 0;
  #acknowledged = 0;

  constructor(sync: TestSync) {
    this.#sync = sync;
    this.#writer = new RandomWriter({
      random: this.#random,
      staging: sync.join("."),
      where: () => `seed ${SEED}, round ${this.#round}`,
    });
  }

  /** Answers how many changes the server has acknowledged to devices that died with it. */
  async run(): Promise<number> {
    for (; this.#round < KILL_COUNT; this.#round++) await this.#liveAndDie();
    await this.#startDevices();
    await this.#sync.converge(...this.#devices);
    this.#writer.assertAllThere(this.#sync.folder("server/alice"));
    await assertNothingLeft(this.#sync, this.#devices);
    return this.#acknowledged;
  }

  async #liveAndDie(): Promise<void> {
    await this.#startDevices();
    const endMs = performance.now() + this.#random() * LIFE_MS_MAX;
    while (performance.now() < endMs) {
      for (const device of this.#devices) await this.#writer.change(device, device.name);
      await new Promise((resolve) => setTimeout(resolve, CHANGE_EVERY_MS));
    }
    const allDie = this.#round % COMMON_DEATHS === COMMON_DEATHS - 1;
    await this.#sync.killServer();
    if (allDie) await this.#killDevices();
    this.#writer.assertNothingMixed(this.#sync.folder("server/alice"));
    const from = this.#devices.map(({ process }) => process.lines.length);
    await this.#sync.startServer();
    if (allDie) return await this.#askNewcomer();
    const online = this.#devices.map(({ process }, index) =>
      process.waitForEvent("online", { from: from[index]! })
    );
    await Promise.all(online);
  }

  async #startDevices(): Promise<void> {
    if (this.#devices.length > 0) return;
    const options = { flags: ["--yes"] };
    this.#devices = await Promise.all(
      SIDES.map((name) => this.#sync.startDevice(name, options)),
    );
  }

  async #killDevices(): Promise<void> {
    for (const device of this.#devices) {
      await device.kill();
      this.#acknowledged += this.#writer.acknowledge(device.process.events);
    }
    this.#devices = [];
  }

  /** A device without anything of its own gets what the server has. */
  async #askNewcomer(): Promise<void> {
    const newcomer = await this.#sync.startDevice(`newcomer-${this.#round}`);
    this.#writer.assertNothingLost(newcomer);
    await newcomer.stop();
  }
}

Deno.test(`${KILL_COUNT} random SIGKILLs of a server lose nothing that it has acknowledged (seed ${SEED})`, async () => {
  await using sync = await startSync();
  const acknowledged = await new MortalServer(sync).run();
  console.log(`${KILL_COUNT} deaths, ${acknowledged} changes acknowledged before them`);
});
