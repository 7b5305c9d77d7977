/**
 * The manifest: everything that a downloader must know to fetch a file and to prove each block of it.
 *
 * A manifest comes from a stranger, so `checkManifest` runs before anything else looks at it. It proves
 * that the block hashes belong to the file's id; it does not verify the signatures, which happens block
 * by block where the bytes are at hand (see signing.ts).
 */

import { blockCount, BLOCKS_MAX, HASH_SIZE, isBlockSize, rootOfBlocks } from "./tree.ts";
import { PUBLIC_KEY_SIZE, SIGNATURE_SIZE } from "./signing.ts";

/** A file as its publisher describes it. */
export interface Manifest {
  /** BEP 52 root of the file, 32 bytes; all zero for an empty file. */
  readonly id: Uint8Array;
  /** Relative path of the file in the swarm; checked by protocol/path.ts, not here. */
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
