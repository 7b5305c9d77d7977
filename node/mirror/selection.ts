/**
 * Which of the paths that a source lists belong to the path that was asked for.
 *
 * Strict: that path itself, and what is below it. Otherwise a path belongs when the one that was asked for
 * is a part of it on a boundary of components: `a/b` takes `a/b`, `a/b/c` and `x/a/b/c`, not `a/bc`.
 */

import { isAtOrBelow } from "../../protocol/path.ts";

/** Whether a path is taken. */
export type Selects = (path: string) => boolean;

/** @param requested A safe name, or "" for everything. */
export function selectionOf(requested: string, { strict }: { readonly strict: boolean }): Selects {
  if (requested === "") return () => true;
  if (strict) return (path) => isAtOrBelow(path, requested);
  const wanted = `/${requested}/`;
  return (path) => `/${path}/`.includes(wanted);
}
