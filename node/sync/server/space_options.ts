/** What all parts of a user's space must know of the server. */

import type { Log } from "../../../protocol/ports.ts";
import type { ExpiryClock } from "./expiry_clock.ts";

export interface SpaceOptions {
  /** How many old versions of a file are kept. */
  readonly keepVersions: number;
  /** For how long old versions are kept. */
  readonly keepMs: number;
  /** Milliseconds since 1970, for display. Decides nothing. */
  readonly wallClock: () => number;
  /** The time by which old versions expire. */
  readonly expiryClock: Pick<ExpiryClock, "now">;
  /** Takes lines that may hold text from elsewhere: whoever prints them makes them printable. */
  readonly log: Log;
}
