/** The sync server: listens, greets devices and lets time pass for its users. */

import type {
  Address,
  Clock,
  Identity,
  Log,
  Network,
  Random,
  VerifySignature,
} from "../../../protocol/ports.ts";
import type { UserPieces } from "./ports.ts";

export interface SyncServerOptions {
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
  /** Milliseconds since 1970, for the expiry of old versions and for display. Decides nothing else. */
  readonly wallClock: () => number;
}

/** Runs a sync server until `signal` is aborted. Throws when it cannot listen. */
export type RunSyncServer = (options: SyncServerOptions) => Promise<void>;
