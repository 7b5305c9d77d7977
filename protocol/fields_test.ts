import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { fromHex, toHex } from "./bytes.ts";
import { ErrorCode, ProtocolError } from "./errors.ts";
import {
  blob,
  bytes,
  choice,
  Cursor,
  cutToSize,
  type Field,
  flag,
  list,
  record,
  text,
  u16,
  u32,
  u53,
  u8,
  utf8Size,
} from "./fields.ts";
import { anyCharacter, valueOf } from "./testing.ts";

function encoded<T>(field: Field<T>, value: T): Uint8Array {
  const cursor = new Cursor(new Uint8Array(field.size(value)));
  field.write(cursor, value);
  assertEquals(cursor.offset, cursor.end, "size() says what write() takes");
  return cursor.bytes;
}

/** Decodes all of `hex`, which stands in the middle of other bytes that must not be touched. */
function decoded<T>(field: Field<T>, hex: string): T {
  const size = hex.length / 2;
  const around = fromHex("ff".repeat(3) + hex + "00".repeat(80));
  const cursor = new Cursor(around, 3, 3 + size);
  const value = field.read(cursor);
  assertEquals(cursor.offset, cursor.end, "all bytes are used");
  return value;
}

function refusal<T>(field: Field<T>, hex: string): ProtocolError {
  return assertThrows(() => decoded(field, hex), ProtocolError);
}

function assertEncodings<T>(field: Field<T>, encodings: readonly (readonly [T, string])[]): void {
  for (const [value, hex] of encodings) {
    assertEquals(toHex(encoded(field, value)), hex);
    assertEquals(decoded(field, hex), value);
  }
}

Deno.test("integers are big-endian", () => {
  assertEncodings(u8, [[0, "00"], [0xff, "ff"]]);
  assertEncodings(u16, [[1, "0001"], [0xfffe, "fffe"]]);
  assertEncodings(u32, [[1, "00000001"], [0xffff_fffe, "fffffffe"]]);
  assertEncodings(u53, [
    [1, "0000000000000001"],
    [2 ** 32, "0000000100000000"],
    [2 ** 32 - 1, "00000000ffffffff"],
    [Number.MAX_SAFE_INTEGER, "001fffffffffffff"],
  ]);
});

Deno.test("integers outside their range are not encoded", () => {
  for (const [field, max] of [[u8, 255], [u16, 65_535], [u32, 2 ** 32 - 1]] as const) {
    for (const value of [-1, max + 1, 0.5, NaN, Infinity]) {
      assertThrows(() => field.size(value), RangeError, `no integer from 0 to ${max}`);
    }
  }
  for (const value of [-1, 2 ** 53, 0.5, NaN]) assertThrows(() => u53.size(value), RangeError);
});

Deno.test("u53 refuses what a number cannot hold exactly", () => {
  for (const hex of ["0020000000000000", "8000000000000000", "ffffffffffffffff"]) {
    assertEquals(refusal(u53, hex).code, ErrorCode.limit);
  }
});

Deno.test("flag is 0 or 1 and nothing else", () => {
  assertEncodings(flag, [[false, "00"], [true, "01"]]);
  for (const hex of ["02", "80", "ff"]) assertEquals(refusal(flag, hex).code, ErrorCode.malformed);
});

Deno.test("choice is the position of a name", () => {
  const colour = choice(["red", "green"]);
  assertEncodings(colour, [["red", "00"], ["green", "01"]]);
  assertEquals(refusal(colour, "02").code, ErrorCode.malformed);
  assertThrows(() => colour.size("blue" as "red"), RangeError, "no such choice");
});

Deno.test("bytes have their exact length and no length in front", () => {
  assertEncodings(bytes(3), [[fromHex("010203"), "010203"]]);
  assertThrows(() => bytes(3).size(new Uint8Array(2)), RangeError, "3 are expected");
  assertThrows(() => bytes(3).size(new Uint8Array(4)), RangeError, "3 are expected");
});

Deno.test("blob has a length of two bytes in front", () => {
  assertEncodings(blob(4), [[fromHex(""), "0000"], [fromHex("01020304"), "000401020304"]]);
  assertThrows(() => blob(4).size(new Uint8Array(5)), RangeError, "the limit is 4");
  for (const hex of ["0005" + "00".repeat(5), "ffff", "8000"]) {
    assertEquals(refusal(blob(4), hex).code, ErrorCode.limit);
  }
});

Deno.test("decoded bytes are copies, so that the reader's buffer may be used again", () => {
  for (const field of [bytes(2), blob(2)]) {
    const buffer = encoded(field, fromHex("0102"));
    const value = field.read(new Cursor(buffer));
    buffer.fill(0);
    assertEquals(toHex(value), "0102");
  }
});

Deno.test("text is UTF-8 with a size of two bytes in front", () => {
  assertEncodings(text(16), [
    ["", "0000"],
    ["ab", "00026162"],
    ["\0", "000100"],
    ["aé€🙂", "000a61c3a9e282acf09f9982"],
    // A byte-order mark is a character like any other.
    ["\ufeffa", "0004efbbbf61"],
    // Composed and decomposed forms stay what they are.
    ["\u00e9", "0002c3a9"],
    ["e\u0301", "000365cc81"],
  ]);
});

