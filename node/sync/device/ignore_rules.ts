/**
 * The rules of `.p2pignore`, in the language of `.gitignore`. The file itself is always synced.
 *
 * What is ignored is neither sent nor applied nor deleted; both sides keep what they have.
 */

import ignore from "ignore";
import type { LiveFolder } from "../../folder/live_folder.ts";

/** The file at the top of a synced folder in which the rules stand. */
export const IGNORE_FILE = ".p2pignore";
/** More rules than anybody writes. */
const RULES_SIZE_MAX = 256 * 1024;

/** Whether a path is left alone. */
export type IsIgnored = (path: string, isFolder: boolean) => boolean;

/** Ignores nothing. */
export const ignoreNothing: IsIgnored = () => false;

/** The rules in the text of a `.p2pignore`. */
function parseRules(text: string): IsIgnored {
  if (!/^\s*[^\s#]/m.test(text)) return ignoreNothing;
  const rules = ignore({ ignorecase: false }).add(text);
  return (path, isFolder) => path !== IGNORE_FILE && rules.ignores(isFolder ? `${path}/` : path);
}

/** Reads the rules of a folder; one without a `.p2pignore` has none. Throws `Cannot read …: reason`. */
export async function readRules(folder: LiveFolder): Promise<IsIgnored> {
  const look = await folder.look(IGNORE_FILE);
  const found = look.entries.find(({ path }) => path === IGNORE_FILE);
  if (found?.kind !== "file") return ignoreNothing;
  const file = folder.open(IGNORE_FILE);
  try {
    const { size } = file.state();
    if (size > RULES_SIZE_MAX) {
      throw new Error(`Cannot read ${IGNORE_FILE}: it is longer than ${RULES_SIZE_MAX} bytes`);
    }
    const bytes = new Uint8Array(size);
    await file.read(bytes, 0);
    return parseRules(new TextDecoder().decode(bytes));
  } finally {
    file.close();
  }
}
