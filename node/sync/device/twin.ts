/** Names that a disk cannot hold beside those that it has, because it takes them for the same. */

import type { LiveFolder } from "../../folder/live_folder.ts";
import type { Ledger } from "./ledger.ts";
import type { Row } from "./row.ts";

/** What is here under another spelling of a path, or of a folder on the way to it. */
export function twinOf(
  { path, remote }: Row,
  { folder, ledger }: { readonly folder: Pick<LiveFolder, "twinOf">; readonly ledger: Ledger },
): string | undefined {
  if (remote?.kind === "absent") return undefined;
  for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
    const part = path.slice(0, end);
    const known = ledger.row(part).local;
    if (known !== undefined && known.kind !== "absent") return undefined;
    const twin = folder.twinOf(part);
    if (twin !== undefined) return twin;
  }
  return undefined;
}

/** Why something is not here, for people. */
export function keptAwayBy(twin: string): string {
  return `this disk takes it and ${twin} for the same name (rename one of them on another device)`;
}
