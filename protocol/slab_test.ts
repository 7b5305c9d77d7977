import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Slab } from "./slab.ts";
import "./testing.ts";

Deno.test("Slab.take() never hands out a byte twice", () => {
  fc.assert(fc.property(fc.array(fc.nat(40)), (sizes) => {
    const slab = new Slab(128);
    const shares = sizes.map((size) => slab.take(size));
    shares.forEach((share, i) => {
      assertEquals(share.length, sizes[i]);
      assert(share.every((byte) => byte === 0), "a share starts as zeros");
      share.fill(i + 1);
    });
    shares.forEach((share, i) => assert(share.every((byte) => byte === (i + 1) % 256)));
  }));
});

Deno.test("Slab.take() gives large arrays memory of their own, so that none keeps much more alive", () => {
  const slab = new Slab(128);
  assertEquals(slab.take(16).buffer.byteLength, 128);
  assertEquals(slab.take(17).buffer.byteLength, 17);
});

Deno.test("Slab.copy() copies, whether it shares or not", () => {
  const slab = new Slab(128);
  for (const size of [0, 1, 16, 17, 100]) {
    const bytes = Uint8Array.from({ length: 120 }, (_, i) => i);
    const copy = slab.copy(bytes, 3, 3 + size);
    bytes.fill(0);
    assertEquals([...copy], Array.from({ length: size }, (_, i) => i + 3));
  }
});
