/** What all who live in a simulated world share: its time, network, chance and chronicle. */

import { Dice } from "./dice.ts";
import { MemoryNetwork } from "./memory_network.ts";
import type { MemoryNetworkOptions } from "./memory_network.ts";
import type { Line } from "./memory_pipe.ts";
import { Trace } from "./trace.ts";
import { VirtualTime } from "./virtual_time.ts";

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

/** What a world's network is like. */
export type WorldOptions = Pick<MemoryNetworkOptions, "clockSpreadMs"> & {
  readonly line?: (dice: Dice) => Line;
};

/** An empty world; `hear` takes each line of what is said in it. */
export function makeWorld(
  seed: number,
  hear: (who: string, line: string) => void,
  { line, ...options }: WorldOptions = {},
): World {
  const dice = new Dice(seed);
  const time = new VirtualTime(dice.fork().random);
  const trace = new Trace();
  const forNetwork = dice.fork();
  const network = new MemoryNetwork({
    ...options,
    time,
    dice: forNetwork,
    trace,
    ...(line === undefined ? {} : { line: () => line(forNetwork) }),
  });
  const tell = (who: string, line: string) => {
    trace.add(time.nowMs);
    trace.addText(line);
    hear(who, line);
  };
  return { time, dice, network, trace, tell };
}
