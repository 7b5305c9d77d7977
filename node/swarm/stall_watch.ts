/**
 * Notices that a peer which owes content does not send it.
 *
 * Only content counts, for anything else keeps a link alive and brings nothing; and only while this node
 * reads, for otherwise the peer cannot send.
 */

import type { Link } from "./link.ts";

/** A peer that does not send at least so much in so long has stalled. */
const STALL_MS = 5_000;
const STALL_BYTES = 4 * 1024;

export class StallWatch {
  readonly #link: Link;
  #heardBytes = 0;
  #heardMs = 0;

  constructor(link: Link) {
    this.#link = link;
  }

  /** The peer has done what it should, or owes nothing yet. */
  heard(nowMs: number): void {
    this.#heardBytes = this.#link.contentBytes;
    this.#heardMs = nowMs;
  }

  /** Whether a peer that owes content has stalled. */
  isStalled(nowMs: number): boolean {
    const { contentBytes, isHeldBack } = this.#link;
    if (isHeldBack || contentBytes - this.#heardBytes >= STALL_BYTES) {
      this.heard(nowMs);
    }
    return nowMs - this.#heardMs >= STALL_MS;
  }
}
