import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BLOCK_COUNT_MAX } from "./bitfield.ts";
import { ErrorCode, ProtocolError } from "./errors.ts";
import { Cursor } from "./fields.ts";
import { BODY_SIZE_MAX, CHUNK_SIZE_MAX, HEADER_SIZE, writeHeader } from "./header.ts";
import {
  decodeBody,
  decodeHead,
  encode,
  FILE_COUNT_MAX,
  frameSize,
  type Message,
  messageName,
  messages,
} from "./messages.ts";
import { frameOf, messageNames } from "./testing.ts";

function decode(frame: Uint8Array): Message {
  const body = new Cursor(frame, HEADER_SIZE);
  const head = decodeHead(body.view, 0);
  assertEquals(head.bodySize, frame.length - HEADER_SIZE);
  return decodeBody(head.name, body);
}

function headOf(type: number, sizes: { bodySize?: number; chunkSize?: number; request?: number }) {
  const view = new DataView(new ArrayBuffer(HEADER_SIZE));
  writeHeader(view, 0, { type, request: 1, bodySize: 0, chunkSize: 0, ...sizes });
  return view;
}

for (const name of messageNames) {
  Deno.test(`${name}: any message is decoded to what was encoded`, () => {
    fc.assert(
      fc.property(frameOf(name), ({ message, request, chunk }) => {
        const frame = encode(message, request, chunk.length);
        assertEquals(frame.length, frameSize(message));
        assertEquals(decodeHead(new Cursor(frame).view, 0), {
          name,
          request,
          bodySize: frame.length - HEADER_SIZE,
          chunkSize: chunk.length,
        });
        assertEquals(decode(frame), message);
      }),
      { numRuns: 40 },
    );
  });
}

Deno.test("decodeHead() passes sizes at the limit of their message, and not one byte more", () => {
  for (const name of messageNames) {
    const { number, bodySizeMax, chunkSizeMax } = messages[name];
    decodeHead(headOf(number, { bodySize: bodySizeMax, chunkSize: chunkSizeMax }), 0);
    for (
      const sizes of [
        { bodySize: bodySizeMax + 1 },
        { chunkSize: chunkSizeMax + 1 },
        { bodySize: 0xffff_ffff },
        { chunkSize: 0xffff_ffff },
      ]
    ) {
      const error = assertThrows(() => decodeHead(headOf(number, sizes), 0), ProtocolError);
      assertEquals(error.code, ErrorCode.limit, name);
    }
  }
});

Deno.test("the table keeps within the limits of the header", () => {
  const numbers = new Set<number>();
  for (const name of messageNames) {
    const { number, body, bodySizeMax, chunkSizeMax, doc } = messages[name];
    assert(Number.isInteger(number) && number > 0 && number < 256, name);
    assert(!numbers.has(number), `${name}: number ${number} is used twice`);
    numbers.add(number);
    assert(bodySizeMax <= BODY_SIZE_MAX && chunkSizeMax <= CHUNK_SIZE_MAX, name);
    assert(
      body.shape.kind === "record" && !("type" in body.shape.fields),
      `${name} has a field type`,
    );
    assert(doc.endsWith("."), `${name}: its doc is a sentence`);
    assertEquals(messageName(number), name);
  }
});

Deno.test("messageName() refuses numbers that the table does not have", () => {
  const known = new Set<number>(messageNames.map((name) => messages[name].number));
  for (let number = 0; number < 256; number++) {
    if (known.has(number)) continue;
    const error = assertThrows(
      () => messageName(number),
      ProtocolError,
      `type ${number} is unknown`,
    );
    assertEquals(error.code, ErrorCode.unexpected);
  }
});

Deno.test("decodeHead() refuses a request without a number", () => {
  for (const name of messageNames) {
    const { number, kind } = messages[name];
    const read = () => decodeHead(headOf(number, { request: 0 }), 0);
    if (kind === "request") assertThrows(read, ProtocolError, "it has no request number");
    else read();
  }
});

Deno.test("decodeBody() refuses bytes that are left over", () => {
  for (const name of messageNames) {
    fc.assert(
      fc.property(frameOf(name), fc.nat(255), ({ message }, byte) => {
        const frame = encode(message, 1);
        const body = new Uint8Array(frame.length - HEADER_SIZE + 1);
        body.set(frame.subarray(HEADER_SIZE));
        body[body.length - 1] = byte;
        const error = assertThrows(() => decodeBody(name, new Cursor(body)), ProtocolError);
        assert(error.message.includes("1 bytes are left over"), error.message);
      }),
      { numRuns: 5 },
    );
  }
});

const file = { id: new Uint8Array(32), size: 1 };
const described = { ...file, name: "x", blockSize: 1 << 18, publisher: new Uint8Array(32) };

function announceOf(count: number, have: Uint8Array): Message {
  const files = Array.from({ length: count }, () => ({ ...described, have }));
  return { type: "announce", port: 1, first: true, last: true, files };
}

Deno.test("encode() takes a page with the largest number of files, and not one more", () => {
  const page = announceOf(FILE_COUNT_MAX, new Uint8Array(0));
  assertEquals(decode(encode(page, 1)), page);
  assertThrows(() => encode(announceOf(FILE_COUNT_MAX + 1, new Uint8Array(0)), 1), RangeError);
});

Deno.test("encode() refuses a page over the limit of a body, however few files it has", () => {
  const have = new Uint8Array(BLOCK_COUNT_MAX / 8);
  encode(announceOf(1, have), 1);
  assertThrows(() => encode(announceOf(2, have), 1), RangeError, "Cannot encode announce: body");
});

Deno.test("encode() refuses a chunk over the limit of its message", () => {
  assertThrows(() => encode({ type: "ok" }, 1, 1), RangeError, "chunk 1 of 0");
  encode({ type: "blockData", offset: 0 }, 1, CHUNK_SIZE_MAX);
  assertThrows(() => encode({ type: "blockData", offset: 0 }, 1, CHUNK_SIZE_MAX + 1), RangeError);
});

Deno.test("decodeBody() refuses a count over the limit before it reads what is counted", () => {
  const body = new Cursor(encode({ type: "have", ...file, indexes: [] }), HEADER_SIZE);
  body.view.setUint16(body.end - 2, 4097);
  const error = assertThrows(() => decodeBody("have", body), ProtocolError);
  assertEquals(error.code, ErrorCode.limit);
  assertEquals(error.message, "Cannot decode body: a list of 4097 is over 4096");
});
