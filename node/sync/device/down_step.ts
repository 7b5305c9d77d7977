/**
 * What is done to the folder, and then noted in the index, to bring a path to what the server has: one step
 * for each path, made from its row. Making a step changes nothing.
 */

import { sameBytes } from "../../../protocol/bytes.ts";
import type { LocatedContent, WantedContent } from "../../transfer/contents.ts";
import { ABSENT, FOLDER } from "../entry.ts";
import type { Change } from "../../folder/live_folder.ts";
import { bumpVersion } from "../version.ts";
import type { Version } from "../version.ts";
import { conflictName } from "./conflict_name.ts";
import type { Ledger } from "./ledger.ts";
import { changedRow } from "./next_version.ts";
import { reconcile } from "./reconcile.ts";
import type { LocalSide, RemoteSide, Row } from "./row.ts";

/**
 * What is at a path here after a step. It says nothing of the server, of which more may be known by then than
 * when the step was made.
 */
export type StepResult = Pick<Row, "path" | "local">;

/** How a path comes to what the server has. */
export interface DownStep {
  readonly path: string;
  /** The content that has to be staged first. */
  readonly want?: WantedContent;
  /** Other paths that change as well. */
  readonly touched: readonly string[];
  /** The changes of the folder, in their order. `staged` is where the wanted content is. */
  changes(staged: string): Change[];
  /** What to note when all changes are done; `stamp` is that of the last change. */
  results(stamp: string): StepResult[];
  /** The name that a conflict gave to one of the contents. */
  readonly copy?: string;
}

export interface DownStepOptions {
  readonly ledger: Ledger;
  /** What the device calls itself, for the names of conflict copies. */
  readonly device: string;
}

/** The step for a row; undefined where nothing is to be done any more, or no name is free for a copy. */
export function downStep(row: Row, options: DownStepOptions): DownStep | undefined {
  const decision = reconcile(row);
  switch (decision.kind) {
    case "synced":
    case "put":
      return undefined;
    case "adopt":
      return noted(row, decision.version);
    case "keep":
      return noted(row, bumpVersion(decision.version, options.ledger.index.replica));
    case "apply":
      return apply(row, decision.version, options);
    case "move-local":
      return moveAside(row, options);
    case "copy-remote":
      return copyRemote(row, decision.version, options);
  }
}

/** The step that gives the file at a path, which is to be a folder, a name of its own. */
export function moveAside(row: Row, { ledger, device }: DownStepOptions): DownStep | undefined {
  const local = row.local!;
  const copy = freeName(row.path, { state: local, ledger, device });
  if (copy === undefined) return undefined;
  const { path, remote } = row;
  const { index } = ledger;
  const expect = local.stamp;
  // What the server has is applied afterwards, to a path of which nothing is known.
  const left = remote === undefined || remote.kind === "absent"
    ? changedRow(row, { state: ABSENT, stamp: "", index })
    : { path, local: undefined };
  if (copy.isThere) {
    const changes = (): Change[] => [{ kind: "remove", path, expect }];
    return { path, touched: [], changes, results: () => [left], copy: copy.path };
  }
  const { executable } = local;
  return {
    path,
    touched: [copy.path],
    changes: () => [{ kind: "move", from: path, expect, path: copy.path, executable }],
    results: (stamp) => [
      changedRow(ledger.row(copy.path), { state: local, stamp, index }),
      left,
    ],
    copy: copy.path,
  };
}

function noted(row: Row, version: Version): DownStep {
  const side = row.local ?? { ...row.remote!, stamp: "" };
  const { path } = row;
  const results = () => [{ path, local: { ...side, version } }];
  return { path, touched: [], changes: () => [], results };
}

function apply(row: Row, version: Version, options: DownStepOptions): DownStep {
  const { path, local } = row;
  const remote = row.remote!;
  const before = clearing(path, local);
  const applied = (stamp: string) => ({ path, local: localSide(remote, version, stamp) });
  if (remote.kind === "absent") {
    return { path, touched: [], changes: () => before, results: () => [applied("")] };
  }
  if (remote.kind === "folder") {
    const changes = (): Change[] => [...before, { kind: "makeFolder", path }];
    return { path, touched: [], changes, results: () => [applied("")] };
  }
  return applyFile({ ...row, remote }, { applied, ledger: options.ledger });
}

