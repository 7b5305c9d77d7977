/**
 * What there is to do about a path, from what is here, what the server has, and how their versions are
 * related. Pure: it decides, others do.
 *
 * Where both sides changed the same path, nothing that somebody wrote is lost: an edit outlives a deletion,
 * a folder keeps its name, and of two contents the one that came to the server first keeps it.
 */

import { sameBytes } from "../../../protocol/bytes.ts";
import { sameState } from "../entry.ts";
import type { State } from "../entry.ts";
import { compareVersions, isTellable, mergeVersions } from "../version.ts";
import type { Version } from "../version.ts";
import type { LocalSide, RemoteSide, Row } from "./row.ts";

export type Decision =
  /** Nothing. */
  | { readonly kind: "synced" }
  /** The server is to have what is here. */
  | { readonly kind: "put" }
  /** What is here takes this version, and nothing else changes; it goes to the server if it is a new one. */
  | { readonly kind: "adopt"; readonly version: Version }
  /** What is here stays, as a change that follows both sides. */
  | { readonly kind: "keep"; readonly version: Version }
  /** What the server has is to be here, under this version. */
  | { readonly kind: "apply"; readonly version: Version }
  /** The file here gets a name of its own, then what the server has is to be here. */
  | { readonly kind: "move-local"; readonly version: Version }
  /** The server's file gets a name of its own here; the folder here stays, as a change that follows both. */
  | { readonly kind: "copy-remote"; readonly version: Version };

const SYNCED: Decision = { kind: "synced" };
const PUT: Decision = { kind: "put" };

/** The version of what was found once, without being known, and never changed. Nobody needs to hear of it. */
const FOUND = /^[0-9a-f]{16}:1$/;

/** Decides what to do. A `keep` or `copy-remote` has the merged version; whoever does it counts a change. */
export function reconcile({ local, remote }: Row): Decision {
  if (remote === undefined) {
    return local === undefined || local.kind === "absent" ? SYNCED : PUT;
  }
  if (local === undefined) return applied(remote, undefined);
  switch (compareVersions(local.version, remote.version)) {
    case "equal":
      // An index that was set back to an older state may have counted twice the same.
      return sameState(local, remote) ? SYNCED : resolve(local, remote, remote.version);
    case "follows":
      return PUT;
    case "precedes":
      return applied(remote, local);
    case "concurrent":
      return resolve(local, remote, mergeVersions(local.version, remote.version));
  }
}

/** Whether there is nothing to do about a row, now or later. */
export function isSynced({ local, remote }: Row): boolean {
  if (local !== undefined && remote !== undefined && local.version === remote.version) {
    return sameState(local, remote);
  }
  return remote === undefined && (local === undefined || local.kind === "absent");
}

function applied(remote: RemoteSide, local: State | undefined): Decision {
  const { version } = remote;
  const isHere = local === undefined ? remote.kind === "absent" : sameState(local, remote);
  return { kind: isHere ? "adopt" : "apply", version };
}

function resolve(local: LocalSide, remote: RemoteSide, merged: Version): Decision {
  if (sameState(local, remote)) {
    // The server's is always good enough; what it does not know of then would only spare others a conflict.
    const isMerged = !FOUND.test(local.version) && isTellable(merged);
    return { kind: "adopt", version: isMerged ? merged : remote.version };
  }
  if (local.kind === "absent") return { kind: "apply", version: remote.version };
  if (remote.kind === "absent") return { kind: "keep", version: merged };
  if (local.kind === "folder") return { kind: "copy-remote", version: merged };
  const isSameContent = local.size === remote.size && sameBytes(local.id, remote.id);
  if (remote.kind === "file" && isSameContent) {
    // Only the right to execute differs, and who has it keeps it.
    return local.executable
      ? { kind: "keep", version: merged }
      : { kind: "apply", version: remote.version };
  }
  return { kind: "move-local", version: remote.version };
}
