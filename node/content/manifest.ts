/**
 * The manifest: what a downloader must know of a file to fetch it and to prove each block of it.
 *
 * A manifest comes from a stranger, so `checkManifest` runs before anything else looks at it. It proves
 * that the block hashes belong to the file's id. The signatures take longer and are verified by workers
 * (`BlockDisk`), before a byte of the file gets its name.
 */

import { BLOCK_COUNT_MAX } from "../../protocol/bitfield.ts";
import { sameBytes, toHex } from "../../protocol/bytes.ts";
import { PUBLIC_KEY_SIZE, SIGNATURE_SIZE } from "./identity.ts";
import {
  BLOCK_SIZE_MAX,
  BLOCK_SIZE_MIN,
  blockCount,
  FILE_SIZE_MAX,
  HASH_SIZE,
  isGeometry,
  rootOfBlocks,
} from "./tree.ts";

/** A file as its publisher describes it. */
export interface Manifest {
  /** BEP 52 root of the file, 32 bytes; all zero for an empty file. */
  readonly id: Uint8Array;
  /** The file's name in the swarm; safe only after `checkName` of protocol/path.ts. */
  readonly name: string;
  /** Length of the file in bytes. */
  readonly size: number;
  /** Bytes in each block but the last: a power of two from 16 KiB to 4 MiB. */
  readonly blockSize: number;
  /** Ed25519 public key of the node that signed the blocks, 32 bytes. */
  readonly publisher: Uint8Array;
  /** Block hashes in order, 32 bytes each. */
  readonly hashes: Uint8Array;
  /** The publisher's signatures over the blocks in order, 64 bytes each. */
  readonly signatures: Uint8Array;
}

/** Answers a manifest whose parts belong together. Throws an `Error` that says which do not. */
export function checkManifest(manifest: Manifest): Manifest {
  const problem = manifestProblem(manifest);
  if (problem !== undefined) throw new Error(`Cannot use the manifest: ${problem}`);
  return manifest;
}

function manifestProblem(manifest: Manifest): string | undefined {
  const { id, size, blockSize, publisher, hashes, signatures } = manifest;
  if (!isGeometry({ size, blockSize })) {
    return `${size} bytes in blocks of ${blockSize} is no way to cut a file (a block is a power of two ` +
      `from ${BLOCK_SIZE_MIN} to ${BLOCK_SIZE_MAX} bytes, a file has at most ${BLOCK_COUNT_MAX} blocks ` +
      `and ${FILE_SIZE_MAX} bytes)`;
  }
  if (id.length !== HASH_SIZE) return `an id of ${id.length} bytes instead of ${HASH_SIZE}`;
  if (publisher.length !== PUBLIC_KEY_SIZE) {
    return `a publisher's key of ${publisher.length} bytes instead of ${PUBLIC_KEY_SIZE}`;
  }
  const count = blockCount(size, blockSize);
  if (hashes.length !== count * HASH_SIZE) {
    return `${hashes.length} bytes of block hashes for ${count} blocks`;
  }
  if (signatures.length !== count * SIGNATURE_SIZE) {
    return `${signatures.length} bytes of signatures for ${count} blocks`;
  }
  if (!sameBytes(rootOfBlocks(hashes, blockSize, size), id)) {
    return `its block hashes do not belong to the file ${toHex(id)}`;
  }
  return undefined;
}
