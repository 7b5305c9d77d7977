/** Finds what needs a person: conflict copies, names that differ in case only, and what cannot be here. */

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
    const folded = path.toLowerCase();
    const twin = byFolded.get(folded);
    if (twin === undefined) byFolded.set(folded, path);
    else conflicts.push({ path, reason: `differs from ${twin} in case only` });
  }
  return [...conflicts, ...[...troubles].map(({ path, reason }) => ({ path, reason }))];
}
