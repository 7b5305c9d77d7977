/** What goes wrong in a simulated world until peace comes, and how it is put right then. */

import { blockCount } from "../../node/content/tree.ts";
import { fileKey } from "../../node/swarm/catalog.ts";
import type { HonestPeer } from "./honest_peer.ts";
import type { SharedFile } from "./library.ts";
import type { Scenario } from "./scenario.ts";
import { TRACKER } from "./world.ts";
import type { World } from "./world.ts";

/** A peer that ends is started again within this time, most of the time. */
const RESTART_MS_MAX = 8_000;
const DISK_FAULT_MS_MAX = 10_000;
const HOLD_MS_MAX = 45_000;

/** Plans the arrival of everybody, and all faults. */
export function planFaults({ time, dice, network }: World, scenario: Scenario): void {
  const { peers, liars, tracker, peaceMs, faultCount } = scenario;
  time.after(dice.chance(0.9) ? 0 : dice.below(3_000), () => tracker.start());
  for (const node of [...peers, ...liars]) {
    const atMs = dice.chance(0.6) ? dice.below(300) : peaceMs * dice.random() ** 2;
    time.after(atMs, () => node.start());
  }
  if (faultCount === 0) return;
  network.lossiness = dice.pick([0, 0.05, 0.3]);
  const faults = makeFaults({ time, dice, network }, scenario);
  // Most faults early, while there is much to disturb.
  for (let i = 0; i < faultCount; i++) {
    time.after(peaceMs * dice.random() ** 2, dice.pick(faults));
  }
}

function makeFaults(
  { time, dice, network }: Pick<World, "time" | "dice" | "network">,
  { peers, liars, tracker, peaceMs }: Scenario,
): (() => void)[] {
  const again = (node: { start(): void }) => {
    if (dice.chance(0.2)) return;
    time.after(dice.below(RESTART_MS_MAX), () => time.nowMs < peaceMs && node.start());
  };
  const atDisk = (change: (peer: HonestPeer) => void) => () => {
    const peer = dice.pick(peers);
    change(peer);
    time.after(dice.below(DISK_FAULT_MS_MAX), () => peer.storage.heal());
  };
  const endPeer = (end: (peer: HonestPeer) => void) => () => {
    const peer = dice.pick(peers);
    end(peer);
    // A process that is still ending may have verified a file that it has not named yet: what rots then,
    // nobody could notice.
    if (dice.chance(0.3) && peer.stopping === undefined) peer.storage.rot();
    again(peer);
  };
  // Once everybody is done, nobody would be left to begin a batch with a new tracker.
  const endTracker = (end: () => void) => () => {
    if (time.nowMs > peaceMs / 2 || peers.every((peer) => peer.isDone)) return;
    end();
    again(tracker);
  };
  const faults = [
    endTracker(() => tracker.kill()),
    endTracker(() => tracker.vanish()),
    () => network.breakOne(dice),
    () => network.breakOne(dice),
    () => network.breakOne(dice, TRACKER.host),
    atDisk(({ storage }) => storage.isFull = true),
    atDisk(({ storage }) => storage.latencyMs = dice.magnitude(100, 5_000)),
    atDisk(({ storage }) => storage.unreliability = 0.2),
  ];
  // Who is away when a batch ends is not told, and waits for ever.
  if (tracker.isBatch) return faults;
  return [
    ...faults,
    endPeer((peer) => peer.kill()),
    endPeer((peer) => peer.kill()),
    endPeer((peer) => peer.vanish()),
    endPeer((peer) => void peer.stop()),
    () => network.holdOne(dice, dice.below(HOLD_MS_MAX)),
    () => network.holdOne(dice, dice.below(HOLD_MS_MAX)),
    () => {
      if (liars.length === 0) return;
      const liar = dice.pick(liars);
      liar.kill();
      again(liar);
    },
  ];
}

/**
 * Ends all faults. Peers that are gone may stay so, as long as those who are there hold everything between
 * them.
 */
export async function makePeace({ dice, network }: World, scenario: Scenario): Promise<void> {
  const { peers, tracker, files } = scenario;
  await Promise.all(peers.map((peer) => peer.stopping));
  network.lossiness = 0;
  tracker.start();
  for (const { storage } of peers) storage.heal();
  for (const peer of peers) if (tracker.isBatch || dice.chance(0.6)) peer.start();
  for (const file of files) {
    if (isHeld(file, peers)) continue;
    dice.pick(peers.filter((peer) => peer.hasOnDisk(file))).start();
  }
}

/** Whether the peers that run can serve every block of a file between them. */
function isHeld(file: SharedFile, peers: readonly HonestPeer[]): boolean {
  const key = fileKey({ id: file.id, size: file.bytes.length });
  const held = peers.map((peer) => peer.node?.catalog.get(key)?.have)
    .filter((have) => have !== undefined);
  if (held.length === 0) return false;
  const count = blockCount(file.bytes.length, file.blockSize);
  return Array.from({ length: count }).every((_, index) => held.some((have) => have.has(index)));
}
