import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { toHex } from "./bytes.ts";
import { ErrorCode, ProtocolError } from "./errors.ts";
import {
  BODY_SIZE_MAX,
  CHUNK_SIZE_MAX,
  type Header,
  HEADER_SIZE,
  readHeader,
  writeHeader,
} from "./header.ts";
import "./testing.ts";

function headerBytes(header: Header): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE);
  writeHeader(new DataView(bytes.buffer), 0, header);
  return bytes;
}

function refusal(change: (view: DataView) => void): ProtocolError {
  const bytes = headerBytes({ type: 5, request: 1, bodySize: 0, chunkSize: 0 });
  const view = new DataView(bytes.buffer);
  change(view);
  return assertThrows(() => readHeader(view, 0), ProtocolError);
}

Deno.test("writeHeader() lays the fields out as the golden vectors have them", () => {
  const vectors: [Header, string][] = [
    [{ type: 1, request: 0, bodySize: 0, chunkSize: 0 }, "50320101000000000000000000000000"],
    [{ type: 47, request: 7, bodySize: 44, chunkSize: 0 }, "5032012f000000070000002c00000000"],
    [
      { type: 0xff, request: 0xffff_ffff, bodySize: BODY_SIZE_MAX, chunkSize: CHUNK_SIZE_MAX },
      "503201ffffffffff0001000000100000",
    ],
  ];
  for (const [header, hex] of vectors) {
    const bytes = headerBytes(header);
    assertEquals(toHex(bytes), hex);
    assertEquals(readHeader(new DataView(bytes.buffer), 0), header);
  }
});

Deno.test("readHeader() reads what writeHeader() wrote, at any offset", () => {
  const header = fc.record({
    type: fc.nat(0xff),
    request: fc.nat(0xffff_ffff),
    bodySize: fc.nat(BODY_SIZE_MAX),
    chunkSize: fc.nat(CHUNK_SIZE_MAX),
  }, { noNullPrototype: true });
  fc.assert(fc.property(header, fc.nat(64), (header, offset) => {
    const view = new DataView(new ArrayBuffer(offset + HEADER_SIZE));
    writeHeader(view, offset, header);
    assertEquals(readHeader(view, offset), header);
  }));
});

Deno.test("readHeader() refuses what is no frame of this version", () => {
  assertEquals(refusal((view) => view.setUint16(0, 0x4745)).code, ErrorCode.malformed);
  assertEquals(refusal((view) => view.setUint16(0, 0x5033)).code, ErrorCode.malformed);
  assertEquals(refusal((view) => view.setUint8(2, 0)).code, ErrorCode.version);
  assertEquals(refusal((view) => view.setUint8(2, 2)).code, ErrorCode.version);
});

Deno.test("readHeader() refuses sizes over the limits, those that look negative too", () => {
  for (const size of [BODY_SIZE_MAX + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
    const error = refusal((view) => view.setUint32(8, size));
    assertEquals(error.code, ErrorCode.limit);
    assertEquals(error.message, `Cannot read frame: a body of ${size} bytes is over 65536`);
  }
  for (const size of [CHUNK_SIZE_MAX + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
    const error = refusal((view) => view.setUint32(12, size));
    assertEquals(error.code, ErrorCode.limit);
    assertEquals(error.message, `Cannot read frame: a chunk of ${size} bytes is over 1048576`);
  }
});
