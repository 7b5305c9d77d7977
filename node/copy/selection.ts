/**
 * Which paths of a tree are copied: rules in the language of `.gitignore`, from `--exclude` and `--include`.
 *
 * What is excluded is neither fetched nor deleted. What is included as well is copied nevertheless, also in a
 * folder that is excluded. Patterns stand for paths from the top of what the source offers.
 */

import ignore from "ignore";

export interface Patterns {
  readonly exclude: readonly string[];
  readonly include: readonly string[];
}

/** Whether what is at a path is left alone. */
export type IsExcluded = (path: string, isFolder: boolean) => boolean;

/** The rule that follows from these patterns. */
export function exclusionBy({ exclude, include }: Patterns): IsExcluded {
  if (exclude.length === 0) return () => false;
  const excluded = ignore({ ignorecase: false }).add(exclude);
  const included = ignore({ ignorecase: false }).add(include);
  return (path, isFolder) => {
    const name = isFolder ? `${path}/` : path;
    return excluded.ignores(name) && !included.ignores(name);
  };
}
