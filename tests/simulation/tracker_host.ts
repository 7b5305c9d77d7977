/** The tracker on a simulated host: the program's own, which may be killed and started again. */

import { runTracker } from "../../tracker/server.ts";
import type { Life } from "./life.ts";
import { sketchIdentity, verifySketch } from "./sketch_identity.ts";
import { TRACKER } from "./world.ts";
import type { World } from "./world.ts";

export class TrackerHost {
  readonly #world: World;
  readonly #ttlMs: number;
  /** How many nodes make a batch; not set when there is none. */
  readonly #expect: number | undefined;
  #hasEnded = false;
  #life: Life | undefined;
  #stopped = new AbortController();
  readonly problems: string[] = [];

  constructor(world: World, expect: number | undefined) {
    this.#world = world;
    this.#expect = expect;
    this.#ttlMs = world.dice.pick([3_000, 10_000, 30_000]);
  }

  get isBatch(): boolean {
    return this.#expect !== undefined;
  }

  /** Whether it has ended by itself, as it does when its batch is done. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  start(): void {
    if (this.#life !== undefined || this.#hasEnded) return;
    const { network, dice, tell } = this.#world;
    const { life, network: port } = network.boot(TRACKER.host);
    const nonces = dice.fork();
    this.#life = life;
    this.#stopped = new AbortController();
    tell(TRACKER.host, "starts");
    runTracker({
      ...TRACKER,
      ttlMs: this.#ttlMs,
      expect: this.#expect,
      clock: life.clock,
      network: port,
      random: dice.fork().random,
      identity: sketchIdentity(TRACKER.host),
      verify: verifySketch,
      nonce: () => nonces.bytes(32),
      agent: "p2pnode/simulated",
      log: (line) => tell(TRACKER.host, line),
      signal: this.#stopped.signal,
      onListening: () => {},
    }).then(
      () => this.#hasEnded = true,
      (reason) => this.problems.push(`the tracker failed: ${reason.stack}`),
    );
  }

  kill(): void {
    this.#end(() => this.#world.network.kill(TRACKER.host));
  }

  vanish(): void {
    this.#end(() => this.#world.network.vanish(TRACKER.host));
  }

  #end(end: () => void): void {
    if (this.#life === undefined) return;
    this.#life = undefined;
    this.#world.tell(TRACKER.host, "dies");
    end();
  }
}
