/** The versions that changes on this device make. */

import { ABSENT, sameState } from "../entry.ts";
import type { State } from "../entry.ts";
import { bumpVersion, compareVersions, countsOf, NO_VERSION, versionOf } from "../version.ts";
import type { ReplicaId, Version } from "../version.ts";
import type { Row } from "./row.ts";

/**
 * The row after a change here: the path has this state now.
 *
 * Where that is what the server said, it is no change: somebody brought it here and was stopped before it
 * was noted. A version of its own would stand against whatever the server says next.
 */
export function changedRow(
  row: Row,
  { state, stamp, replica }: {
    readonly state: State;
    /** Of a file; "" for anything else. */
    readonly stamp: string;
    readonly replica: ReplicaId;
  },
): Row {
  const { kind, id, size, executable } = state;
  const version = isFromServer(row, state) ? row.remote!.version : nextVersion(row, replica);
  return { ...row, local: { kind, id, size, executable, version, stamp } };
}

/** The row after a deletion here. */
export function deletedRow(row: Row, replica: ReplicaId): Row {
  return changedRow(row, { state: ABSENT, stamp: "", replica });
}

/** Whether a state is what the server has, and what is known of here is older. */
function isFromServer({ local, remote }: Row, state: State): boolean {
  if (remote === undefined || !sameState(state, remote)) return false;
  return local === undefined || compareVersions(local.version, remote.version) === "precedes";
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
