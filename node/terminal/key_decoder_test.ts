import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Key, KeyDecoder } from "./key_decoder.ts";

const utf8 = new TextEncoder();

/** Keys in short: `<name>` for keys, text as it is; neighbouring texts joined. */
function decodeAll(...pieces: (string | Uint8Array)[]): string {
  const decoder = new KeyDecoder();
  const show = (key: Key) => "text" in key ? key.text : `<${key.name}>`;
  return pieces.flatMap((piece) =>
    decoder.decode(typeof piece === "string" ? utf8.encode(piece) : piece).map(show)
  ).join("");
}

Deno.test("KeyDecoder knows text, control characters and escape sequences", () => {
  const inputs: [string, string][] = [
    ["get ä日🎉", "get ä日🎉"],
    ["a\rb\nc\r\nd", "a<enter>b<enter>c<enter>d"],
    ["\r\r\n\n", "<enter><enter><enter>"],
    ["\x1b[A\x1b[B\x1b[C\x1b[D", "<up><down><right><left>"],
    ["\x1bOA\x1bOH\x1b[1~\x1b[4~\x1b[3~", "<up><home><home><end><delete>"],
    ["\x1b[1;5C\x1bb", "<wordRight><wordLeft>"],
    ["\x01\x05\x0b\x15\x17\x0c", "<home><end><killToEnd><killToStart><killWord><clearScreen>"],
    ["\x03\x04\x7f\x08\t", "<interrupt><endOfInput><backspace><backspace><tab>"],
    ["\x00\x1f\x1a", ""],
    ["\x1b[38;5;7mx\x1b[?2004hy\x1bOPz\x1bqw", "xyzw"],
    ["\x1b\x1b[A", "<up>"],
    ["\x1b\x03\x1b[1;\x03\x1bO\x03", "<interrupt><interrupt><interrupt>"],
  ];
  for (const [input, keys] of inputs) assertEquals(decodeAll(input), keys, JSON.stringify(input));
});

Deno.test("KeyDecoder gives the same keys wherever the bytes are split", () => {
  const input = "gät\x1b[A日\x1b[1;5C\r\n\x1b[200~a\nb\x1b[2x\x1b[201~\x1b[3~🎉\x03";
  const bytes = utf8.encode(input);
  const whole = decodeAll(bytes);
  assertEquals(whole, "gät<up>日<wordRight><enter>a b [2x<delete>🎉<interrupt>");
  assertEquals(decodeAll(...Array.from(bytes, (byte) => new Uint8Array([byte]))), whole);
  for (let split = 0; split <= bytes.length; split++) {
    assertEquals(decodeAll(bytes.subarray(0, split), bytes.subarray(split)), whole);
  }
});

Deno.test("nothing pasted is carried out", () => {
  assertEquals(decodeAll("\x1b[200~quit\r\nget\tx\x04\x1b[A\x1b[201~"), "quit get x [A");
  assertEquals(decodeAll("\x1b[200~", "a", "\r", "b", "\x1b[201~\r"), "a b<enter>");
});

Deno.test("Ctrl-C gets out of a paste without an end", () => {
  assertEquals(decodeAll("\x1b[200~abc", "\r\r", "\x03", "x\r"), "abc <interrupt>x<enter>");
});

Deno.test("KeyDecoder drops an endless sequence and bytes that are not UTF-8", () => {
  assertEquals(decodeAll("\x1b[" + "1;".repeat(100), "\r").endsWith("<enter>"), true);
  assertEquals(decodeAll(new Uint8Array([0x61, 0xff, 0xfe, 0x62])), "a\ufffd\ufffdb");
});

Deno.test("KeyDecoder gives only printable texts for any bytes", () => {
  const piece = fc.oneof(
    fc.constantFrom("\x1b", "\x1b[", "\x1b[200~", "\x1b[201~", "\x03", "\r", "a"),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const decoder = new KeyDecoder();
      const keys = pieces.flatMap((piece) => decoder.decode(utf8.encode(piece)));
      for (const key of keys) {
        // deno-lint-ignore no-control-regex
        if ("text" in key) assert(/^[^\x00-\x1f\x7f]+$/.test(key.text));
      }
    }),
    { seed: 1 },
  );
});
