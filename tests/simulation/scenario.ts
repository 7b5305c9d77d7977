/**
 * A scenario: who lives in a simulated world, and what befalls them until peace comes. All of it follows
 * from the seed.
 */

import { Dice } from "./dice.ts";
import { HonestPeer } from "./honest_peer.ts";
import type { PeerPlan } from "./honest_peer.ts";
import { Liar } from "./liar.ts";
import { pickFiles, pickPublisher, publish } from "./library.ts";
import type { SharedFile } from "./library.ts";
import { lies } from "./lies.ts";
import { TrackerHost } from "./tracker_host.ts";
import type { World } from "./world.ts";

export interface Scenario {
  readonly files: readonly SharedFile[];
  readonly tracker: TrackerHost;
  readonly peers: readonly HonestPeer[];
  readonly liars: readonly Liar[];
  /** When faults stop. */
  readonly peaceMs: number;
  /** How many faults there are until then. */
  readonly faultCount: number;
}

/** Most swarms are small, because those cost less; some have as many as fifty nodes. */
const NODE_COUNTS = [
  ...new Array<readonly [number, number]>(8).fill([3, 8]),
  ...new Array<readonly [number, number]>(4).fill([8, 16]),
  [16, 30],
  [30, 50],
] as const;
/** How much of the swarm lies at most. */
const LIAR_SHARE_MAX = 0.6;

export function makeScenario(world: World): Scenario {
  const { dice } = world;
  const files = pickFiles(dice);
  const [least, most] = dice.pick(NODE_COUNTS);
  const nodeCount = dice.between(least, most);
  const liarShare = dice.pick([0, 0.3, LIAR_SHARE_MAX]);
  const liarCount = Math.floor((nodeCount - 1) * liarShare * (0.5 + dice.random() / 2));
  // A liar that never ends would keep a batch from ending.
  const isBatch = liarCount === 0 && dice.chance(0.2);
  const plans = planPeers(dice, files, { count: nodeCount - liarCount, isBatch });
  return {
    files,
    tracker: new TrackerHost(world, isBatch ? plans.length : undefined),
    peers: plans.map((plan) => new HonestPeer(plan, world)),
    liars: planLiars(dice, files, liarCount).map((plan) => new Liar(plan, world)),
    peaceMs: dice.between(2_000, 20_000),
    faultCount: dice.pick([0, dice.below(10), dice.below(10 + 2 * nodeCount)]),
  };
}

/** Each file is shared by one or two of the first peers; the others want some or all of them. */
function planPeers(
  dice: Dice,
  files: readonly SharedFile[],
  { count, isBatch }: { count: number; isBatch: boolean },
): PeerPlan[] {
  const shared = Array.from({ length: count }, (): PeerPlan["shared"][number][] => []);
  for (const file of files) {
    const sharers = dice.shuffled(shared.slice(0, Math.max(1, count >> 1)));
    for (const list of sharers.slice(0, dice.between(1, 2))) {
      list.push({ file, manifest: publish(file, pickPublisher(dice)) });
    }
  }
  const connections = dice.between(1, 8);
  return shared.map((own, i) => ({
    name: `peer${i}`,
    shared: own,
    wanted: files.filter((file) =>
      !own.some((mine) => mine.file === file) && dice.chance(own.length > 0 ? 0.5 : 0.9)
    ),
    connections,
    cacheSize: dice.pick([0, 50_000, 2_000_000]),
    upLimit: dice.chance(0.1) ? dice.magnitude(50_000, 2_000_000) : undefined,
    downLimit: dice.chance(0.1) ? dice.magnitude(50_000, 2_000_000) : undefined,
    isInBatch: isBatch,
  }));
}

function planLiars(dice: Dice, files: readonly SharedFile[], count: number) {
  return Array.from({ length: count }, (_, i) => ({
    name: `liar${i}`,
    lie: dice.pick(lies),
    files: files.map((file) => ({ file, manifest: publish(file, pickPublisher(dice)) })),
  }));
}
