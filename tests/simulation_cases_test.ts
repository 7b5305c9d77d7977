/** Single situations of a simulated swarm that chance seldom brings about. */

import { assert, assertEquals } from "@std/assert";
import { fileKey } from "../node/swarm/catalog.ts";
import type { PeerAddress } from "../node/swarm/links.ts";
import { HonestPeer } from "./simulation/honest_peer.ts";
import type { PeerPlan } from "./simulation/honest_peer.ts";
import { Liar } from "./simulation/liar.ts";
import { libraryFileOf, publish } from "./simulation/library.ts";
import type { SharedFile } from "./simulation/library.ts";
import { lies } from "./simulation/lies.ts";
import { TrackerHost } from "./simulation/tracker_host.ts";
import { makeWorld } from "./simulation/world.ts";

/** A tracker and some peers that begin at once. */
function start(seed: number, plans: readonly Partial<PeerPlan>[]) {
  const world = makeWorld(seed, () => {});
  new TrackerHost(world, undefined).start();
  const peers = plans.map((plan, i) => {
    const usual = { shared: [], wanted: [], connections: 4, cacheSize: 0, isInBatch: false };
    const unlimited = { upLimit: undefined, downLimit: undefined };
    return new HonestPeer({ name: `peer${i}`, ...usual, ...unlimited, ...plan }, world);
  });
  for (const peer of peers) peer.start();
  return { ...world, peers };
}

/** How many blocks a peer holds of a file. */
function heldBy({ node }: HonestPeer, { id, bytes }: SharedFile): number {
  return node?.catalog.get(fileKey({ id, size: bytes.length }))?.have.held ?? 0;
}

Deno.test("whoever holds a few blocks of a small file is soon known to hold some", async () => {
  const file = libraryFileOf(100_001);
  const seeder = { shared: [{ file, manifest: publish(file, 0) }], upLimit: 6_000 };
  const { time, peers: [source, leecher] } = start(1, [seeder, { wanted: [file] }]);
  await time.run(() => heldBy(leecher!, file) >= 1, 60_000);
  await time.run(() => false, time.nowMs + 6_000);
  const held = heldBy(leecher!, file);
  assert(held >= 1 && held < 7, `it holds ${held} of 7 blocks`);
  let holders: readonly PeerAddress[] = [];
  source!.node!.session.findHolders({ id: file.id, size: file.bytes.length })
    .then((found) => holders = found);
  await time.run(() => holders.length > 0, time.nowMs + 5_000);
  assertEquals(holders.map(({ nodeId }) => nodeId), [leecher!.identity.nodeId]);
});

Deno.test("one seeder is found among liars who fill every place", async () => {
  const file = libraryFileOf(300_000);
  const manifest = publish(file, 0);
  for (const lie of lies) {
    const plans = [{ shared: [{ file, manifest }] }, { wanted: [file], connections: 2 }];
    const { peers: [seeder, leecher], ...world } = start(1, plans);
    for (let i = 0; i < 8; i++) {
      new Liar({ name: `liar${i}`, lie, files: [{ file, manifest }] }, world).start();
    }
    await world.time.run(() => leecher!.isDone, 600_000);
    assertEquals(leecher!.missing, [], `liars: ${lie.name}`);
    assertEquals(leecher!.node!.links.isBanned(seeder!.identity.nodeId), false, lie.name);
  }
});
