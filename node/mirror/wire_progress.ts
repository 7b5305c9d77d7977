/** How far a source of an order has come, and how that travels from the mirror server to the initiator. */

import { ErrorCode, ProtocolError } from "../../protocol/errors.ts";
import { cutToSize } from "../../protocol/fields.ts";
import type { MessageOf } from "../../protocol/messages.ts";
import { REASON_SIZE_MAX } from "../../protocol/mirror_messages.ts";

/** `fetched` is what came over the network; the other files were here already, or came from another source. */
export interface SourceProgress
  extends Omit<MessageOf<"mirrorProgress">, "type" | "source" | "sizeVariance"> {
  /** Of the sizes of the files that are done, in bytes squared. */
  readonly sizeVariance: number;
}

/** The progress of a source of which nothing is known. */
export const noProgress: SourceProgress = {
  state: "listing",
  fileCount: 0,
  byteCount: 0,
  filesDone: 0,
  bytesDone: 0,
  filesFetched: 0,
  bytesFetched: 0,
  filesRemoved: 0,
  filesFailed: 0,
  sizeVariance: 0,
  elapsedMs: 0,
  final: false,
  reason: "",
};

/** The message about the source at a position of the order. The variance travels as the bytes of a float64. */
export function progressToWire(
  source: number,
  progress: SourceProgress,
): MessageOf<"mirrorProgress"> {
  const sizeVariance = new Uint8Array(8);
  new DataView(sizeVariance.buffer).setFloat64(0, progress.sizeVariance);
  const reason = cutToSize(progress.reason, REASON_SIZE_MAX);
  return { ...progress, type: "mirrorProgress", source, sizeVariance, reason };
}

/** Throws a `ProtocolError` for a variance that is none. */
export function progressFromWire(
  { sizeVariance: bytes, type: _type, source: _source, ...progress }: MessageOf<"mirrorProgress">,
): SourceProgress {
  const sizeVariance = new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0);
  if (!Number.isFinite(sizeVariance) || sizeVariance < 0) {
    throw new ProtocolError(ErrorCode.malformed, "Cannot take progress: its variance is none");
  }
  return { ...progress, sizeVariance };
}
