/**
 * Runs a whole swarm from a seed and looks at what has become of it.
 *
 * Until peace comes everything may go wrong. From then on every honest peer that is there must end with
 * the exact bytes of all that it wanted, and leave nothing else behind; nobody honest may have been
 * banned, no memory lost, no error gone unheard.
 */

import { Buffer } from "node:buffer";
import { toHex } from "../../protocol/bytes.ts";
import { fileKey } from "../../node/swarm/catalog.ts";
import type { FileId } from "../../node/swarm/catalog.ts";
import { makePeace, planFaults } from "./faults.ts";
import type { HonestPeer } from "./honest_peer.ts";
import { makeScenario } from "./scenario.ts";
import type { Scenario } from "./scenario.ts";
import type { VirtualTime } from "./virtual_time.ts";
import { makeWorld } from "./world.ts";
import type { World } from "./world.ts";

/** How long after peace everybody must have everything. */
const DONE_MS_MAX = 10 * 60_000;
/** How long what was not needed any more may still be on its way. */
const QUIET_MS_MAX = 60_000;
/** How long after that the tracker must know. */
const LISTED_MS_MAX = 60_000;
const ASK_EVERY_MS = 200;
const END_MS_MAX = 120_000;

/** Why a link between two honest peers may be closed: one of them died, or could not be reached. */
const INNOCENT_REASONS = /the stream ended within|nothing was heard for too long/;

export interface RunReport {
  /** The fingerprint of the run. */
  readonly trace: string;
  readonly problems: readonly string[];
  /** What it was like, in a few words. */
  readonly summary: string;
}

export interface RunOptions {
  /** Takes each line of what happens, with its time. */
  readonly tell?: (line: string) => void;
}

export async function runSimulation(seed: number, options: RunOptions = {}): Promise<RunReport> {
  const run = new Run(seed, options);
  const unheard = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    run.problems.push(`an error went unheard: ${event.reason?.stack ?? event.reason}`);
  };
  globalThis.addEventListener("unhandledrejection", unheard);
  try {
    return await run.play();
  } finally {
    globalThis.removeEventListener("unhandledrejection", unheard);
  }
}

class Run {
  readonly #world: World;
  readonly #scenario: Scenario;
  readonly #time: VirtualTime;
  readonly #honest = new Set<string>();
  readonly problems: string[] = [];

