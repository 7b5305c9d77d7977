/** The sync server: listens, greets devices and lets time pass for its users. */

import { AnySignal } from "../../../protocol/any_signal.ts";
import { LimitedLog } from "../../../protocol/limited_log.ts";
import { passTime } from "../../../protocol/passing_time.ts";
import type {
  Address,
  Clock,
  Identity,
  Log,
  Network,
  VerifySignature,
} from "../../../protocol/ports.ts";
import { Reception } from "../../serving/reception.ts";
import { DeviceSession } from "./device_session.ts";
import type { UserPieces } from "./ports.ts";
import { Users } from "./users.ts";

/** Time passes in steps of this length. */
const TICK_MS = 500;
/** A process may open about 20,000 files. */
const CONNECTIONS_MAX = 4096;

export interface SyncServerOptions {
  /** Port 0 picks a free one. */
  readonly port: number;
  /** The address to listen on. */
  readonly host: string;
  readonly network: Network;
  readonly clock: Clock;
  /** The server's own key. */
  readonly identity: Identity;
  /** 32 bytes that were never used before. */
  readonly nonce: () => Uint8Array;
  readonly verify: VerifySignature;
  /** Program and version, as told to the devices. */
  readonly agent: string;
  /** Takes lines that may hold text from elsewhere: whoever prints them makes them printable. */
  readonly log: Log;
  /** Ends the server. */
  readonly signal: AbortSignal;
  /** Called once connections are accepted, with the address in use. */
  readonly onListening: (address: Address) => void;
  /** Opens a user's space; the name has passed `userNameProblem`. Throws `Cannot X: reason`. */
  readonly openUser: (name: string) => Promise<UserPieces>;
  /** How many old versions of a file are kept. */
  readonly keepVersions: number;
  /** For how long old versions are kept. */
  readonly keepMs: number;
  /** Milliseconds since 1970, which may jump: for the expiry of old versions and for display. */
  readonly wallClock: () => number;
}

/** Runs a sync server until `signal` is aborted. Throws when it cannot listen. */
export async function runSyncServer(options: SyncServerOptions): Promise<void> {
  const { clock, network, host, port } = options;
  const log = new LimitedLog(options.log);
  const ending = new AbortController();
  using stopping = new AnySignal([options.signal, ending.signal]);
  const { signal } = stopping;
  const users = new Users({ ...options, log });
  const reception = new Reception({
    ...options,
    role: "sync-server",
    expect: "device",
    connectionsMax: CONNECTIONS_MAX,
    log,
    welcome: (connection, remote) => new DeviceSession({ connection, remote, users }),
  });
  const listener = network.listen({ host, port });
  const passing = passTime({ clock, stepMs: TICK_MS, signal }, [log, reception, users]);
  try {
    options.onListening(listener.address);
    await Promise.race([passing, reception.serve(listener)]);
  } finally {
    ending.abort();
    listener.close();
    await reception.close();
    await users.close();
    await passing;
  }
}
