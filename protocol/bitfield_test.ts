import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Bitfield, BLOCK_COUNT_MAX } from "./bitfield.ts";
import { ProtocolError } from "./errors.ts";
import "./testing.ts";

Deno.test("Bitfield puts block 0 into the high bit of the first byte", () => {
  const field = Bitfield.none(10);
  field.add(0);
  field.add(7);
  field.add(9);
  assertEquals([...field.bytes], [0b1000_0001, 0b0100_0000]);
});

Deno.test("Bitfield behaves as a set of indexes", () => {
  const indexes = fc.integer({ min: 1, max: 200 }).chain((count) =>
    fc.record({
      count: fc.constant(count),
      added: fc.array(fc.nat(count - 1)),
      removed: fc.array(fc.nat(count + 8), { maxLength: 5 }),
    })
  );
  fc.assert(fc.property(indexes, ({ count, added, removed }) => {
    const field = Bitfield.none(count);
    const model = new Set<number>();
    for (const index of added) {
      assertEquals(field.add(index), !model.has(index));
      model.add(index);
    }
    for (const index of removed) {
      field.remove(index);
      model.delete(index);
    }
    for (let i = 0; i < count; i++) assertEquals(field.has(i), model.has(i));
    assertEquals(field.held, model.size);
    assertEquals(field.complete, model.size === count);

    const decoded = Bitfield.decode(field.encode(), count);
    assertEquals(decoded.bytes, field.bytes);
    assertEquals(decoded.held, model.size);
  }));
});

Deno.test("Bitfield.all() holds every block and leaves the spare bits clear", () => {
  for (const count of [0, 1, 7, 8, 9, 16, 1000]) {
    const field = Bitfield.all(count);
    assertEquals(field.held, count);
    assert(field.complete);
    for (let i = 0; i < count; i++) assert(field.has(i));
    assertEquals(Bitfield.decode(field.bytes, count).held, count);
  }
});

Deno.test("Bitfield.encode() sends nothing for every block", () => {
  assertEquals(Bitfield.all(9).encode().length, 0);
  assertEquals(Bitfield.decode(new Uint8Array(0), 9).held, 9);
  assertEquals(Bitfield.none(9).encode().length, 2);
});

Deno.test("Bitfield.decode() copies, so that the sender's buffer may change", () => {
  const bytes = new Uint8Array([0x80]);
  const field = Bitfield.decode(bytes, 8);
  bytes[0] = 0;
  assert(field.has(0));
});

Deno.test("Bitfield.decode() refuses a wrong length and set spare bits", () => {
  assertThrows(() => Bitfield.decode(new Uint8Array(1), 9), ProtocolError, "do not fit 9 blocks");
  assertThrows(() => Bitfield.decode(new Uint8Array(3), 9), ProtocolError, "do not fit 9 blocks");
  assertThrows(() => Bitfield.decode(new Uint8Array([0, 1]), 9), ProtocolError, "spare bit");
  assertThrows(() => Bitfield.decode(new Uint8Array(1), 0), ProtocolError, "do not fit 0 blocks");
});

Deno.test("Bitfield.decode() refuses more blocks than a file can have before it takes memory", () => {
  for (const count of [BLOCK_COUNT_MAX + 1, 2 ** 40, Infinity]) {
    assertThrows(() => Bitfield.decode(new Uint8Array(0), count), ProtocolError, "the limit is");
  }
  assertEquals(Bitfield.decode(new Uint8Array(0), BLOCK_COUNT_MAX).held, BLOCK_COUNT_MAX);
});

Deno.test("Bitfield.add() refuses a block that the file does not have", () => {
  for (const index of [-1, 8, 2 ** 32 - 1, NaN]) {
    assertThrows(() => Bitfield.none(8).add(index), ProtocolError, "the file has 8 blocks");
  }
});

Deno.test("Bitfield.has() answers no for a block that the file does not have", () => {
  for (const index of [-1, 8, 2 ** 32 - 1]) assertEquals(Bitfield.all(8).has(index), false);
});
