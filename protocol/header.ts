/**
 * The fixed header in front of every frame: 16 bytes, big-endian.
 *
 *     magic u16 | version u8 | type u8 | request u32 | bodySize u32 | chunkSize u32
 *
 * A body of `bodySize` bytes follows, then a chunk of `chunkSize` raw file bytes. Both sizes are checked
 * against the limits of the message type before anything is allocated.
 */

import { ErrorCode, ProtocolError } from "./errors.ts";

/** Bytes in a header. */
export const HEADER_SIZE = 16;
/** "P2" in ASCII. */
export const MAGIC = 0x5032;
/** A side of another version is refused at its first frame. */
export const PROTOCOL_VERSION = 1;
/** No body is larger, whatever its type; longer lists are paged. */
export const BODY_SIZE_MAX = 64 * 1024;
/** No chunk is larger; a larger block travels as several chunks. */
export const CHUNK_SIZE_MAX = 1024 * 1024;
/** With so much room in front of a chunk, the head of its frame leaves in the same write (see outbox.ts). */
export const HEAD_ROOM = 64;

/** What a header says of its frame. */
export interface Header {
  /** The number of the message type in the table of messages. */
  type: number;
  /** Pairs an answer with its request; 0 for messages that expect no answer. */
  request: number;
  bodySize: number;
  chunkSize: number;
}

/** Writes `header` into `view` at `offset`. */
export function writeHeader(view: DataView, offset: number, header: Header): void {
  view.setUint16(offset, MAGIC);
  view.setUint8(offset + 2, PROTOCOL_VERSION);
  view.setUint8(offset + 3, header.type);
  view.setUint32(offset + 4, header.request);
  view.setUint32(offset + 8, header.bodySize);
  view.setUint32(offset + 12, header.chunkSize);
}

/**
 * Reads the header at `offset`. Throws a `ProtocolError` for a wrong magic, a version that is not ours
 * and for sizes over the limits that hold for every message.
 */
export function readHeader(view: DataView, offset: number): Header {
  const magic = view.getUint16(offset);
  if (magic !== MAGIC) {
    throw new ProtocolError(
      ErrorCode.malformed,
      `Cannot read frame: it starts with 0x${magic.toString(16)}, so this is no p2pnode stream`,
    );
  }
  const version = view.getUint8(offset + 2);
  if (version !== PROTOCOL_VERSION) {
    throw new ProtocolError(
      ErrorCode.version,
      `Cannot read frame: protocol version ${version} is not ${PROTOCOL_VERSION}`,
    );
  }
  const bodySize = view.getUint32(offset + 8);
  if (bodySize > BODY_SIZE_MAX) {
    throw new ProtocolError(
      ErrorCode.limit,
      `Cannot read frame: a body of ${bodySize} bytes is over ${BODY_SIZE_MAX}`,
    );
  }
  const chunkSize = view.getUint32(offset + 12);
  if (chunkSize > CHUNK_SIZE_MAX) {
    throw new ProtocolError(
      ErrorCode.limit,
      `Cannot read frame: a chunk of ${chunkSize} bytes is over ${CHUNK_SIZE_MAX}`,
    );
  }
  return {
    type: view.getUint8(offset + 3),
    request: view.getUint32(offset + 4),
    bodySize,
    chunkSize,
  };
}
