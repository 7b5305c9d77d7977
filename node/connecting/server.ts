/**
 * Runs a server: listens, has whoever calls received, lets time pass, and ends all of it together. What makes one
 * server differ from another is its `Service`.
 */

import { AnySignal } from "../../protocol/any_signal.ts";
import type { ProtocolError } from "../../protocol/errors.ts";
import { LimitedLog } from "../../protocol/limited_log.ts";
import { passTime } from "../../protocol/passing_time.ts";
import type { Ticking } from "../../protocol/passing_time.ts";
import type { Address, Listener, Log } from "../../protocol/ports.ts";
import type { Endpoint } from "./endpoint.ts";
import { Reception } from "./reception.ts";
import type { ReceptionOptions } from "./reception.ts";

/** Time passes in steps of this length. */
const TICK_MS = 500;

/** What every server is run with. */
export interface ServerOptions extends Endpoint {
  /** Port 0 picks a free one. */
  readonly port: number;
  /** The address to listen on. */
  readonly host: string;
  /** Takes lines that may hold text from elsewhere: whoever prints them makes them printable. */
  readonly log: Log;
  /** Ends the server. */
  readonly signal: AbortSignal;
  /** Called once connections are accepted, with the address in use. */
  readonly onListening: (address: Address) => void;
}

/** What a server does for those who are connected. */
export interface Service
  extends Pick<ReceptionOptions, "role" | "expect" | "connectionsMax" | "welcome"> {
  /** Time passes for these when it has passed for the connections. */
  readonly ticking?: readonly Ticking[];
  /** Why connections are closed when the server ends; without it they end without a word. */
  readonly farewell?: ProtocolError;
  /** Begins what is done while nobody asks for anything; called once connections are accepted. */
  begin?(): void;
  /** Ends what is under way, when all connections are closed. */
  close?(): Promise<void>;
}

/** What a service is made with. */
export interface ServiceContext {
  readonly log: LimitedLog;
  /** Aborted when the server ends, whatever ends it. */
  readonly signal: AbortSignal;
}

/** Runs a server until its signal is aborted. Throws when it cannot listen. */
export async function runServer(
  options: ServerOptions,
  open: (context: ServiceContext) => Service,
): Promise<void> {
  const { clock, network, host, port } = options;
  const log = new LimitedLog(options.log);
  const ending = new AbortController();
  using stopping = new AnySignal([options.signal, ending.signal]);
  const { signal } = stopping;
  const service = open({ log, signal });
  const reception = new Reception({ ...options, ...service, log });
  let listener: Listener | undefined;
  let passing: Promise<void> | undefined;
  try {
    listener = network.listen({ host, port });
    const ticking = [log, reception, ...service.ticking ?? []];
    passing = passTime({ clock, stepMs: TICK_MS, signal }, ticking);
    options.onListening(listener.address);
    service.begin?.();
    await Promise.race([passing, reception.serve(listener)]);
  } finally {
    ending.abort();
    listener?.close();
    await reception.close(service.farewell);
    await service.close?.();
    await passing;
  }
}
