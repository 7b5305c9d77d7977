/**
 * Plans the changes of the tree for a batch of accepted entries.
 *
 * First come the files that only get another path: whose old path is deleted in the same batch. Then
 * removals, so that a folder can become a file and the reverse; what they remove lies in the trash after
 * that, unless another path has the same content. Creations come last.
 */

import { foldersAbove } from "../../../protocol/path.ts";
import type { Entry } from "../entry.ts";
import type { Change } from "../../folder/live_folder.ts";
import { contentKey } from "../../transfer/contents.ts";
import type { ContentPlaces } from "./content_places.ts";
import { needsContent } from "./decision.ts";
import type { Accepted, Decided } from "./decision.ts";
import type { IndexedEntry } from "./user_index.ts";

/** A change of the tree, and the entry that it is for: none for a folder that the server makes by itself. */
export interface Step {
  readonly change: Change;
  readonly accepted?: Accepted;
  /** The entry whose file moves away. */
  readonly source?: Accepted;
}

/** Finds the files that only get another path: by the entry that gets a file the one that gives it away. */
export function findMoves(accepted: ReadonlyMap<string, Accepted>): Map<Accepted, Accepted> {
  const leaving = new Map<string, Accepted[]>();
  for (const one of accepted.values()) {
    if (one.entry.kind !== "absent" || one.before?.kind !== "file") continue;
    const key = contentKey(one.before);
    leaving.set(key, [...leaving.get(key) ?? [], one]);
  }
  const moves = new Map<Accepted, Accepted>();
  if (leaving.size === 0) return moves;
  for (const one of accepted.values()) {
    if (!needsContent(one.entry, one.before) || !isFree(one, accepted)) continue;
    const source = leaving.get(contentKey(one.entry))?.pop();
    if (source !== undefined) moves.set(one, source);
  }
  return moves;
}

/** Whether there is nothing at an entry's path, and nothing in the way to it. */
function isFree({ entry, before }: Accepted, accepted: ReadonlyMap<string, Accepted>): boolean {
  if (before !== undefined && before.kind !== "absent") return false;
  return foldersAbove(entry.path).every((above) => accepted.get(above)?.before?.kind !== "file");
}

export interface TreePlanOptions {
  readonly decided: Decided;
  readonly moves: ReadonlyMap<Accepted, Accepted>;
  /** Local paths of the contents that are there, each for one entry. */
  readonly staged: ReadonlyMap<Accepted, string>;
  readonly places: ContentPlaces;
  /** Whether replaced and deleted contents are kept. */
  readonly keepsVersions: boolean;
}

/** The changes of the tree, in their order. Entries whose content is not there are left out. */
export function planTree(options: TreePlanOptions): Step[] {
  return new TreePlan(options).steps();
}

class TreePlan {
  readonly #options: TreePlanOptions;
  readonly #paths: ReadonlySet<string>;
  readonly #removals: Step[] = [];
  readonly #folderRemovals: Step[] = [];
  readonly #folders: Step[] = [];
  readonly #files: Step[] = [];

  constructor(options: TreePlanOptions) {
    this.#options = options;
    this.#paths = new Set(options.decided.accepted.keys());
  }

  steps(): Step[] {
    const { decided: { accepted, own }, moves, staged } = this.#options;
    const sources = new Set(moves.values());
    for (const one of accepted.values()) {
      if (sources.has(one) || moves.has(one)) continue;
      if (needsContent(one.entry, one.before) && !staged.has(one)) continue;
      this.#planRemoval(one);
      this.#planCreation(one, staged.get(one));
    }
    for (const { path } of own.values()) {
      this.#folders.push({ change: { kind: "makeFolder", path } });
    }
    return [
      ...[...moves].map(([accepted, source]) => moveStep(accepted, source)),
      ...this.#removals,
      ...this.#folderRemovals.sort((a, b) => a.change.path < b.change.path ? 1 : -1),
      ...this.#folders.sort((a, b) => a.change.path < b.change.path ? -1 : 1),
      ...this.#files,
    ];
  }

  #planRemoval(accepted: Accepted): void {
    const { entry: { path, kind }, before } = accepted;
    if (before === undefined || before.kind === kind) return;
    if (before.kind === "folder") {
      this.#folderRemovals.push({ change: { kind: "removeFolder", path }, accepted });
    } else if (before.kind === "file") {
      const change = { kind: "remove", path, expect: before.stamp, ...this.#keep(before) } as const;
      this.#removals.push({ change, accepted });
    }
  }

  #planCreation(accepted: Accepted, staged: string | undefined): void {
    const { entry: { path, kind, executable }, before } = accepted;
    if (kind === "folder" && before?.kind !== "folder") {
      this.#folders.push({ change: { kind: "makeFolder", path }, accepted });
    } else if (staged !== undefined) {
      const isFile = before?.kind === "file";
      const expect = isFile ? before.stamp : undefined;
      const keep = isFile ? this.#keep(before) : {};
      const change = { kind: "place", path, staged, executable, expect, ...keep } as const;
      this.#files.push({ change, accepted });
    } else if (kind === "file" && before?.kind === "file" && before.executable !== executable) {
      const change = { kind: "mode", path, executable, expect: before.stamp } as const;
      this.#files.push({ change, accepted });
    }
  }

  /** A content that lives on somewhere else needs no place in the trash. */
  #keep(before: IndexedEntry): { readonly keep?: string } {
    const { places, keepsVersions } = this.#options;
    if (!keepsVersions || places.livesOutside(before, this.#paths)) return {};
    return { keep: places.trashPathOf(before) };
  }
}

function moveStep(accepted: Accepted, source: Accepted): Step {
  const { path, executable } = accepted.entry;
  const from = source.before!;
  const change = { kind: "move", from: from.path, expect: from.stamp, path, executable } as const;
  return { change, accepted, source };
}

/** Entries in the order in which devices should hear of them: what is made before what goes. */
export function inTellingOrder(
  done: readonly Accepted[],
  moves: ReadonlyMap<Accepted, Accepted>,
): Entry[] {
  const sources = new Set(moves.values());
  const folders: Entry[] = [];
  const files: Entry[] = [];
  const deletions: Entry[] = [];
  for (const one of done) {
    const { entry } = one;
    if (entry.kind === "folder") folders.push(entry);
    else if (entry.kind === "absent" && !sources.has(one)) deletions.push(entry);
    else if (entry.kind === "file") {
      files.push(entry);
      // Next to each other, so that no page ends between them and the move is seen as one.
      const source = moves.get(one);
      if (source !== undefined) files.push(source.entry);
    }
  }
  folders.sort((a, b) => a.path < b.path ? -1 : 1);
  deletions.sort((a, b) => a.path < b.path ? 1 : -1);
  return [...folders, ...files, ...deletions];
}
