/** An entry on its way into a user's space, and what becomes of it. */

import type { BodyOf } from "../../../protocol/messages.ts";
import { utf8Size } from "../../../protocol/fields.ts";
import type { Entry } from "../entry.ts";

/** What became of an entry, as it travels. */
export type PutOutcome = BodyOf<"put">["outcomes"][number];

/** Bytes of a reason that fit into an outcome. */
const REASON_SIZE_MAX = 200;

export const STORED: PutOutcome = { outcome: "stored", reason: "" };
export const STALE: PutOutcome = { outcome: "stale", reason: "" };
export const ABSENT: PutOutcome = { outcome: "absent", reason: "" };

/** An entry, and its outcome as soon as there is one. */
export interface PutItem {
  readonly entry: Entry;
  outcome: PutOutcome | undefined;
}

/** The outcome of an entry that the server cannot hold. */
export function refused(reason: string): PutOutcome {
  return { outcome: "refused", reason: cutToSize(reason.toWellFormed(), REASON_SIZE_MAX) };
}

function cutToSize(text: string, sizeMax: number): string {
  if (utf8Size(text) <= sizeMax) return text;
  let cut = "";
  let size = 0;
  for (const character of text) {
    size += utf8Size(character);
    if (size > sizeMax) break;
    cut += character;
  }
  return cut;
}
