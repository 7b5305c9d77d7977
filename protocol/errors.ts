/**
 * Errors of the wire and their codes.
 *
 * A `ProtocolError` means that the other side broke a rule: the connection that it came from is closed,
 * with the code sent in an `error` message first. A `RemoteError` is an `error` message that arrived.
 */

/** Codes that travel in an `error` message. The numbers are part of the protocol and never change. */
export const ErrorCode = {
  /** Bytes that are no frame: wrong magic, wrong length, bytes left over. */
  malformed: 1,
  /** A protocol version that this side does not speak. */
  version: 2,
  /** A message type that is unknown, or makes no sense for this role or at this moment. */
  unexpected: 3,
  /** A length, a count or a number of open requests over its limit. */
  limit: 4,
  /** A proof that does not match the node id, or a block signature that is not the publisher's. */
  signature: 5,
  /** What was asked for is not here (any more). */
  absent: 6,
  /** This side could not do it: its disk failed, or it is stopping. */
  failed: 7,
  /** Nothing was heard for too long. */
  timeout: 8,
  /** No place is free for this node. */
  busy: 9,
} as const;

/** One of the codes. */
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** The name of a code as logs show it; an unknown code is shown as its number. */
export function errorName(code: number): string {
  return Object.entries(ErrorCode).find(([, known]) => known === code)?.[0] ?? `code ${code}`;
}

/** The other side broke a rule of the protocol. */
export class ProtocolError extends Error {
  override readonly name: string = "ProtocolError";
  constructor(readonly code: ErrorCode, message: string) {
    super(message);
  }
}

/** The stream ended within a frame: the other side has vanished there, or was cut off. */
export class StreamCutOff extends ProtocolError {
  override readonly name = "StreamCutOff";
  /** @param what The part of the frame that did not come whole. */
  constructor(what: string) {
    super(ErrorCode.malformed, `Cannot read frame: the stream ended within ${what}`);
  }
}

/** The other side answered with an error. */
export class RemoteError extends Error {
  override readonly name = "RemoteError";
  constructor(readonly code: number, reason: string) {
    super(reason === "" ? errorName(code) : reason);
  }
}

/** The connection is gone, so what was waiting on it cannot be answered. */
export class ConnectionClosed extends Error {
  override readonly name = "ConnectionClosed";
}
