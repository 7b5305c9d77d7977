import { assert, assertEquals, assertThrows } from "@std/assert";
import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { fromHex } from "../../protocol/bytes.ts";
import { KeyPair, verify } from "./identity.ts";

const message = new TextEncoder().encode("one message");
const pair = KeyPair.fromSeed(new Uint8Array(32).fill(7));

Deno.test("KeyPair.fromSeed() gives the keys and signatures of RFC 8032, section 7.1, test 2", () => {
  const known = KeyPair.fromSeed(
    fromHex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
  );
  assertEquals(
    known.nodeId,
    fromHex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
  );
  assertEquals(
    known.sign(fromHex("72")),
    fromHex(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
  );
});

Deno.test("verify() accepts a signature and refuses any change of it, of the message and of the key", () => {
  const signature = pair.sign(message);
  assert(verify(pair.nodeId, message, signature));
  const changed = (bytes: Uint8Array, bit: number) => {
    const copy = bytes.slice();
    copy[bit >> 3]! ^= 1 << (bit & 7);
    return copy;
  };
  fc.assert(fc.property(fc.nat({ max: 64 * 8 - 1 }), (bit) => {
    assert(!verify(pair.nodeId, message, changed(signature, bit)));
    assert(!verify(pair.nodeId, changed(message, bit % (8 * message.length)), signature));
    assert(!verify(changed(pair.nodeId, bit % 256), message, signature));
  }));
});

Deno.test("verify() never throws, whatever the bytes are", () => {
  const any = fc.uint8Array({ maxLength: 100 });
  fc.assert(fc.property(any, any, any, (key, text, signature) => {
    assert(!verify(key, text, signature));
    assert(!verify(pair.nodeId, text, signature));
  }));
  // An encoding of no point on the curve.
  assert(!verify(new Uint8Array(32).fill(2), message, pair.sign(message)));
});

Deno.test("verify() still knows a key after more keys than it keeps", () => {
  const signature = pair.sign(message);
  for (let i = 0; i < 300; i++) {
    const other = KeyPair.fromSeed(new Uint8Array(32).fill(i & 0xff).fill(i >> 8, 16));
    assert(verify(other.nodeId, message, other.sign(message)));
  }
  assert(verify(pair.nodeId, message, signature));
});

Deno.test("KeyPair.generate() makes another identity each time", () => {
  const generated = KeyPair.generate();
  assert(verify(generated.nodeId, message, generated.sign(message)));
  assert(!verify(KeyPair.generate().nodeId, message, generated.sign(message)));
});

Deno.test("KeyPair gives back its seed and reads its own PEM", () => {
  assertEquals(pair.seed, new Uint8Array(32).fill(7));
  const read = KeyPair.fromPem(pair.toPem());
  assertEquals(read.nodeId, pair.nodeId);
  assertEquals(read.seed, pair.seed);
});

Deno.test("KeyPair.fromPem() refuses damaged keys and keys of another kind", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const other = privateKey.export({ format: "pem", type: "pkcs8" }) as string;
  assertThrows(() => KeyPair.fromPem(other), Error, "not ed25519");
  for (
    const pem of ["", "no key", pair.toPem().slice(0, -40), pair.toPem().replace("MC4", "MC5")]
  ) {
    assertThrows(() => KeyPair.fromPem(pem), Error);
  }
});
