/** What all who live in a simulated world share: its time, network, chance and chronicle. */

import type { Dice } from "./dice.ts";
import type { MemoryNetwork } from "./memory_network.ts";
import type { Trace } from "./trace.ts";
import type { VirtualTime } from "./virtual_time.ts";

export interface World {
  readonly time: VirtualTime;
  readonly network: MemoryNetwork;
  readonly dice: Dice;
  readonly trace: Trace;
  /** Takes note of what `who` says. */
  readonly tell: (who: string, line: string) => void;
}

/** Where the tracker is. */
export const TRACKER = { host: "tracker", port: 5000 } as const;
