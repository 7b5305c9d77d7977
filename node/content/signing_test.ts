import { assert } from "@std/assert";
import { KeyPair, verify } from "./identity.ts";
import { signBlock, verifyBlock } from "./signing.ts";

const pair = KeyPair.fromSeed(new Uint8Array(32).fill(7));
const block = {
  id: new Uint8Array(32).fill(0x11),
  size: 2 ** 40 - 3,
  index: 258,
  hash: new Uint8Array(32).fill(0x22),
};

Deno.test("verifyBlock() accepts what signBlock() signed and nothing else", () => {
  const publisher = pair.nodeId;
  const signature = signBlock(pair, block);
  assert(verifyBlock(block, { publisher, signature }));
  const zero = new Uint8Array(32);
  for (
    const other of [
      { ...block, id: zero },
      { ...block, size: block.size + 1 },
      { ...block, size: block.size % 2 ** 32 },
      { ...block, index: 257 },
      { ...block, hash: zero },
    ]
  ) {
    assert(!verifyBlock(other, { publisher, signature }));
  }
  assert(!verifyBlock(block, { publisher: zero, signature }));
  assert(!verifyBlock(block, { publisher, signature: new Uint8Array(64) }));
});

Deno.test("signBlock() signs the documented bytes", () => {
  const statement = new Uint8Array([
    ...new TextEncoder().encode("p2pnode block v1"),
    0,
    ...block.id,
    ...[0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xfd],
    ...[0, 0, 1, 2],
    ...block.hash,
  ]);
  assert(verify(pair.nodeId, statement, signBlock(pair, block)));
});
