/**
 * The tracker: puts registry, connections, batch and state file together and lets time pass for them.
 *
 * One loop wakes a few times a second. It is the only place that looks at the clock: everything else goes
 * by the time of the last tick.
 */

import { AnySignal } from "../protocol/any_signal.ts";
import type { Connection } from "../protocol/connection.ts";
import { LimitedLog } from "../protocol/limited_log.ts";
import { passTime } from "../protocol/passing_time.ts";
import type { Address, Clock, Log, Network, Random } from "../protocol/ports.ts";
import { Batch } from "./batch.ts";
import { Reception } from "./reception.ts";
import type { ReceptionOptions } from "./reception.ts";
import { Registry } from "./registry.ts";
import { StateFile } from "./state.ts";
import { Swarm } from "./swarm.ts";

/** Time passes in steps of this length, or of a part of the time to live when that is short. */
const TICK_MS = 500;
const TICK_PART_OF_TTL = 1 / 8;
/** How long the members of a finished batch get to end. */
const DISMISSAL_MAX_MS = 5000;

export interface TrackerOptions extends Omit<ReceptionOptions, "swarm" | "log"> {
  /** Port 0 picks a free one. */
  readonly port: number;
  /** The address to listen on. */
  readonly host: string;
  /** Batch mode: how many nodes begin together and end together. */
  readonly expect?: number | undefined;
  /** A node that is not heard for this long is forgotten. */
  readonly ttlMs: number;
  /** The file that keeps the registry over a restart. Without it nothing is kept. */
  readonly statePath?: string | undefined;
  readonly network: Network;
  readonly random: Random;
  /** Takes lines that may hold text from elsewhere: whoever prints them makes them printable. */
  readonly log: Log;
  /** Ends the tracker. */
  readonly signal: AbortSignal;
  /** Called once connections are accepted, with the address in use. */
  readonly onListening: (address: Address) => void;
}

/**
 * Runs a tracker until `signal` is aborted or its batch is finished. Throws when it cannot listen or cannot
 * use the state file.
 */
export async function runTracker(options: TrackerOptions): Promise<void> {
  const { clock, ttlMs, expect, statePath } = options;
  const log = new LimitedLog(options.log);
  const ending = new AbortController();
  using stopping = new AnySignal([options.signal, ending.signal]);
  const { signal } = stopping;
  const batch = expect === undefined ? undefined : makeBatch(expect, log, () => ending.abort());
  await using state = statePath === undefined ? undefined : StateFile.open(statePath, options.log);
  const registry = new Registry({ random: options.random, observer: state?.changes });
  state?.load(registry);
  const swarm = new Swarm({ registry, batch, ttlMs, log });
  const reception = new Reception({ ...options, swarm, log });
  const listener = options.network.listen({ host: options.host, port: options.port });
  const stepMs = Math.min(TICK_MS, ttlMs * TICK_PART_OF_TTL);
  const passing = passTime({ clock, stepMs, signal }, [log, reception, swarm]);
  const saving = state?.run(clock, signal);
  try {
    options.onListening(listener.address);
    await Promise.race([passing, reception.serve(listener)]);
    if (batch?.finished) await dismiss(swarm.connectionsOf(batch.members), clock);
  } finally {
    ending.abort();
    listener.close();
    await reception.close();
    await Promise.all([passing, saving]);
  }
}

function makeBatch(expect: number, log: LimitedLog, end: () => void): Batch {
  return new Batch({
    expect,
    onStarted: () => log.write(`the batch of ${expect} is complete and begins`),
    onFinished: () => {
      log.write(`the batch of ${expect} is done and ends`);
      end();
    },
  });
}

/** Tells the members of a batch to end, and waits until they have hung up, or long enough. */
async function dismiss(connections: readonly Connection[], clock: Clock): Promise<void> {
  for (const connection of connections) connection.send({ type: "stop" });
  const waiting = new AbortController();
  await Promise.race([
    Promise.all(connections.map((connection) => connection.closed)),
    clock.sleep(DISMISSAL_MAX_MS, waiting.signal),
  ]);
  waiting.abort();
}
