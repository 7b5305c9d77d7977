/** Tests of what a node may say that it holds. */

import { assertEquals, assertThrows } from "@std/assert";
import { ErrorCode, ProtocolError } from "../protocol/errors.ts";
import { HAVE_ALL, HAVE_NONE, readHave } from "./have.ts";

const KIB = 1024;

Deno.test("readHave() knows all, none and some", () => {
  const size = 10 * 16 * KIB;
  assertEquals(readHave(new Uint8Array(0), size, 16 * KIB), HAVE_ALL);
  assertEquals(readHave(new Uint8Array([0xff, 0xc0]), size, 16 * KIB), HAVE_ALL);
  assertEquals(readHave(new Uint8Array(2), size, 16 * KIB), HAVE_NONE);
  const some = readHave(new Uint8Array([0x80, 0x40]), size, 16 * KIB);
  assertEquals(some, { extent: "some", bits: new Uint8Array([0x80, 0x40]) });
});

Deno.test("readHave() takes an empty file for complete", () => {
  assertEquals(readHave(new Uint8Array(0), 0, 256 * KIB), HAVE_ALL);
});

Deno.test("readHave() refuses bitfields that do not fit the file", () => {
  const size = 10 * 16 * KIB;
  for (const bits of [[0x80], [0x80, 0, 0], [0x80, 0x20]]) {
    const error = assertThrows(
      () => readHave(new Uint8Array(bits), size, 16 * KIB),
      ProtocolError,
    );
    assertEquals(error.code, ErrorCode.malformed);
  }
});

Deno.test("readHave() refuses block sizes that no file has", () => {
  for (const blockSize of [0, 1, 8 * KIB, 16 * KIB + 1, 24 * KIB, 8192 * KIB]) {
    assertThrows(() => readHave(new Uint8Array(0), 1, blockSize), ProtocolError);
  }
});

Deno.test("readHave() refuses more blocks than a bitfield has, without making one", () => {
  const largest = 2 ** 18 * 4096 * KIB;
  assertEquals(readHave(new Uint8Array(0), largest, 4096 * KIB), HAVE_ALL);
  const error = assertThrows(
    () => readHave(new Uint8Array(0), largest + 1, 4096 * KIB),
    ProtocolError,
  );
  assertEquals(error.code, ErrorCode.limit);
});
