/** The sync server: gives each device that connects a session, and lets time pass for its users. */

import { runServer } from "../../connecting/server.ts";
import type { ServerOptions } from "../../connecting/server.ts";
import { DeviceSession } from "./device_session.ts";
import type { UserPieces } from "./ports.ts";
import { Users } from "./users.ts";

/** A process may open about 20,000 files. */
const CONNECTIONS_MAX = 4096;

export interface SyncServerOptions extends ServerOptions {
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
  await runServer(options, ({ log }) => {
    const users = new Users({ ...options, log });
    return {
      role: "sync-server",
      expect: "device",
      connectionsMax: CONNECTIONS_MAX,
      welcome: (connection, remote) => new DeviceSession({ connection, remote, users }),
      ticking: [users],
      close: () => users.close(),
    };
  });
}
