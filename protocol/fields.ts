/**
 * Codecs for the fields of a message body.
 *
 * A `Field` is a value that composes: a list of records of texts is a field like any other. It says how
 * many bytes a value takes, so that a body is allocated once and written once, and it carries a `shape`
 * from which docs/protocol.md and the random generator of the tests are made. Every value has exactly one
 * encoding; a decoder refuses all others. Integers are big-endian, and a length or a count stands in front
 * of what it counts.
 */

import { ErrorCode, ProtocolError } from "./errors.ts";
import { Slab } from "./slab.ts";

/** What a field looks like, for documentation and for generators of test values. */
export type Shape =
  | { readonly kind: "uint"; readonly max: number; readonly bytes: number }
  | { readonly kind: "flag" }
  | { readonly kind: "choice"; readonly names: readonly string[] }
  | { readonly kind: "bytes"; readonly length: number }
  | { readonly kind: "blob"; readonly lengthMax: number }
  | { readonly kind: "text"; readonly sizeMax: number }
  | { readonly kind: "list"; readonly of: Shape; readonly countMax: number }
  | { readonly kind: "record"; readonly fields: Readonly<Record<string, Shape>> };

/** Encodes and decodes values of type `T`. */
export interface Field<T> {
  readonly shape: Shape;
  /** The largest number of bytes that a value can take. */
  readonly sizeMax: number;
  /** The number of bytes that `value` takes. Throws a `RangeError` when it breaks a limit of the field. */
  size(value: T): number;
  /** Writes `value`, whose `size` was asked before. */
  write(to: Cursor, value: T): void;
  /** Reads a value. Throws a `ProtocolError` for anything that `write` would not have written. */
  read(from: Cursor): T;
}

/** The value type of a field. */
export type ValueOf<F> = F extends Field<infer T> ? T : never;

/** A position that moves over bytes; reads never pass `end`. */
export class Cursor {
  readonly view: DataView;
  constructor(readonly bytes: Uint8Array, public offset = 0, public end = bytes.length) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Moves `count` bytes on and answers where they start. */
  advance(count: number): number {
    const start = this.offset;
    if (count > this.end - start) {
      throw malformed(`it ends ${count - (this.end - start)} bytes too early`);
    }
    this.offset = start + count;
    return start;
  }
}

function malformed(reason: string): ProtocolError {
  return new ProtocolError(ErrorCode.malformed, `Cannot decode body: ${reason}`);
}

function overLimit(reason: string): ProtocolError {
  return new ProtocolError(ErrorCode.limit, `Cannot decode body: ${reason}`);
}

function unsigned(
  bytes: 1 | 2 | 4,
  set: (view: DataView, at: number, value: number) => void,
  get: (view: DataView, at: number) => number,
): Field<number> {
  const max = 2 ** (8 * bytes) - 1;
  return {
    shape: { kind: "uint", max, bytes },
    sizeMax: bytes,
    size: (value) => {
      requireInteger(value, max);
      return bytes;
    },
    write: (to, value) => set(to.view, to.advance(bytes), value),
    read: (from) => get(from.view, from.advance(bytes)),
  };
}

function requireInteger(value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`Cannot encode ${value}: it is no integer from 0 to ${max}`);
  }
}

/** One byte, an integer from 0 to 255. */
export const u8 = unsigned(1, (v, at, x) => v.setUint8(at, x), (v, at) => v.getUint8(at));
/** Two bytes, an integer up to 65,535. */
export const u16 = unsigned(2, (v, at, x) => v.setUint16(at, x), (v, at) => v.getUint16(at));
/** Four bytes, an integer up to 2^32 - 1. */
export const u32 = unsigned(4, (v, at, x) => v.setUint32(at, x), (v, at) => v.getUint32(at));

