import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { fromHex, sameBytes, toHex } from "./bytes.ts";
import "./testing.ts";

Deno.test("toHex() writes two lower-case digits a byte", () => {
  assertEquals(toHex(new Uint8Array([0, 1, 0xab, 0xff])), "0001abff");
  assertEquals(toHex(new Uint8Array(0)), "");
});

Deno.test("fromHex() reads what toHex() wrote, in either case", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    assertEquals(fromHex(toHex(bytes)), new Uint8Array(bytes));
    assertEquals(fromHex(toHex(bytes).toUpperCase()), new Uint8Array(bytes));
  }));
});

Deno.test("fromHex() refuses what is not hexadecimal", () => {
  for (const text of ["0", "0g", "0x", " 1", "1 ", "-1", "00\n", "１１"]) {
    assertThrows(() => fromHex(text), Error, "it is not hexadecimal");
  }
});

Deno.test("sameBytes() compares lengths and every byte", () => {
  assertEquals(sameBytes(new Uint8Array(0), new Uint8Array(0)), true);
  assertEquals(sameBytes(new Uint8Array([1, 2]), new Uint8Array([1, 2])), true);
  assertEquals(sameBytes(new Uint8Array([1, 2]), new Uint8Array([1, 3])), false);
  assertEquals(sameBytes(new Uint8Array([1, 2]), new Uint8Array([1])), false);
});
