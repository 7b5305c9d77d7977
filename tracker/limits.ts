/** How much the registry may hold, and how that is counted. */

import { ErrorCode } from "../protocol/errors.ts";
import type { Holding, SwarmNode } from "./entries.ts";
import { Refusal } from "./refusal.ts";

export interface RegistryLimits {
  /** How many files one node may have, each counted as often as it has names. */
  readonly filesPerNode: number;
  /** How many bytes all entries may take, counted with the costs below. */
  readonly memory: number;
}

export const DEFAULT_LIMITS: RegistryLimits = { filesPerNode: 1_000_000, memory: 2 ** 30 };

/** A content may have so many names on one node. Only empty files have more than a few. */
export const NAMES_PER_HOLDING_MAX = 65_536;

/** What entries take in memory, in bytes, without names and bitfields: measured, and rounded up. */
export const NODE_COST = 1024;
export const FILE_COST = 1024;
export const HOLDING_COST = 192;
const LISTING_COST = 512;

/** What a file takes for one of its names. A character takes two bytes at most. */
export function listingCost(name: string): number {
  return LISTING_COST + 2 * name.length;
}

/** Throws a `Refusal` when a node cannot have one more file, or one more name of a file. */
export function requirePlace(
  node: SwarmNode,
  holding: Holding | undefined,
  limits: RegistryLimits,
): void {
  const names = holding?.listings.length ?? 0;
  if (node.fileCount >= limits.filesPerNode || names >= NAMES_PER_HOLDING_MAX) {
    throw new Refusal(
      ErrorCode.limit,
      `Cannot list more: the limit is ${limits.filesPerNode} files a node, and ` +
        `${NAMES_PER_HOLDING_MAX} names for the same content`,
    );
  }
}

/** Counts the memory that entries take. */
export class MemoryBudget {
  readonly #limit: number;
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** Throws a `Refusal` when there is no room for `size` bytes more. */
  requireRoom(size: number): void {
    if (size > 0 && this.#used + size > this.#limit) {
      throw new Refusal(ErrorCode.limit, "Cannot list more: the tracker's memory is used up");
    }
  }

  /** Counts `size` bytes more, or less when it is negative. */
  add(size: number): void {
    this.#used += size;
  }
}
