/**
 * Version vectors: which changes of a path an entry has seen (D. S. Parker and others, "Detection of
 * mutual inconsistency in distributed systems", 1983).
 *
 * Each replica counts its own changes of a path. A version that has at least the counts of another
 * follows it; two of which neither does are concurrent, and only then somebody has to decide. Clocks have
 * no part in it. A replica is an index, not a machine: one that is made anew counts under a new name,
 * so that forgotten counts are never taken for old ones.
 */

import { REPLICA_COUNT_MAX } from "../../protocol/sync_messages.ts";

/** Names a replica: 16 hexadecimal digits. */
export type ReplicaId = string;

/** A version vector as text, `replica:count` sorted by replica with commas between; "" is before all. */
export type Version = string;

/** Why a version that has no room for a change is not told to the other side. */
export const NO_ROOM_IN_VERSION =
  `more than ${REPLICA_COUNT_MAX} indexes took part in its changes (stop the server and all devices, and ` +
  "remove index.db in .p2pnode of each)";

/** How two versions are related, seen from the first. */
export type Relation = "equal" | "follows" | "precedes" | "concurrent";

/** The version of a path of which nothing is known. */
export const NO_VERSION: Version = "";

/** Whether a version counts changes of no more replicas than can travel. */
export function isTellable(version: Version): boolean {
  return version === NO_VERSION || version.split(",").length <= REPLICA_COUNT_MAX;
}

/** How the version `a` is related to `b`. */
export function compareVersions(a: Version, b: Version): Relation {
  if (a === b) return "equal";
  const left = countsOf(a);
  const right = countsOf(b);
  const isAhead = hasMore(left, right);
  const isBehind = hasMore(right, left);
  if (isAhead) return isBehind ? "concurrent" : "follows";
  return "precedes";
}

/** The smallest version that follows or equals both. */
export function mergeVersions(a: Version, b: Version): Version {
  const merged = countsOf(a);
  for (const [replica, count] of countsOf(b)) {
    merged.set(replica, Math.max(count, merged.get(replica) ?? 0));
  }
  return versionOf(merged);
}

/** The version after one more change by `replica`. */
export function bumpVersion(version: Version, replica: ReplicaId): Version {
  const counts = countsOf(version);
  counts.set(replica, (counts.get(replica) ?? 0) + 1);
  return versionOf(counts);
}

/** The version that counts so many changes of each replica. */
export function versionOf(counts: ReadonlyMap<ReplicaId, number>): Version {
  return [...counts].sort(([a], [b]) => a < b ? -1 : 1).map((pair) => pair.join(":")).join();
}

/** How many changes of each replica a version counts. */
export function countsOf(version: Version): Map<ReplicaId, number> {
  if (version === NO_VERSION) return new Map();
  return new Map(
    version.split(",").map((pair) => {
      const [replica, count] = pair.split(":");
      return [replica!, Number(count)];
    }),
  );
}

function hasMore(a: ReadonlyMap<ReplicaId, number>, b: ReadonlyMap<ReplicaId, number>): boolean {
  for (const [replica, count] of a) if (count > (b.get(replica) ?? 0)) return true;
  return false;
}