Deno.test("text over its limit is neither encoded nor decoded", () => {
  assertEncodings(text(4), [["éé", "0004c3a9c3a9"], ["abcd", "000461626364"]]);
  assertThrows(() => text(4).size("abcde"), RangeError, "the limit is 4");
  assertThrows(() => text(4).size("éé€"), RangeError, "the limit is 4");
  assertEquals(refusal(text(4), "00056162636465").code, ErrorCode.limit);
  assertEquals(refusal(text(4), "ffff").code, ErrorCode.limit);
});

Deno.test("text refuses every byte sequence that is not the UTF-8 of something", () => {
  const hostile = {
    "a continuation byte alone": "80",
    "a sequence cut short": "e282",
    "a sequence cut short by a letter": "c361",
    "an overlong NUL": "c080",
    "an overlong slash": "c0af",
    "an overlong slash in three bytes": "e080af",
    "an overlong slash in four bytes": "f08080af",
    "a high surrogate": "eda080",
    "a low surrogate": "edb080",
    "a surrogate pair, as in CESU-8": "eda0bdedb982",
    "a code point over U+10FFFF": "f4908080",
    "a five-byte sequence": "f888808080",
    "a byte that never occurs": "ff",
    "a byte-order mark of UTF-16": "feff",
  };
  for (const [what, hex] of Object.entries(hostile)) {
    for (const [before, after] of [["", ""], ["6161", "6161"]]) {
      const size = (hex.length + before!.length + after!.length) / 2;
      const whole = size.toString(16).padStart(4, "0") + before + hex + after;
      const error = assertThrows(() => decoded(text(64), whole), ProtocolError, "not UTF-8", what);
      assertEquals(error.code, ErrorCode.malformed);
    }
  }
});

Deno.test("text with a lone surrogate is not encoded", () => {
  for (const lone of ["\ud83d", "\ude00", "a\ud83db", "\ude00\ud83d"]) {
    assertThrows(() => text(64).size(lone), RangeError, "it is not Unicode");
  }
});

Deno.test("cutToSize() keeps as much as fits, and no part of a character", () => {
  assertEquals(["abc", "日本語", "x🎉🎉", ""].map((text) => cutToSize(text, 6)), [
    "abc",
    "日本",
    "x🎉",
    "",
  ]);
  assertEquals(cutToSize("日".repeat(100), 299), "日".repeat(99));
  assertEquals(cutToSize("x".repeat(300), 299), "x".repeat(299));
  assertEquals(cutToSize("a\ud800b", 10), "a\ufffdb");
});

Deno.test("utf8Size() counts what TextEncoder would write", () => {
  fc.assert(fc.property(fc.string({ unit: anyCharacter }), (text) => {
    assertEquals(utf8Size(text), new TextEncoder().encode(text).length);
  }));
});

Deno.test("list has a count of two bytes in front", () => {
  assertEncodings(list(u16, 3), [[[], "0000"], [[1, 2, 3], "0003000100020003"]]);
  assertThrows(() => list(u16, 3).size([1, 2, 3, 4]), RangeError, "the limit is 3");
  assertThrows(() => list(u8, 3).size([256]), RangeError);
  assertEquals(refusal(list(u16, 3), "0004" + "0000".repeat(4)).code, ErrorCode.limit);
  assertEquals(refusal(list(u16, 3), "ffff").code, ErrorCode.limit);
});

Deno.test("record writes its fields in order, and ignores what is no field", () => {
  const point = record({ x: u8, name: text(8), y: u16 });
  assertEncodings(point, [[{ x: 1, name: "p", y: 2 }, "010001700002"]]);
  assertEquals(toHex(encoded(point, { y: 2, z: 9, name: "p", x: 1 } as never)), "010001700002");
  assertEncodings(record({}), [[{}, ""]]);
});

Deno.test("record copes with field names that every object has", () => {
  const odd = record({ constructor: u8, toString: u8, hasOwnProperty: u8 });
  assertEncodings(odd, [[{ constructor: 1, toString: 2, hasOwnProperty: 3 } as never, "010203"]]);
});

const anyShape = record({
  number: u53,
  small: u8,
  flag,
  choice: choice(["a", "b", "c"]),
  hash: bytes(32),
  blob: blob(20),
  text: text(30),
  list: list(record({ name: text(10), sizes: list(u32, 3) }), 6),
});

Deno.test("any value is decoded to what was encoded, and takes no more than sizeMax", () => {
  fc.assert(fc.property(valueOf(anyShape.shape), (value) => {
    const body = encoded(anyShape, value as never);
    assertEquals(decoded(anyShape, toHex(body)) as unknown, value);
    assert(body.length <= anyShape.sizeMax);
  }));
});

Deno.test("sizeMax is reached by the largest value", () => {
  const largest = {
    number: 0,
    small: 0,
    flag: false,
    choice: "a" as const,
    hash: new Uint8Array(32),
    blob: new Uint8Array(20),
    text: "x".repeat(30),
    list: Array.from({ length: 6 }, () => ({ name: "x".repeat(10), sizes: [1, 2, 3] })),
  };
  assertEquals(encoded(anyShape, largest).length, anyShape.sizeMax);
});

Deno.test("every truncation of a value is refused", () => {
  fc.assert(
    fc.property(valueOf(anyShape.shape), (value) => {
      const hex = toHex(encoded(anyShape, value as never));
      for (let size = 0; size < hex.length; size += 2) {
        const error = refusal(anyShape, hex.slice(0, size));
        assertEquals(error.code, ErrorCode.malformed);
        assert(error.message.includes("bytes too early"));
      }
    }),
    { numRuns: 20 },
  );
});