/** Eight bytes that hold an integer up to 2^53 - 1, the largest that a JavaScript number holds exactly. */
export const u53: Field<number> = {
  shape: { kind: "uint", max: Number.MAX_SAFE_INTEGER, bytes: 8 },
  sizeMax: 8,
  size: (value) => {
    requireInteger(value, Number.MAX_SAFE_INTEGER);
    return 8;
  },
  write: (to, value) => {
    const at = to.advance(8);
    to.view.setUint32(at, Math.floor(value / 2 ** 32));
    to.view.setUint32(at + 4, value % 2 ** 32);
  },
  read: (from) => {
    const at = from.advance(8);
    const high = from.view.getUint32(at);
    if (high >= 2 ** 21) throw overLimit("an integer is over 2^53 - 1");
    return high * 2 ** 32 + from.view.getUint32(at + 4);
  },
};

/** One byte, 0 or 1. */
export const flag: Field<boolean> = {
  shape: { kind: "flag" },
  sizeMax: 1,
  size: () => 1,
  write: (to, value) => to.view.setUint8(to.advance(1), value ? 1 : 0),
  read: (from) => {
    const byte = from.view.getUint8(from.advance(1));
    if (byte > 1) throw malformed(`a flag is ${byte}`);
    return byte === 1;
  },
};

/** One byte that names one of `names` by its position. Append new names; never reorder them. */
export function choice<const Names extends readonly string[]>(names: Names): Field<Names[number]> {
  return {
    shape: { kind: "choice", names },
    sizeMax: 1,
    size: (value) => {
      if (!names.includes(value)) throw new RangeError(`Cannot encode "${value}": no such choice`);
      return 1;
    },
    write: (to, value) => to.view.setUint8(to.advance(1), names.indexOf(value)),
    read: (from) => {
      const byte = from.view.getUint8(from.advance(1));
      const name = names[byte];
      if (name === undefined) throw malformed(`choice ${byte} is none of ${names.join(", ")}`);
      return name;
    },
  };
}

/** What decoded byte arrays are copied into: ids and signatures, which come by the hundred. */
const slab = new Slab(1024);

/** Exactly `length` bytes. The decoded value is a copy. */
export function bytes(length: number): Field<Uint8Array> {
  return {
    shape: { kind: "bytes", length },
    sizeMax: length,
    size: (value) => {
      if (value.length !== length) {
        throw new RangeError(`Cannot encode ${value.length} bytes: ${length} are expected`);
      }
      return length;
    },
    write: (to, value) => to.bytes.set(value, to.advance(length)),
    read: (from) => {
      const start = from.advance(length);
      return slab.copy(from.bytes, start, start + length);
    },
  };
}

/** Reads a 16-bit length or count that must not pass `max`. */
function readCount(from: Cursor, max: number, what: string): number {
  const count = from.view.getUint16(from.advance(2));
  if (count > max) throw overLimit(`${what} of ${count} is over ${max}`);
  return count;
}

function requireCount(count: number, max: number, what: string): void {
  if (count > max) throw new RangeError(`Cannot encode ${what} of ${count}: the limit is ${max}`);
}

/** At most `lengthMax` bytes, with a 16-bit length in front. The decoded value is a copy. */
export function blob(lengthMax: number): Field<Uint8Array> {
  return {
    shape: { kind: "blob", lengthMax },
    sizeMax: 2 + lengthMax,
    size: (value) => {
      requireCount(value.length, lengthMax, "bytes");
      return 2 + value.length;
    },
    write: (to, value) => {
      to.view.setUint16(to.advance(2), value.length);
      to.bytes.set(value, to.advance(value.length));
    },
    read: (from) => {
      const length = readCount(from, lengthMax, "a length");
      const start = from.advance(length);
      return slab.copy(from.bytes, start, start + length);
    },
  };
}

const encoder = new TextEncoder();
/** Bytes of UTF-8 that one code unit of a text takes at most. */
const UNIT_SIZE_MAX = 3;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The start of a text, as Unicode, that takes no more than so many bytes of UTF-8. */
export function cutToSize(text: string, sizeMax: number): string {
  const wellFormed = text.toWellFormed();
  if (wellFormed.length * UNIT_SIZE_MAX <= sizeMax) return wellFormed;
  // No character is written in part.
  const { read } = encoder.encodeInto(wellFormed, new Uint8Array(sizeMax));
  return wellFormed.slice(0, read);
}

