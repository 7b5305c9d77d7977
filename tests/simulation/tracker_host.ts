/** The tracker on a simulated host: the program's own, which may be killed and started again. */

import { runTracker } from "../../tracker/server.ts";
import type { Life } from "./life.ts";
import { sketchIdentity, verifySketch } from "./sketch_identity.ts";
import { TRACKER } from "./world.ts";
import type { World } from "./world.ts";

export class TrackerHost {
  readonly #world: World;
  readonly #ttlMs: number;
  #life: Life | undefined;
  #stopped = new AbortController();
  readonly problems: string[] = [];

  constructor(world: World) {
    this.#world = world;
    this.#ttlMs = world.dice.pick([3_000, 10_000, 30_000]);
  }

  start(): void {
    if (this.#life !== undefined) return;
    const { network, dice, tell } = this.#world;
    const { life, network: port } = network.boot(TRACKER.host);
    const nonces = dice.fork();
    this.#life = life;
    this.#stopped = new AbortController();
    tell(TRACKER.host, "starts");
    runTracker({
      ...TRACKER,
      ttlMs: this.#ttlMs,
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
    }).catch((reason) => this.problems.push(`the tracker failed: ${reason.stack}`));
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
