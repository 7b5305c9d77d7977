/** How a message of the table is declared. */

import { record } from "./fields.ts";
import type { Field, Fields, RecordOf } from "./fields.ts";
import { BODY_SIZE_MAX } from "./header.ts";

/** A request is answered, an answer belongs to a request, a notice stands alone. */
export type Kind = "request" | "answer" | "notice";

/** One message of the table. */
export interface Definition<F extends Fields> {
  readonly number: number;
  readonly kind: Kind;
  /** What the message means, as docs/protocol.md prints it. */
  readonly doc: string;
  readonly body: Field<RecordOf<F>>;
  readonly bodySizeMax: number;
  readonly chunkSizeMax: number;
}

/** Declares a message; its limits follow from its fields. */
export function define<F extends Fields>(
  number: number,
  kind: Kind,
  doc: string,
  fields: F,
  chunkSizeMax = 0,
): Definition<F> {
  const body = record(fields);
  const bodySizeMax = Math.min(body.sizeMax, BODY_SIZE_MAX);
  return { number, kind, doc, body, bodySizeMax, chunkSizeMax };
}
