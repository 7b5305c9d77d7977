import { assert, assertEquals, assertThrows } from "@std/assert";
import { ErrorCode } from "../protocol/errors.ts";
import { bytes, choice, list, record, text, u32, u53 } from "../protocol/fields.ts";
import { messages } from "../protocol/messages.ts";
import { fieldRows, protocolDocument } from "./protocol_doc.ts";

const errorsSource = await Deno.readTextFile(new URL("../protocol/errors.ts", import.meta.url));

Deno.test("protocolDocument() has a section and a line of the index for every message", () => {
  const document = protocolDocument(errorsSource);
  for (const [name, { number, kind, doc }] of Object.entries(messages)) {
    assert(document.includes(`\n#### ${name}\n\nNumber ${number}, ${kind}. ${doc}\n`), name);
    assert(
      document.includes(`\n| ${number} | [${name}](#${name.toLowerCase()}) | ${kind} |`),
      name,
    );
  }
});

Deno.test("protocolDocument() explains every error code with the comment beside it", () => {
  const document = protocolDocument(errorsSource);
  for (const [name, code] of Object.entries(ErrorCode)) {
    assert(document.includes(`\n| ${code} | ${name} | `), name);
  }
  assert(document.includes("| 9 | busy | No place is free for this node. |"));
});

Deno.test("protocolDocument() asks for the comment that an error code lacks", () => {
  const bare = errorsSource.replace("/** No place is free for this node. */", "");
  assertThrows(() => protocolDocument(bare), Error, "Cannot describe error code busy");
});

Deno.test("fieldRows() describes fields in order, and what lists hold", () => {
  const body = record({
    role: choice(["tracker", "peer"]),
    size: u53,
    files: list(record({ id: bytes(32), name: text(1024) }), 512),
    indexes: list(u32, 4096),
  });
  assertEquals(fieldRows("", body.shape), [
    ["`role`", "choice", "0 tracker, 1 peer"],
    ["`size`", "u64", "2^53 - 1"],
    ["`files`", "list of records", "512 of them"],
    ["`files[].id`", "32 bytes", ""],
    ["`files[].name`", "text", "1024 bytes"],
    ["`indexes`", "list of u32", "4096 of them"],
  ]);
  assertEquals(fieldRows("", record({}).shape), []);
});
