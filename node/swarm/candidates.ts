/**
 * The peers that a download could ask: who they are, and when it is worth trying them (again).
 *
 * A peer that could not be reached is tried again after a pause that doubles, so that one which comes back
 * is used and one which is gone costs little.
 */

import { toHex } from "../../protocol/bytes.ts";
import type { Random } from "../../protocol/ports.ts";
import type { PeerAddress } from "./links.ts";

/** Candidates that are remembered for one download. */
const CANDIDATE_COUNT_MAX = 512;
const RETRY_MS_FIRST = 500;
const RETRY_MS_MAX = 30_000;

interface Candidate {
  peer: PeerAddress;
  failures: number;
  notBeforeMs: number;
  busy: boolean;
}

export class Candidates {
  readonly #candidates = new Map<string, Candidate>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Learns of peers, or that they moved. */
  add(peers: Iterable<PeerAddress>): void {
    for (const peer of peers) {
      const key = toHex(peer.nodeId);
      const known = this.#candidates.get(key);
      if (known !== undefined) {
        known.peer = peer;
        continue;
      }
      if (this.#candidates.size >= CANDIDATE_COUNT_MAX) this.#forgetWorst();
      this.#candidates.set(key, { peer, failures: 0, notBeforeMs: -Infinity, busy: false });
    }
  }

  /** Whether there is one to `take`. */
  areReady(nowMs: number): boolean {
    return this.#candidates.values().some((candidate) => isReady(candidate, nowMs));
  }

  /** A random one that is worth trying now; it is not given out again until it is `freed`. */
  take(nowMs: number): PeerAddress | undefined {
    const ready = [...this.#candidates.values()].filter((candidate) => isReady(candidate, nowMs));
    const chosen = ready[Math.floor(this.#random() * ready.length)];
    if (chosen === undefined) return undefined;
    chosen.busy = true;
    return chosen.peer;
  }

  /** The peer is in use although it was not taken: it came by itself. */
  occupy(nodeId: Uint8Array): void {
    const known = this.#candidates.get(toHex(nodeId));
    if (known !== undefined) known.busy = true;
  }

  /** The peer is not used any more. After a failure it is left alone for a while. */
  free(nodeId: Uint8Array, outcome: { failed: boolean; nowMs: number }): void {
    const known = this.#candidates.get(toHex(nodeId));
    if (known === undefined) return;
    known.busy = false;
    if (!outcome.failed) {
      known.failures = 0;
      return;
    }
    const pause = Math.min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** known.failures);
    known.notBeforeMs = outcome.nowMs + pause * (0.5 + this.#random());
    known.failures++;
  }

  /** Never try this one again. */
  drop(nodeId: Uint8Array): void {
    this.#candidates.delete(toHex(nodeId));
  }

  /** Makes room: of those that are not in use, one that has failed most often goes. */
  #forgetWorst(): void {
    let worst: [string, Candidate] | undefined;
    for (const entry of this.#candidates) {
      const [, { busy, failures }] = entry;
      if (!busy && failures >= (worst?.[1].failures ?? 0)) worst = entry;
    }
    if (worst !== undefined) this.#candidates.delete(worst[0]);
  }
}

function isReady({ busy, notBeforeMs }: Candidate, nowMs: number): boolean {
  return !busy && notBeforeMs <= nowMs;
}
