/**
 * How many bytes a second moved over the last few seconds, for progress lines and `status`: a
 * moving average over a ring of short time slots, so that counting costs an addition and no memory
 * grows.
 */

import type { Clock } from "../../protocol/ports.ts";

const slotCount = 16;
const slotMs = 250;

/** Counts bytes and tells their recent rate. */
export class RateMeter {
  readonly #slots = new Float64Array(slotCount);
  readonly #startSlot: number;
  /** Number of the newest slot, counted from the start of the clock. */
  #slot: number;
  #total = 0;

  constructor(private readonly clock: Clock) {
    this.#slot = Math.floor(clock.now() / slotMs);
    this.#startSlot = this.#slot;
  }

  /** Bytes counted since the start. */
  get total(): number {
    return this.#total;
  }

  /** Counts bytes that have moved now. */
  add(bytes: number): void {
    this.#advance();
    this.#total += bytes;
    this.#slots[this.#slot % slotCount]! += bytes;
  }

  /** Bytes per second over the last four seconds, or since the start if that is less. */
  rate(): number {
    this.#advance();
    const bytes = this.#slots.reduce((sum, slot) => sum + slot, 0);
    const firstSlot = Math.max(this.#startSlot, this.#slot - slotCount + 1);
    // Within its first slot a meter has seen too little time to tell a rate.
    const elapsedMs = Math.max(slotMs, this.clock.now() - firstSlot * slotMs);
    return bytes / elapsedMs * 1000;
  }

  /** Empties the slots that have come round since the last call. */
  #advance(): void {
    const slot = Math.floor(this.clock.now() / slotMs);
    const passed = Math.min(slotCount, slot - this.#slot);
    for (let step = 1; step <= passed; step++) this.#slots[(slot - passed + step) % slotCount] = 0;
    this.#slot = slot;
  }
}
