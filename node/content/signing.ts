/**
 * Block signatures: what a publisher signs, so that a block proves where it comes from.
 *
 * A signature covers the file's id and length, the block's position and the block's hash, after a domain
 * string that keeps it from ever being taken for a signature over something else:
 *
 *     "p2pnode block v1" NUL | id, 32 bytes | size u64 | index u32 | hash, 32 bytes     (big-endian)
 *
 * It does not cover the name: a file that is renamed, or shared again by somebody else, keeps the
 * signatures of its publisher.
 */

import type { Identity } from "../../protocol/ports.ts";
import { verify } from "./identity.ts";
import { HASH_SIZE } from "./tree.ts";

/** A block as a signature names it. */
export interface SignedBlock {
  /** The file's BEP 52 root, 32 bytes. */
  readonly id: Uint8Array;
  /** The file's length in bytes. */
  readonly size: number;
  /** The block's position in the file. */
  readonly index: number;
  /** The block's hash, 32 bytes. */
  readonly hash: Uint8Array;
}

const DOMAIN = new TextEncoder().encode("p2pnode block v1\0");
const SIZE_OFFSET = DOMAIN.length + HASH_SIZE;
const INDEX_OFFSET = SIZE_OFFSET + 8;
const HASH_OFFSET = INDEX_OFFSET + 4;

/** Signs a block: 64 bytes. */
export function signBlock(publisher: Pick<Identity, "sign">, block: SignedBlock): Uint8Array {
  return publisher.sign(statementOf(block));
}

/** Whether `signature` is `publisher`'s over the block. Never throws, whatever the bytes are. */
export function verifyBlock(
  block: SignedBlock,
  { publisher, signature }: { publisher: Uint8Array; signature: Uint8Array },
): boolean {
  return verify(publisher, statementOf(block), signature);
}

/** The bytes that are signed. */
function statementOf({ id, size, index, hash }: SignedBlock): Uint8Array {
  const statement = new Uint8Array(HASH_OFFSET + HASH_SIZE);
  const view = new DataView(statement.buffer);
  statement.set(DOMAIN);
  statement.set(id, DOMAIN.length);
  view.setBigUint64(SIZE_OFFSET, BigInt(size));
  view.setUint32(INDEX_OFFSET, index);
  statement.set(hash, HASH_OFFSET);
  return statement;
}
