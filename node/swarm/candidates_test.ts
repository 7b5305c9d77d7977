import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../protocol/testing.ts";
import { Candidates } from "./candidates.ts";
import type { PeerAddress } from "./links.ts";

function peer(number: number, port = 1): PeerAddress {
  const nodeId = new Uint8Array(32);
  new DataView(nodeId.buffer).setUint32(0, number);
  return { nodeId, host: "10.0.0.1", port };
}

function start(...peers: PeerAddress[]): Candidates {
  const candidates = new Candidates(seededRandom(1));
  candidates.add(peers);
  return candidates;
}

Deno.test("take() gives each candidate out once, until it is freed", () => {
  const candidates = start(peer(1), peer(2));
  const taken = [candidates.take(0)!, candidates.take(0)!];
  assertEquals(new Set(taken.map(({ nodeId }) => nodeId.join())).size, 2);
  assertEquals(candidates.take(0), undefined);
  assertEquals(candidates.areReady(0), false);
  candidates.free(taken[0]!.nodeId, { failed: false, nowMs: 0 });
  assertEquals(candidates.areReady(0), true);
  assertEquals(candidates.take(0)!.nodeId, taken[0]!.nodeId);
});

Deno.test("a candidate that failed is left alone for a time that doubles and has an end", () => {
  const candidates = start(peer(1));
  const { nodeId } = peer(1);
  let nowMs = 0;
  const pauses: number[] = [];
  for (let failure = 0; failure < 12; failure++) {
    candidates.take(nowMs);
    candidates.free(nodeId, { failed: true, nowMs });
    const fromMs = nowMs;
    while (!candidates.areReady(nowMs)) nowMs += 10;
    pauses.push(nowMs - fromMs);
  }
  assert(pauses[0]! >= 250 && pauses[0]! <= 760, `${pauses}`);
  assert(pauses[3]! >= 2_000 && pauses[3]! <= 6_010, `${pauses}`);
  assert(pauses.every((pause) => pause <= 45_010), `${pauses}`);
  assert(pauses.at(-1)! >= 15_000, `${pauses}`);

  candidates.take(nowMs);
  candidates.free(nodeId, { failed: false, nowMs });
  assert(candidates.areReady(nowMs));
});

Deno.test("add() learns that a peer has moved", () => {
  const candidates = start(peer(1, 1));
  candidates.add([peer(1, 2)]);
  assertEquals(candidates.take(0)!.port, 2);
  assertEquals(candidates.take(0), undefined);
});

Deno.test("a peer that came by itself is not given out, one that is dropped never", () => {
  const candidates = start(peer(1), peer(2));
  candidates.occupy(peer(1).nodeId);
  candidates.drop(peer(2).nodeId);
  assertEquals(candidates.take(0), undefined);
  // Whoever is unknown can be occupied, freed and dropped as well.
  candidates.occupy(peer(3).nodeId);
  candidates.free(peer(3).nodeId, { failed: true, nowMs: 0 });
  candidates.drop(peer(3).nodeId);
  candidates.free(peer(1).nodeId, { failed: false, nowMs: 0 });
  assertEquals(candidates.take(0)!.nodeId, peer(1).nodeId);
});

Deno.test("new candidates take the places of those that failed, so that nobody is crowded out", () => {
  const candidates = new Candidates(seededRandom(1));
  for (let number = 1; number <= 512; number++) {
    candidates.add([peer(number)]);
    candidates.take(0);
    if (number > 2) candidates.free(peer(number).nodeId, { failed: true, nowMs: 0 });
  }
  candidates.add([peer(1000)]);
  assertEquals(candidates.take(0)!.nodeId, peer(1000).nodeId);
  // Those in use keep theirs.
  for (let number = 2000; number < 3000; number++) candidates.add([peer(number)]);
  candidates.free(peer(1).nodeId, { failed: false, nowMs: 0 });
  const ready = new Set<string>();
  for (let taken = candidates.take(0); taken !== undefined; taken = candidates.take(0)) {
    ready.add(taken.nodeId.join());
  }
  assert(ready.has(peer(1).nodeId.join()));
  assert(ready.size <= 512);
});