/** The number of bytes that `text` takes in UTF-8. */
export function utf8Size(text: string): number {
  let size = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) size += 1;
    else if (unit >= 0xd800 && unit < 0xdc00) {
      size += 2;
      i++;
    } else size += 2;
  }
  return size;
}

/** ASCII, which nearly all names are, is decoded without a call into the runtime. */
function decodeText(bytes: Uint8Array, start: number, end: number): string {
  const encoded = bytes.subarray(start, end);
  for (let i = start; i < end; i++) {
    if (bytes[i]! >= 0x80) return decoder.decode(encoded);
  }
  return String.fromCharCode.apply(null, encoded as unknown as number[]);
}

function encodeText(text: string, bytes: Uint8Array, start: number): void {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) {
      encoder.encodeInto(text.slice(i), bytes.subarray(start + i));
      return;
    }
    bytes[start + i] = unit;
  }
}

/** Well-formed text of at most `sizeMax` bytes in UTF-8, with a 16-bit size in front. */
export function text(sizeMax: number): Field<string> {
  return {
    shape: { kind: "text", sizeMax },
    sizeMax: 2 + sizeMax,
    size: (value) => {
      if (!value.isWellFormed()) throw new RangeError("Cannot encode text: it is not Unicode");
      const size = utf8Size(value);
      requireCount(size, sizeMax, "text");
      return 2 + size;
    },
    write: (to, value) => {
      const size = utf8Size(value);
      to.view.setUint16(to.advance(2), size);
      encodeText(value, to.bytes, to.advance(size));
    },
    read: (from) => {
      const size = readCount(from, sizeMax, "a text");
      const start = from.advance(size);
      try {
        return decodeText(from.bytes, start, start + size);
      } catch {
        throw malformed("a text is not UTF-8");
      }
    },
  };
}

/** At most `countMax` values of one field, with a 16-bit count in front. */
export function list<T>(of: Field<T>, countMax: number): Field<readonly T[]> {
  return {
    shape: { kind: "list", of: of.shape, countMax },
    sizeMax: 2 + countMax * of.sizeMax,
    size: (values) => {
      requireCount(values.length, countMax, "a list");
      let size = 2;
      for (const value of values) size += of.size(value);
      return size;
    },
    write: (to, values) => {
      to.view.setUint16(to.advance(2), values.length);
      for (const value of values) of.write(to, value);
    },
    read: (from) => {
      const count = readCount(from, countMax, "a list");
      const values: T[] = [];
      for (let i = 0; i < count; i++) values.push(of.read(from));
      return values;
    },
  };
}

/** The fields of a record, by name, in the order in which they are written. */
// deno-lint-ignore no-explicit-any -- only `any` lets fields of every value type stand in one record
export type Fields = Readonly<Record<string, Field<any>>>;

/** The object type that a record of `fields` encodes. */
export type RecordOf<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> };

/** Named fields, one after the other. */
export function record<F extends Fields>(fields: F): Field<RecordOf<F>> {
  const entries = Object.entries(fields);
  return {
    shape: {
      kind: "record",
      fields: Object.fromEntries(entries.map(([name, field]) => [name, field.shape])),
    },
    sizeMax: entries.reduce((sum, [, field]) => sum + field.sizeMax, 0),
    size: (value) => {
      let size = 0;
      for (const [name, field] of entries) size += field.size(value[name]);
      return size;
    },
    write: (to, value) => {
      for (const [name, field] of entries) field.write(to, value[name]);
    },
    read: (from) => {
      const value: Record<string, unknown> = {};
      for (const [name, field] of entries) value[name] = field.read(from);
      return value as RecordOf<F>;
    },
  };
}
