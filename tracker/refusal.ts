/** A request that keeps to the protocol but cannot be carried out: it is answered with an error. */

import type { ErrorCode } from "../protocol/errors.ts";

/** Answers the request that it was thrown for; the connection goes on. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  constructor(readonly code: ErrorCode, message: string) {
    super(message);
  }
}
