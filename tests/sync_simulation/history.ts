/**
 * Makes a random history from a seed, lets it come to rest, and looks at what has become of it.
 *
 * Until quiet begins people work in two folders at the same time, devices and server die and come back, lose
 * their indexes, hints and connections. From then on nobody does anything, and everything must become the same
 * everywhere, without a loss (inspection.ts).
 */

import { randomLine } from "../simulation/memory_network.ts";
import { makeWorld } from "../simulation/world.ts";
import { DeviceHost, RESCAN_MS } from "./device_host.ts";
import { differences, inspect, isAtRest, treeOf } from "./inspection.ts";
import type { Survivors } from "./inspection.ts";
import { Faults } from "./faults.ts";
import { KnownContents } from "./known_contents.ts";
import { Person } from "./person.ts";
import { ServerHost } from "./server_host.ts";
import { FAIR_WEATHER } from "./sync_world.ts";
import type { SyncWorld } from "./sync_world.ts";

const TEN_YEARS_MS = 10 * 365 * 24 * 3600_000;
/** A connection on which nothing is worth simulating. */
const SWIFT_LINE = { latencyMs: 1, bytesPerMs: 100_000, capacity: 1 << 20, choppiness: 0 };
/** One on which large contents take so long that much happens meanwhile. */
const BUSY_LINE = { latencyMs: 5, bytesPerMs: 500, capacity: 1 << 16, choppiness: 0 };
/** How long after the start of quiet everything must be the same everywhere. */
const REST_MS_MAX = 5 * 60_000;
const ASK_EVERY_MS = 500;
/** By then what a hint did not tell was found by a look at everything. */
const LOOKED_MS = 2 * RESCAN_MS;

export interface HistoryReport {
  /** The fingerprint of the history. */
  readonly trace: string;
  readonly problems: readonly string[];
  /** What it was like, in a few words. */
  readonly summary: string;
}

export interface HistoryOptions {
  /** Takes each line of what happens, with its time. */
  readonly tell?: (line: string) => void;
}

export async function runHistory(
  seed: number,
  options: HistoryOptions = {},
): Promise<HistoryReport> {
  const history = new History(seed, options);
  const unheard = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    history.problems.push(`an error went unheard: ${event.reason?.stack ?? event.reason}`);
  };
  globalThis.addEventListener("unhandledrejection", unheard);
  try {
    return await history.play();
  } finally {
    globalThis.removeEventListener("unhandledrejection", unheard);
  }
}

class History {
  readonly #world: SyncWorld;
  readonly #known = new KnownContents();
  readonly #server: ServerHost;
  readonly #devices: readonly DeviceHost[];
  readonly #faults: Faults;
  readonly #isCrowded: boolean;
  readonly problems: string[] = [];

