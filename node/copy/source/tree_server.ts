/** The source of trees: listens, greets copiers, and lets time pass for them. What it does is in its sessions. */

import { AnySignal } from "../../../protocol/any_signal.ts";
import { ErrorCode, ProtocolError } from "../../../protocol/errors.ts";
import { LimitedLog } from "../../../protocol/limited_log.ts";
import { passTime } from "../../../protocol/passing_time.ts";
import type {
  Address,
  Clock,
  Identity,
  Log,
  Network,
  Random,
  VerifySignature,
} from "../../../protocol/ports.ts";
import { Reception } from "../../serving/reception.ts";
import { RateLimit } from "../../swarm/rate_limit.ts";
import type { ContentReader } from "../../transfer/stage.ts";
import { HashMemory } from "./hash_memory.ts";
import { HashWorkers } from "./hash_workers.ts";
import type { SourceFolder } from "./ports.ts";
import { SourceWatch } from "./source_watch.ts";
import { TreeSession } from "./tree_session.ts";
import type { TreeEvents } from "./tree_session.ts";

/** Time passes in steps of this length. */
const TICK_MS = 500;
/** Each open tree takes a few megabytes at most. */
const CLIENTS_MAX = 256;
/** Files whose contents are remembered: 64 MiB for that many. */
const REMEMBERED_MAX = 2 ** 20;

export interface TreeServerOptions {
  /** Port 0 picks a free one. */
  readonly port: number;
  /** The address to listen on. */
  readonly host: string;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  /** The server's own key. */
  readonly identity: Identity;
  /** 32 bytes that were never used before. */
  readonly nonce: () => Uint8Array;
  readonly verify: VerifySignature;
  /** Program and version, as told to the clients. */
  readonly agent: string;
  /** Takes lines that may hold text from elsewhere: whoever prints them makes them printable. */
  readonly log: Log;
  /** Ends the server. */
  readonly signal: AbortSignal;
  /** Called once connections are accepted, with the address in use. */
  readonly onListening: (address: Address) => void;
  /** What is offered. */
  readonly folder: SourceFolder;
  /** Reads and hashes its files. */
  readonly contents: ContentReader;
  /** How many workers hash files. */
  readonly workerCount: number;
  /** How many files may wait for the workers, those of all clients together. */
  readonly queueLength: number;
  /** How many bytes are read and sent at once, at most `CHUNK_SIZE_MAX`. */
  readonly chunkSize: number;
  /** Bytes a second to send at most, to all clients together. */
  readonly upLimit?: number | undefined;
  readonly events: TreeEvents;
}

/** Runs a source until `signal` is aborted. Throws when it cannot listen. */
export async function runTreeServer(options: TreeServerOptions): Promise<void> {
  const { clock, network, host, port, random, folder } = options;
  const log = new LimitedLog(options.log);
  const ending = new AbortController();
  using stopping = new AnySignal([options.signal, ending.signal]);
  const { signal } = stopping;
  const listener = network.listen({ host, port });
  const memory = new HashMemory({ countMax: REMEMBERED_MAX, random });
  const workers = new HashWorkers({ ...options, memory });
  const watch = new SourceWatch(folder, { signal, log: (line) => log.write(line) });
  const limit = new RateLimit(options.upLimit, clock);
  const reception = new Reception({
    ...options,
    role: "source",
    expect: "copier",
    connectionsMax: CLIENTS_MAX,
    log,
    welcome: (connection) => new TreeSession(connection, { ...options, workers, watch, limit }),
  });
  let hashingAhead: Promise<void> | undefined;
  const passing = passTime({ clock, stepMs: TICK_MS, signal }, [log, reception]);
  try {
    options.onListening(listener.address);
    hashingAhead = workers.hashAhead();
    await Promise.race([passing, reception.serve(listener)]);
  } finally {
    ending.abort();
    listener.close();
    await reception.close(new ProtocolError(ErrorCode.failed, "Cannot go on: the source stops"));
    await workers.close();
    await hashingAhead;
    await watch.ended();
    await passing;
  }
}
