/** The versions that changes on this device make. */

import { ABSENT, sameState } from "../entry.ts";
import type { Entry, State } from "../entry.ts";
import { bumpVersion, compareVersions, countsOf, NO_VERSION, versionOf } from "../version.ts";
import type { ReplicaId, Version } from "../version.ts";
import type { DeviceIndex } from "./device_index.ts";
import type { Row } from "./row.ts";

/** The part of a device's index that versions are made from. */
type Versions = Pick<DeviceIndex, "replica" | "intended">;

/**
 * The row after a change here: the path has this state now.
 *
 * Where that is what the server said, or what was to be brought here, it is no change: this device brought
 * it and was stopped before it was noted. A version of its own would stand against whatever the server says
 * next.
 */
export function changedRow(
  row: Row,
  { state, stamp, index }: {
    readonly state: State;
    /** Of a file; "" for anything else. */
    readonly stamp: string;
    readonly index: Versions;
  },
): Row {
  const { kind, id, size, executable } = state;
  const known = [row.remote, ...index.intended(row.path)];
  const version = known.find((one) => isBrought(row, state, one))?.version ??
    nextVersion(row, index.replica);
  return { ...row, local: { kind, id, size, executable, version, stamp } };
}

/** The row after a deletion here. */
export function deletedRow(row: Row, index: Versions): Row {
  return changedRow(row, { state: ABSENT, stamp: "", index });
}

/**
 * Whether a state is what was known to come, and what is known of here does not follow it: it is older, or it lost
 * against it, as a deletion does against an edit that did not know of it.
 */
function isBrought({ local }: Row, state: State, known: Omit<Entry, "path"> | undefined): boolean {
  if (known === undefined || !sameState(state, known)) return false;
  if (local === undefined) return true;
  const relation = compareVersions(local.version, known.version);
  return relation === "precedes" || relation === "concurrent";
}

/**
 * The version of one more change. Of something that was found without being known nobody can say that it
 * was made with knowledge of the server's, so its version is no successor of that.
 */
function nextVersion({ local, remote }: Row, replica: ReplicaId): Version {
  if (local !== undefined) return bumpVersion(local.version, replica);
  const count = countsOf(remote?.version ?? NO_VERSION).get(replica) ?? 0;
  return versionOf(new Map([[replica, count + 1]]));
}
