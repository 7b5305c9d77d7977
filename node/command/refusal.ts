/** How a command tells that a file cannot be had. */

import { AmbiguousName, NotListed } from "../swarm/listing.ts";
import { printable } from "../text/printable.ts";

/**
 * Why a file cannot be had, in printable text, of several lines where there is a choice.
 * @param listCommand What shows the user the files of the swarm.
 */
export function refusalText(error: Error, listCommand: string): string {
  // This one is a table of what there is, made printable where it was made.
  if (error instanceof AmbiguousName) return error.message;
  const text = printable(error.message);
  return error instanceof NotListed ? `${text} (${listCommand} shows what there is)` : text;
}
