/**
 * Which blocks of a file somebody holds: one bit a block, the high bit of the first byte first (as BEP 3's
 * bitfield). On the wire an empty bitfield stands for "every block", the usual case.
 */

import { ErrorCode, ProtocolError } from "./errors.ts";

/** No file has more blocks; at 4 MiB a block that is 1 TiB. */
export const BLOCK_COUNT_MAX = 2 ** 18;

export class Bitfield {
  #held: number;

  private constructor(readonly bytes: Uint8Array, readonly count: number, held: number) {
    this.#held = held;
  }

  /** Holds none of `count` blocks. */
  static none(count: number): Bitfield {
    return new Bitfield(new Uint8Array(Math.ceil(count / 8)), count, 0);
  }

  /** Holds all of `count` blocks. */
  static all(count: number): Bitfield {
    const bytes = new Uint8Array(Math.ceil(count / 8)).fill(0xff);
    if (count % 8 !== 0) bytes[bytes.length - 1] = 0xff << (8 - count % 8);
    return new Bitfield(bytes, count, count);
  }

  /**
   * Reads what came from the wire or from disk; nothing at all means every block. Throws a `ProtocolError`
   * when `count` is over the limit, the length is not that of `count` blocks or a spare bit is set. The
   * bytes are copied.
   */
  static decode(bytes: Uint8Array, count: number): Bitfield {
    if (count > BLOCK_COUNT_MAX) {
      throw new ProtocolError(
        ErrorCode.limit,
        `Cannot read bitfield: it is for ${count} blocks, the limit is ${BLOCK_COUNT_MAX}`,
      );
    }
    if (bytes.length === 0) return Bitfield.all(count);
    if (bytes.length !== Math.ceil(count / 8)) {
      throw new ProtocolError(
        ErrorCode.malformed,
        `Cannot read bitfield: ${bytes.length} bytes do not fit ${count} blocks`,
      );
    }
    const field = new Bitfield(bytes.slice(), count, 0);
    const spare = bytes.length * 8 - count;
    if (spare > 0 && (bytes.at(-1)! & ((1 << spare) - 1)) !== 0) {
      throw new ProtocolError(ErrorCode.malformed, "Cannot read bitfield: a spare bit is set");
    }
    for (const byte of bytes) field.#held += bitCount(byte);
    return field;
  }

  /** What goes over the wire: nothing for "every block". */
  encode(): Uint8Array {
    return this.complete ? new Uint8Array(0) : this.bytes;
  }

  /** How many blocks are held. */
  get held(): number {
    return this.#held;
  }

  get complete(): boolean {
    return this.#held === this.count;
  }

  has(index: number): boolean {
    return (this.bytes[index >> 3]! & (0x80 >> (index & 7))) !== 0;
  }

  /** Adds a block; answers whether it is new. Throws a `ProtocolError` when there is no such block. */
  add(index: number): boolean {
    if (!(index >= 0 && index < this.count)) {
      throw new ProtocolError(
        ErrorCode.malformed,
        `Cannot add block ${index}: the file has ${this.count} blocks`,
      );
    }
    if (this.has(index)) return false;
    this.bytes[index >> 3]! |= 0x80 >> (index & 7);
    this.#held++;
    return true;
  }

  /** Removes a block that turned out not to be held. */
  remove(index: number): void {
    if (!(index >= 0 && index < this.count) || !this.has(index)) return;
    this.bytes[index >> 3]! &= ~(0x80 >> (index & 7));
    this.#held--;
  }
}

function bitCount(byte: number): number {
  let count = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) count++;
  return count;
}