  constructor(seed: number, { tell }: HistoryOptions) {
    // These cost most.
    this.#isCrowded = seed % 16 === 4;
    const isLarge = seed % 16 === 8;
    const isSwift = seed % 4 !== 1;
    const world = makeWorld(seed, (who, line) => {
      tell?.(`${(world.time.nowMs / 1000).toFixed(3).padStart(9)} ${who.padEnd(8)} ${line}`);
    }, {
      clockSpreadMs: TEN_YEARS_MS,
      line: (dice) => isLarge ? BUSY_LINE : isSwift ? SWIFT_LINE : randomLine(dice),
    });
    const { dice } = world;
    const weather = { ...FAIR_WEATHER, largeness: isLarge ? 0.4 : 0 };
    if (dice.chance(0.5)) {
      weather.diskMs = dice.pick([0, 2, 20]);
      weather.slowness = dice.pick([0, 0.05, 0.5]);
      weather.lostHints = dice.pick([0, 0.2, 1]);
      weather.vagueHints = dice.pick([0, 0.05]);
    }
    this.#world = { ...world, weather };
    this.#server = new ServerHost(this.#world);
    this.#devices = ["left", "right"].map((name) =>
      new DeviceHost(this.#world, {
        name,
        observe: (event) => {
          if (event.kind === "sent") this.#known.acknowledge(event.entry);
        },
        canAsk: this.#isCrowded,
        takeBack: (id) => this.#known.takeBack(id),
      })
    );
    const parts = { server: this.#server, devices: this.#devices, known: this.#known };
    this.#faults = new Faults(this.#world, parts);
  }

  async play(): Promise<HistoryReport> {
    const { time, dice, tell, trace, weather } = this.#world;
    const workers = dice.pick([[0], [0, 1], [0, 1], [0, 1]]);
    const faultCount = dice.pick([0, 0, dice.below(3), dice.below(8)]);
    const lengthMs = dice.pick([100, 2_000, 8_000]);
    this.#plan(workers, { faultCount, lengthMs });
    await time.run(() => false, lengthMs);
    this.#bringPeace();
    tell("world", "quiet");
    const survivors = this.#survivors();
    const isSure = workers.length === 1 && !this.#faults.isIndexLost && !this.#isCrowded;
    const only = isSure ? this.#devices[0]! : undefined;
    const wanted = only && treeOf(only);
    const quietMs = time.nowMs;
    await time.run(() => false, quietMs + LOOKED_MS);
    while (!isAtRest(survivors) && time.nowMs < quietMs + REST_MS_MAX) {
      await time.run(() => false, time.nowMs + ASK_EVERY_MS);
    }
    if (!isAtRest(survivors)) this.problems.push("it does not come to rest");
    this.problems.push(...inspect(survivors));
    if (wanted !== undefined) {
      const spoilt = differences(wanted, treeOf(this.#server));
      this.problems.push(...spoilt.map((one) => `nobody but one worked, and yet at ${one}`));
    }
    this.#end();
    for (const { problems } of [this.#server, ...this.#devices]) this.problems.push(...problems);
    return {
      trace: trace.toString(),
      problems: this.problems,
      summary:
        `${workers.length} people, ${faultCount} faults, ${JSON.stringify(weather)}, quiet ` +
        `after ${quietMs / 1000} s, rest after ${time.nowMs / 1000} s, ${time.turns} turns`,
    };
  }

  /** Plans what people do, when everybody starts, and what goes wrong. */
  #plan(
    workers: readonly number[],
    { faultCount, lengthMs }: { faultCount: number; lengthMs: number },
  ) {
    const { time, dice } = this.#world;
    const at = () => Math.floor(lengthMs * dice.random());
    for (const worker of workers) {
      const person = new Person(this.#world, this.#devices[worker]!, this.#known);
      if (this.#isCrowded) {
        if (worker === 0) time.after(0, () => person.crowd());
        if (dice.chance(0.7)) time.after(at(), () => person.clear());
      }
      const actCount = dice.between(1, 12);
      // Some do much at once, others at their leisure.
      const isHasty = dice.chance(0.3);
      const startMs = at();
      for (let i = 0; i < actCount; i++) {
        time.after(
          isHasty ? Math.min(lengthMs, startMs + dice.below(50)) : at(),
          () => person.act(),
        );
      }
    }
    for (const host of [this.#server, ...this.#devices]) {
      time.after(dice.chance(0.7) ? 0 : at(), () => host.start());
    }
    for (let i = 0; i < faultCount; i++) time.after(at(), () => this.#faults.strike());
  }

  #bringPeace(): void {
    const { weather, dice } = this.#world;
    Object.assign(weather, { ...FAIR_WEATHER, lostHints: dice.pick([0, 1]) });
    this.#faults.end();
    for (const host of [this.#server, ...this.#devices]) host.start();
  }

  #survivors(): Survivors {
    const texts = [this.#server, ...this.#devices].flatMap((host) => [...treeOf(host).values()]);
    const present = new Set(
      texts.filter((text) => text !== "/").map((text) => text.replace("*", "")),
    );
    return { devices: this.#devices, server: this.#server, known: this.#known, present };
  }

  #end(): void {
    for (const host of [this.#server, ...this.#devices]) host.kill();
  }
}
