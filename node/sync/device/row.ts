/**
 * What a device knows of a path: what is on its own disk, and what the server said last.
 *
 * Both carry a version. Equal versions mean that the path is synced; otherwise the relation of the two
 * says what there is to do (reconcile.ts), so that no other memory of unfinished work is needed.
 */

import type { State } from "../entry.ts";
import type { Version } from "../version.ts";

/** What the device itself has at a path. Absent stands for a deletion that happened here or was applied. */
export interface LocalSide extends State {
  readonly version: Version;
  /** Of a file: its stamp when it was known to hold this state (folder.ts). "" for anything else. */
  readonly stamp: string;
}

/** What the server has at a path. */
export interface RemoteSide extends State {
  readonly version: Version;
}

/** A path. A side of which nothing is known is undefined: that is no deletion. */
export interface Row {
  readonly path: string;
  readonly local: LocalSide | undefined;
  readonly remote: RemoteSide | undefined;
}
