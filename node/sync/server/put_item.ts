/** An entry on its way into a user's space, and what becomes of it. */

import { cutToSize } from "../../../protocol/fields.ts";
import type { BodyOf } from "../../../protocol/messages.ts";
import { PUT_REASON_SIZE_MAX } from "../../../protocol/sync_messages.ts";
import type { Entry } from "../entry.ts";

/** What became of an entry, as it travels. */
export type PutOutcome = BodyOf<"put">["outcomes"][number];

/** The server has it for good. */
export const STORED: PutOutcome = { outcome: "stored", reason: "" };
/** The server has something that the entry does not follow. */
export const STALE: PutOutcome = { outcome: "stale", reason: "" };
/** Its content could not be had. */
export const ABSENT: PutOutcome = { outcome: "absent", reason: "" };

/** An entry, and its outcome as soon as there is one. */
export interface PutItem {
  readonly entry: Entry;
  outcome: PutOutcome | undefined;
}

/** The outcome of an entry that the server cannot hold. */
export function refused(reason: string): PutOutcome {
  return { outcome: "refused", reason: cutToSize(reason, PUT_REASON_SIZE_MAX) };
}
