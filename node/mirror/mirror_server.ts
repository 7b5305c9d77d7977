/** The mirror server: listens for initiators, and lets time pass for them. */

import { AnySignal } from "../../protocol/any_signal.ts";
import { ErrorCode, ProtocolError } from "../../protocol/errors.ts";
import { LimitedLog } from "../../protocol/limited_log.ts";
import { passTime } from "../../protocol/passing_time.ts";
import type { Address, Log } from "../../protocol/ports.ts";
import type { KnownContents } from "../copy/known_contents.ts";
import { Reception } from "../serving/reception.ts";
import type { Stage } from "../transfer/stage.ts";
import type { MirrorContext } from "./context.ts";
import { FairWorkers } from "./fair_workers.ts";
import { MirrorSession } from "./mirror_session.ts";
import type { MirrorEvents } from "./mirror_session.ts";
import { Places } from "./places.ts";
import { SharedContents } from "./shared_contents.ts";

/** Time passes in steps of this length. */
const TICK_MS = 500;
/** Each order may have many sources. */
const INITIATORS_MAX = 64;
/** Jobs that may wait for a worker, of each source. */
const QUEUE_LENGTH = 16;

export interface MirrorServerOptions
  extends Omit<MirrorContext, "space" | "shared" | "workers" | "places"> {
  /** Port 0 picks a free one. */
  readonly port: number;
  /** The address to listen on. */
  readonly host: string;
  /** Where the mirrors are, and what they are made with. */
  readonly space: MirrorContext["space"] & {
    readonly stage: Stage;
    readonly known: KnownContents;
  };
  /** How many jobs are done at once, unless there are more sources than that. */
  readonly workerCount: number;
  /** Takes lines that may hold text from elsewhere: whoever prints them makes them printable. */
  readonly log: Log;
  /** Ends the server. */
  readonly signal: AbortSignal;
  /** Called once connections are accepted, with the address in use. */
  readonly onListening: (address: Address) => void;
  readonly events: MirrorEvents;
}

/** Runs a mirror server until `signal` is aborted. Throws when it cannot listen. */
export async function runMirrorServer(options: MirrorServerOptions): Promise<void> {
  const { clock, network, host, port, space, events } = options;
  const log = new LimitedLog(options.log);
  const ending = new AbortController();
  using stopping = new AnySignal([options.signal, ending.signal]);
  const { signal } = stopping;
  const context: MirrorContext = {
    ...options,
    shared: new SharedContents({ ...space, pathOf: (path) => space.folder.pathOf(path) }),
    workers: new FairWorkers({ workers: options.workerCount, queue: QUEUE_LENGTH }),
    places: new Places(),
  };
  let orderCount = 0;
  const nextNumber = () => ++orderCount;
  const reception = new Reception({
    ...options,
    role: "mirror",
    expect: "initiator",
    connectionsMax: INITIATORS_MAX,
    log,
    welcome: (connection) => new MirrorSession({ connection, context, events, nextNumber }),
  });
  const listener = network.listen({ host, port });
  const passing = passTime({ clock, stepMs: TICK_MS, signal }, [log, reception]);
  try {
    options.onListening(listener.address);
    await Promise.race([passing, reception.serve(listener)]);
  } finally {
    ending.abort();
    listener.close();
    await reception.close(
      new ProtocolError(ErrorCode.failed, "Cannot go on: the mirror server stops"),
    );
    await passing;
  }
}