function applyFile(
  { path, local, remote }: Row & { readonly remote: RemoteSide },
  { applied, ledger }: { readonly applied: (stamp: string) => StepResult; readonly ledger: Ledger },
): DownStep {
  const { executable } = remote;
  const results = (stamp: string) => [applied(stamp)];
  if (local?.kind === "file" && isSameContent(local, remote)) {
    const expect = local.stamp;
    const changes = (): Change[] => [{ kind: "mode", path, executable, expect }];
    return { path, touched: [], changes, results };
  }
  const holders = ledger.index.holders(remote).filter((holder) => holder.path !== path);
  const leaving = holders.find(isLeaving);
  if (leaving !== undefined && (local === undefined || local.kind === "absent")) {
    const from = leaving.path;
    const { stamp: expect } = leaving.local!;
    const gone = { path: from, local: localSide(leaving.remote!, leaving.remote!.version, "") };
    return {
      path,
      touched: [from],
      changes: () => [{ kind: "move", from, expect, path, executable }],
      results: (stamp) => [applied(stamp), gone],
    };
  }
  const isOver = local?.kind === "file";
  const bases = [...holders, ...(isOver ? [{ path, local }] : [])].map(locate);
  const clear = local?.kind === "folder" ? clearing(path, local) : [];
  const expect = isOver ? local.stamp : undefined;
  return {
    path,
    want: { id: remote.id, size: remote.size, bases },
    touched: [],
    changes: (staged) => [...clear, { kind: "place", path, staged, executable, expect }],
    results,
  };
}

function copyRemote(
  row: Row,
  version: Version,
  { ledger, device }: DownStepOptions,
): DownStep | undefined {
  const { path } = row;
  const remote = row.remote!;
  const { index } = ledger;
  const kept = { path, local: { ...row.local!, version: bumpVersion(version, index.replica) } };
  const copy = freeName(path, { state: remote, ledger, device });
  if (copy === undefined) return undefined;
  if (copy.isThere) {
    return { path, touched: [], changes: () => [], results: () => [kept], copy: copy.path };
  }
  const { executable } = remote;
  return {
    path,
    want: { id: remote.id, size: remote.size, bases: ledger.index.holders(remote).map(locate) },
    touched: [copy.path],
    changes: (staged) => [
      { kind: "place", path: copy.path, staged, executable, expect: undefined },
    ],
    results: (stamp) => [
      changedRow(ledger.row(copy.path), { state: remote, stamp, index }),
      kept,
    ],
    copy: copy.path,
  };
}

/** What takes away what is at a path. */
function clearing(path: string, local: LocalSide | undefined): Change[] {
  if (local?.kind === "file") return [{ kind: "remove", path, expect: local.stamp }];
  return local?.kind === "folder" ? [{ kind: "removeFolder", path }] : [];
}

function localSide(remote: RemoteSide, version: Version, stamp: string): LocalSide {
  const { kind, id, size, executable } = kindOnly(remote);
  return { kind, id, size, executable, version, stamp };
}

function kindOnly(remote: RemoteSide) {
  if (remote.kind === "file") return remote;
  return remote.kind === "folder" ? FOLDER : ABSENT;
}

/** Whether a file is to be deleted here because it was on another device, so that it can be moved. */
function isLeaving(row: Row): boolean {
  return row.remote?.kind === "absent" && reconcile(row).kind === "apply";
}

function isSameContent(a: LocalSide, b: RemoteSide): boolean {
  return a.size === b.size && sameBytes(a.id, b.id);
}

function locate({ path, local }: Pick<Row, "path" | "local">): LocatedContent {
  const { id, size, stamp } = local!;
  return { path, id, size, stamp };
}

/** A name for a conflict copy, and whether the content is there already. */
function freeName(
  path: string,
  { state, ledger, device }: {
    readonly state: RemoteSide;
    readonly ledger: Ledger;
    readonly device: string;
  },
): { readonly path: string; readonly isThere: boolean } | undefined {
  const holds = (side: RemoteSide | undefined) =>
    side?.kind === "file" && side.size === state.size && sameBytes(side.id, state.id);
  const isTaken = (copy: string) => {
    const { local, remote } = ledger.row(copy);
    const isThere = (side: RemoteSide | undefined) => side !== undefined && side.kind !== "absent";
    return (isThere(local) && !holds(local)) || (isThere(remote) && !holds(remote));
  };
  const copy = conflictName({ path, device, id: state.id }, isTaken);
  if (copy === undefined) return undefined;
  return { path: copy, isThere: holds(ledger.row(copy).local) };
}
