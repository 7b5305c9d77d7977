/**
 * Finds out which of many names there are, folder by folder.
 *
 * To look for thousands of files that are not there costs an error for each. Most of them lie in few
 * folders, and these are missing as well, or are listed in one go.
 */

import { lookAt } from "./file_state.ts";

/** For so few names, a look at each is cheaper than listing a folder that may be huge. */
const FEW = 16;

/** Those of `names` below `root` that are regular files. */
export function findExisting(root: string, names: readonly string[]): Set<string> {
  const existing = new Set<string>();
  for (const [folder, inside] of groupByFolder(names)) {
    for (
      const name of inside.length <= FEW ? lookAtEach(root, inside) : list(root, folder, inside)
    ) {
      existing.add(name);
    }
  }
  return existing;
}

function groupByFolder(names: readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const folder = name.slice(0, name.lastIndexOf("/") + 1);
    const group = groups.get(folder);
    if (group === undefined) groups.set(folder, [name]);
    else group.push(name);
  }
  return groups;
}

function lookAtEach(root: string, names: readonly string[]): string[] {
  return names.filter((name) => lookAt(`${root}/${name}`) !== undefined);
}

/** A folder that cannot be listed has no files for us; what lands there will tell why. */
function list(root: string, folder: string, names: readonly string[]): string[] {
  const there = new Set<string>();
  try {
    for (const entry of Deno.readDirSync(`${root}/${folder}`)) {
      if (entry.isFile) there.add(`${folder}${entry.name}`);
    }
  } catch {
    return [];
  }
  return names.filter((name) => there.has(name));
}
