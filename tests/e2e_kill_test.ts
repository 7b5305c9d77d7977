/**
 * A downloader that is killed at random moments, hundreds of times: at any moment each name has its old
 * bytes, or its new ones, or no file at all, and what the deaths left is gone after a run to the end.
 *
 * Moments come from a seed that every failure names; P2PNODE_SEED sets another one. With P2PNODE_SOAK=1
 * there are ten times as many.
 */

import { assertEquals } from "@std/assert";
import { seededRandom } from "../protocol/testing.ts";
import { hashOfFile, treeOf } from "./files.ts";
import type { RunningProcess } from "./harness.ts";
import { MIB, startSwarm, type TestSwarm } from "./swarm.ts";

const KILL_COUNT = Deno.env.get("P2PNODE_SOAK") === "1" ? 2_000 : 200;
const SEED = Number(Deno.env.get("P2PNODE_SEED") ?? 20_261_121);
/** Downloaders that run, and die, side by side. */
const LANES = 2;
const LARGE = "large.bin";
const LARGE_SIZE = 2 * MIB;
const SMALL_COUNT = 40;
/** Slow enough that most deaths are in the middle, see `DEATH_MS_MAX`. */
const DOWN_LIMIT = "8MiB";
/** A run has this long from when it takes its folder; without a death a whole one takes about as long. */
const DEATH_MS_MAX = 400;
/** One death in so many may come before that. */
const EARLY_DEATHS = 8;
const LOOK_MS = 5;

/** Names that have another file before the download. */
const REPLACED = [LARGE, "folder-1/1.bin"];

/** One downloader with its own folder. */
class Lane {
  readonly #swarm: TestSwarm;
  readonly #name: string;
  readonly #random: () => number;
  readonly #expected: Record<string, string>;
  /** What stands under `REPLACED` before the download. */
  readonly #old = new Map<string, string>();
  #round = 0;
  killCount = 0;
  completeCount = 0;

  constructor(
    swarm: TestSwarm,
    { name, seed, expected }: { name: string; seed: number; expected: Record<string, string> },
  ) {
    this.#swarm = swarm;
    this.#name = name;
    this.#random = seededRandom(seed);
    this.#expected = expected;
  }

  /**
   * Starts downloads and kills them until that has happened `count` times; then lets one come to its end.
   * Stops early when the signal is aborted.
   */
  async run(count: number, signal: AbortSignal): Promise<void> {
    await this.#startAfresh();
    while (this.killCount < count) {
      if (signal.aborted) return;
      const isEarly = this.#round++ % EARLY_DEATHS === 0;
      const get = await this.#download();
      if (!isEarly) await this.#started(get);
      await sleep(this.#random() * DEATH_MS_MAX);
      get.signal("SIGKILL");
      if (await get.exit() === 0) {
        await this.#assertComplete();
        await this.#startAfresh();
      } else {
        this.killCount++;
        this.#assertNothingHalf();
      }
    }
    assertEquals(await (await this.#download()).exit(), 0);
    await this.#assertComplete();
  }

  #download(): Promise<RunningProcess> {
    return this.#swarm.startGet(["--all", "--force", "--down-limit", DOWN_LIMIT], this.#name);
  }

  /** A new folder, with other files in the place of some. */
  async #startAfresh(): Promise<void> {
    const folder = this.#swarm.join(this.#name);
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    for (const name of REPLACED) {
      const path = await this.#swarm.write(`${this.#name}/${name}`, { size: 300_000, seed: 99 });
      this.#old.set(name, hashOfFile(path));
    }
  }

  /** Waits until the download has locked its folder, which it then begins to work in, or has ended. */
  async #started(get: RunningProcess): Promise<void> {
    const ended = get.exit().then(() => true);
    const lock = this.#swarm.join(this.#name, ".p2pnode/lock");
    while (textOf(lock) !== `${get.pid}\n`) {
      if (await Promise.race([ended, sleep(LOOK_MS)])) return;
    }
  }

  #assertNothingHalf(): void {
    for (const [name, hash] of this.#files()) {
      if (hash === this.#old.get(name)) continue;
      assertEquals(hash, this.#expected[name], `${name} is corrupted: ${this.#where()}`);
    }
    for (const name of REPLACED) {
      if (!this.#files().has(name)) throw new Error(`${name} is gone: ${this.#where()}`);
    }
  }

  async #assertComplete(): Promise<void> {
    this.completeCount++;
    const tree = await treeOf(this.#swarm.join(this.#name));
    assertEquals(tree, this.#expected, this.#where());
  }

  /** The files that have a name, with their hashes. */
  #files(): Map<string, string> {
    const files = new Map<string, string>();
    for (const name of Object.keys(this.#expected)) {
      try {
        files.set(name, hashOfFile(this.#swarm.join(this.#name, name)));
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.IsADirectory)) {
          throw error;
        }
      }
    }
    return files;
  }

  #where(): string {
    return `seed ${SEED}, ${this.#name}, round ${this.#round}`;
  }
}

/** Runs the lanes side by side. Rejects as the first one that fails, when all have ended. */
async function runAll(lanes: readonly Lane[], count: number): Promise<void> {
  const failed = new AbortController();
  const running = lanes.map((lane) =>
    lane.run(count, failed.signal).catch((reason) => failed.abort(reason))
  );
  await Promise.all(running);
  failed.signal.throwIfAborted();
}

function textOf(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

function sleep(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms));
}

Deno.test(`${KILL_COUNT} random SIGKILLs of a downloader corrupt nothing and leave nothing (seed ${SEED})`, async () => {
  await using swarm = await startSwarm("--ttl", "2");
  await swarm.write(`seeder/${LARGE}`, { size: LARGE_SIZE, seed: 1 });
  for (let index = 0; index < SMALL_COUNT; index++) {
    const size = 200 + 700 * index;
    await swarm.write(`seeder/folder-${index % 4}/${index}.bin`, { size, seed: 2 + index });
  }
  const seeder = await swarm.startPeer("seeder");
  await swarm.listUntil(({ files }) => files.length === 1 + SMALL_COUNT);
  const expected = await treeOf(seeder.folder, { without: [".p2pnode"] });
  const lanes = Array.from(
    { length: LANES },
    (_, index) => new Lane(swarm, { name: `lane-${index}`, seed: SEED + index, expected }),
  );
  await runAll(lanes, KILL_COUNT / LANES);
  const completeCount = lanes.reduce((sum, lane) => sum + lane.completeCount, 0);
  console.log(`${KILL_COUNT} deaths, ${completeCount} runs to the end in between`);
});
