import { assertEquals, assertThrows } from "@std/assert";
import { elfImage } from "./compile_runtime.ts";

/** An ELF header that says that `count` section headers of 64 bytes begin at `offset`. */
function elfFile(size: number, { offset, count }: { offset: number; count: number }) {
  const file = new Uint8Array(size);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  const view = new DataView(file.buffer);
  view.setBigUint64(0x28, BigInt(offset), true);
  view.setUint16(0x3a, 64, true);
  view.setUint16(0x3c, count, true);
  return file;
}

Deno.test("elfImage() ends after the section headers", () => {
  assertEquals(elfImage(elfFile(1000, { offset: 200, count: 3 })).length, 392);
  assertEquals(elfImage(elfFile(392, { offset: 200, count: 3 })).length, 392);
});

Deno.test("elfImage() refuses what is no whole ELF file", () => {
  assertThrows(() => elfImage(elfFile(391, { offset: 200, count: 3 })), Error, "cut short");
  assertThrows(() => elfImage(new Uint8Array(1000)), Error, "not a 64-bit");
  assertThrows(
    () => elfImage(new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2, 1])),
    Error,
    "not a 64-bit",
  );
  const bigEndian = elfFile(1000, { offset: 200, count: 3 });
  bigEndian[5] = 2;
  assertThrows(() => elfImage(bigEndian), Error, "not a 64-bit");
});
