/** How a file that has arrived is reported: as an event that scripts rely on, and as a line for people. */

import { toHex } from "../../protocol/bytes.ts";
import type { Fetched } from "../swarm/fetch_all.ts";
import { counted } from "../text/counted.ts";
import { formatRate, formatSize } from "../text/size.ts";
import { printable } from "../text/printable.ts";

/** The `done` event of `peer --json` and `get --json`; scripts rely on its fields (README.md). */
export function doneEvent({ wanted, path, wasHere, ...counts }: Fetched) {
  return {
    event: "done",
    name: wanted.name,
    id: toHex(wanted.id),
    bytes: wanted.size,
    seconds: counts.seconds,
    blocks: counts.blockCount,
    bad_blocks: counts.badBlockCount,
    peers: counts.peerCount,
    path,
    was_here: wasHere,
  };
}

/** The line for people; printable, whatever the file is called. */
export function doneLine({ wanted, wasHere, seconds, badBlockCount, peerCount }: Fetched): string {
  const name = printable(wanted.name);
  if (wasHere) return `${name} is here already`;
  // The time of a small file is not known, since it travels with others.
  const time = seconds > 0
    ? ` in ${seconds.toFixed(2)} s (${formatRate(wanted.size / seconds)})`
    : "";
  const bad = badBlockCount > 0 ? `, ${counted(badBlockCount, "bad block")} refused` : "";
  return `got ${name}: ${formatSize(wanted.size)}${time} from ${counted(peerCount, "peer")}${bad}`;
}
