/** Finds what needs a person: conflict copies, names that some disks take for one, and what cannot be here. */

import { folded } from "../../store/spelling.ts";
import type { SyncConflict } from "../client.ts";
import type { Entry } from "../entry.ts";
import { originalOf } from "./conflict_name.ts";

/** A path that cannot be brought to what the server has, and why. */
interface Trouble {
  readonly path: string;
  readonly reason: string;
}

/** The conflicts among the entries here, by path, and what could not be done. */
export function findConflicts(
  entries: Iterable<Entry>,
  troubles: Iterable<Trouble>,
): SyncConflict[] {
  const conflicts: SyncConflict[] = [];
  const byFolded = new Map<string, string>();
  for (const { path } of entries) {
    const original = originalOf(path);
    if (original !== undefined) conflicts.push({ path, reason: `conflict copy of ${original}` });
    const key = folded(path);
    const twin = byFolded.get(key);
    if (twin === undefined) byFolded.set(key, path);
    else conflicts.push({ path, reason: `some disks take ${twin} for the same name` });
  }
  return [...conflicts, ...[...troubles].map(({ path, reason }) => ({ path, reason }))];
}
