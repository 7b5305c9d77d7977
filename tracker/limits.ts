/** How much the registry may hold, and how that is counted. */

import { ErrorCode } from "../protocol/errors.ts";
import type { SwarmNode } from "./entries.ts";
import { Refusal } from "./refusal.ts";

/** How much a registry takes before it refuses more. */
export interface RegistryLimits {
  /** How many files one node may have; one under several names counts for each of them. */
  readonly filesPerNode: number;
  /** How many bytes all entries may take, counted with the costs below. */
  readonly memory: number;
}

/** A million files a node, and a GiB of memory. */
export const DEFAULT_LIMITS: RegistryLimits = { filesPerNode: 1_000_000, memory: 2 ** 30 };

/** What entries take in memory, in bytes, without names and bitfields: measured, and rounded up. */
export const NODE_COST = 1024;
export const FILE_COST = 1024;
export const HOLDING_COST = 192;
/** One more name of a file on a node that has it under another. */
export const ALIAS_COST = 256;
const LISTING_COST = 512;

/** What a file takes for one of its names. A character takes two bytes at most. */
export function listingCost(name: string): number {
  return LISTING_COST + 2 * name.length;
}

/** Throws a `Refusal` when a node cannot have one more file. */
export function requirePlace({ fileCount }: SwarmNode, { filesPerNode }: RegistryLimits): void {
  if (fileCount >= filesPerNode) {
    throw new Refusal(
      ErrorCode.limit,
      `Cannot list more files: the limit is ${filesPerNode} a node`,
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
