import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { toHex } from "../../protocol/bytes.ts";
import { DIGEST_WORDS, hashPair } from "./sha256.ts";

const pair = fc.uint8Array({ minLength: 64, maxLength: 64 });

function wordsOf(bytes: Uint8Array): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Int32Array.from({ length: bytes.length / 4 }, (_, i) => view.getInt32(4 * i));
}

function hexOf(words: Int32Array): string {
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => view.setInt32(4 * i, word));
  return toHex(bytes);
}

Deno.test("hashPair() gives the SHA-256 of the 64 bytes", () => {
  fc.assert(fc.property(pair, (bytes) => {
    const words = new Int32Array(24);
    words.set(wordsOf(bytes));
    hashPair(words, 0, 16);
    const expected = createHash("sha256").update(bytes).digest("hex");
    assertEquals(hexOf(words.subarray(16)), expected);
    assertEquals(words.subarray(0, 16), wordsOf(bytes));
  }));
});

Deno.test("hashPair() may write its result over the pair", () => {
  fc.assert(fc.property(pair, fc.nat({ max: DIGEST_WORDS }), (bytes, to) => {
    const words = wordsOf(bytes);
    hashPair(words, 0, to);
    const expected = createHash("sha256").update(bytes).digest("hex");
    assertEquals(hexOf(words.subarray(to, to + DIGEST_WORDS)), expected);
  }));
});