  constructor(seed: number, { tell }: RunOptions) {
    this.#world = makeWorld(seed, (who, line) => {
      tell?.(`${(this.#time.nowMs / 1000).toFixed(3).padStart(9)} ${who.padEnd(8)} ${line}`);
      this.#judge(who, line);
    });
    this.#time = this.#world.time;
    this.#scenario = makeScenario(this.#world);
    for (const { identity } of this.#scenario.peers) this.#honest.add(shortName(identity.nodeId));
  }

  async play(): Promise<RunReport> {
    const { peers, liars, tracker, peaceMs, files, faultCount } = this.#scenario;
    planFaults(this.#world, this.#scenario);
    await this.#time.run(() => false, peaceMs);
    await this.#await(makePeace(this.#world, this.#scenario), END_MS_MAX);
    this.#world.tell("world", "peace");
    const isDone = () =>
      this.#present.every((peer) => peer.isDone && peer.isDismissed === tracker.isBatch) &&
      tracker.hasEnded === tracker.isBatch;
    await this.#time.run(isDone, peaceMs + DONE_MS_MAX);
    const doneMs = this.#time.nowMs;
    const isQuiet = () => this.#present.every(({ node }) => node!.status.arrivingBytes === 0);
    await this.#time.run(isQuiet, doneMs + QUIET_MS_MAX);
    if (!isDone()) this.problems.push("not everybody is done");
    else if (!tracker.isBatch && this.#present.length > 1) {
      await this.#await(this.#expectListed(), LISTED_MS_MAX);
    }
    for (const peer of this.#present) this.#inspect(peer);
    const presentCount = this.#present.length;
    await this.#await(Promise.all(peers.map((peer) => peer.stop())), END_MS_MAX);
    this.problems.push(...tracker.problems);
    for (const { name, problems } of peers) {
      this.problems.push(...problems.map((problem) => `${name}: ${problem}`));
    }
    return {
      trace: this.#world.trace.toString(),
      problems: this.problems,
      summary: `${files.length} files, ${presentCount} of ${peers.length} peers, ` +
        `${liars.length} liars, ${faultCount} faults, ${
          tracker.isBatch ? "a batch, " : ""
        }peace after ${peaceMs / 1000} s, done after ` +
        `${doneMs / 1000} s, ${this.#time.turns} turns`,
    };
  }

  get #present(): HonestPeer[] {
    return this.#scenario.peers.filter(({ node }) => node !== undefined);
  }

  /** Lets time pass until `promise` has settled. */
  async #await(promise: Promise<unknown>, withinMs: number): Promise<void> {
    let isSettled = false;
    promise.catch((reason) => this.problems.push(`${reason.stack}`))
      .finally(() => isSettled = true);
    await this.#time.run(() => isSettled, this.#time.nowMs + withinMs);
    if (!isSettled) this.problems.push("something that must end did not");
  }

  /** Hears what the peers log: nobody honest is refused, or breaks a rule. */
  #judge(who: string, line: string): void {
    const [, accused] = /^(?:refused peer|closed link to) ([0-9a-f]{12})/.exec(line) ?? [];
    if (accused === undefined || !this.#honest.has(accused)) return;
    if (!line.startsWith("refused") && INNOCENT_REASONS.test(line)) return;
    this.problems.push(`${who}, of somebody honest: ${line}`);
  }

  /** Resolves when the tracker has named every honest peer that has a file as its holder. */
  async #expectListed(): Promise<void> {
    for (const { id, bytes } of this.#scenario.files) {
      const file = { id, size: bytes.length };
      const listed = new Set<string>();
      while (bytes.length > 0 && this.#present.some((peer) => isUnlisted(peer, file, listed))) {
        // Each answer is a sample.
        for (const { node } of this.#present.slice(0, 2)) {
          const holders = await node!.session.findHolders(file).catch(() => []);
          for (const { nodeId } of holders) listed.add(toHex(nodeId));
        }
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#time.after(ASK_EVERY_MS, resolve);
        await promise;
      }
    }
  }

  #inspect(peer: HonestPeer): void {
    const { node, plan, storage, missing } = peer;
    const complain = (problem: string) => this.problems.push(`${peer.name} ${problem}`);
    if (missing.length > 0) complain(`still lacks ${missing.join(", ")}`);
    const expected = new Map(
      [...plan.wanted, ...plan.shared.map(({ file }) => file)].map((file) => [file.name, file]),
    );
    for (const [path, stored] of storage.files) {
      const file = expected.get(path);
      if (file === undefined) complain(`has left ${path} behind`);
      else if (Buffer.compare(file.bytes, stored.bytes) !== 0) complain(`has wrong bytes: ${path}`);
      expected.delete(path);
    }
    for (const name of expected.keys()) complain(`does not have ${name}`);
    const { arrivingBytes } = node!.status;
    if (arrivingBytes > 0) complain(`has not given back ${arrivingBytes} bytes`);
    for (const { key, have, location } of node!.catalog) {
      if (!have.complete || location.kind !== "file") complain(`lists ${key} as incomplete`);
    }
    for (const { identity, name } of this.#scenario.peers) {
      if (node!.links.isBanned(identity.nodeId)) complain(`has banned ${name}`);
    }
  }
}

/** Whether a peer has a file, and is not among the listed. */
function isUnlisted({ node, identity }: HonestPeer, file: FileId, listed: ReadonlySet<string>) {
  return node!.catalog.get(fileKey(file))?.have.complete && !listed.has(toHex(identity.nodeId));
}

/** How logs name a node. */
function shortName(nodeId: Uint8Array): string {
  return toHex(nodeId).slice(0, 12);
}
