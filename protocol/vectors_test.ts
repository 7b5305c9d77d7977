import { assert, assertEquals } from "@std/assert";
import { fromHex, toHex } from "./bytes.ts";
import { Cursor, type Shape } from "./fields.ts";
import { HEADER_SIZE } from "./header.ts";
import { decodeBody, decodeHead, encode, type Message, messages } from "./messages.ts";
import { messageNames } from "./testing.ts";
import vectors from "./vectors.json" with { type: "json" };

// The file is for other implementations too: bytes are hexadecimal, and `frame` is all that goes over the
// wire, chunk included. A vector never changes once a version of the program with it was released.

/** The value that `json` stands for, its bytes written as hexadecimal. */
function fromJson(shape: Shape, json: unknown): unknown {
  switch (shape.kind) {
    case "bytes":
    case "blob":
      return fromHex(json as string);
    case "list":
      return (json as unknown[]).map((value) => fromJson(shape.of, value));
    case "record": {
      const values = json as Record<string, unknown>;
      assertEquals(Object.keys(values), Object.keys(shape.fields), "a vector names every field");
      return Object.fromEntries(
        Object.entries(shape.fields).map(([name, of]) => [name, fromJson(of, values[name])]),
      );
    }
    default:
      return json;
  }
}

for (const { name, request, fields, chunk, frame } of vectors) {
  const type = messageNames.find((known) => known === name)!;
  const message = { type, ...fromJson(messages[type].body.shape, fields) as object } as Message;

  Deno.test(`golden vector of ${name}, request ${request}: encoded and decoded`, () => {
    const chunkSize = chunk.length / 2;
    assertEquals(toHex(encode(message, request, chunkSize)) + chunk, frame);

    const bytes = fromHex(frame);
    const body = new Cursor(bytes, HEADER_SIZE, bytes.length - chunkSize);
    const bodySize = body.end - HEADER_SIZE;
    assertEquals(decodeHead(body.view, 0), { name: type, request, bodySize, chunkSize });
    assertEquals(decodeBody(type, body), message);
  });
}

Deno.test("every message has a golden vector", () => {
  for (const name of messageNames) {
    assert(
      vectors.some((vector) => vector.name === name),
      `Cannot find a vector for ${name}: add one to protocol/vectors.json`,
    );
  }
});

Deno.test("every golden vector is of a message in the table", () => {
  for (const { name } of vectors) assert(name in messages, name);
});
