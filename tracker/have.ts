/**
 * What a node says that it holds of one file, checked, in the form in which the registry keeps it.
 *
 * Nearly all nodes hold all or none of nearly all files, and these two take no memory.
 */

import { Bitfield, BLOCK_COUNT_MAX } from "../protocol/bitfield.ts";
import { ErrorCode, ProtocolError } from "../protocol/errors.ts";

/** The blocks of one file that one node holds. */
export interface Have {
  readonly extent: "none" | "some" | "all";
  /** One bit a block as on the wire when the extent is "some", else empty. */
  readonly bits: Uint8Array;
}

const NO_BITS = new Uint8Array(0);

/** Every block. */
export const HAVE_ALL: Have = { extent: "all", bits: NO_BITS };
/** No block. */
export const HAVE_NONE: Have = { extent: "none", bits: NO_BITS };

/** A block is a power-of-two run of leaves (BEP 52), from a single one up to this many bytes. */
const BLOCK_SIZE_MIN = 16 * 1024;
const BLOCK_SIZE_MAX = 4 * 1024 * 1024;

/** How many blocks a file has. Throws a `ProtocolError` when no file is cut like this. */
export function blockCount(size: number, blockSize: number): number {
  const isPower = Number.isInteger(Math.log2(blockSize));
  if (!isPower || blockSize < BLOCK_SIZE_MIN || blockSize > BLOCK_SIZE_MAX) {
    throw new ProtocolError(
      ErrorCode.malformed,
      `Cannot list file: its block size ${blockSize} is no power of two from 16 KiB to 4 MiB`,
    );
  }
  const count = Math.ceil(size / blockSize);
  if (count > BLOCK_COUNT_MAX) {
    throw new ProtocolError(
      ErrorCode.limit,
      `Cannot list file: it has ${count} blocks, the limit is ${BLOCK_COUNT_MAX}`,
    );
  }
  return count;
}

/** Reads a bitfield from the wire, where nothing stands for everything. Throws a `ProtocolError`. */
export function readHave(bits: Uint8Array, size: number, blockSize: number): Have {
  const count = blockCount(size, blockSize);
  if (bits.length === 0) return HAVE_ALL;
  const field = Bitfield.decode(bits, count);
  if (field.complete) return HAVE_ALL;
  return field.held === 0 ? HAVE_NONE : { extent: "some", bits: field.bytes };
}
