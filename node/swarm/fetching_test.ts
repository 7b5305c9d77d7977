import { assertEquals, assertThrows } from "@std/assert";
import { Bitfield } from "../../protocol/bitfield.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { seededRandom } from "../../protocol/testing.ts";
import { LEAF_SIZE } from "../content/tree.ts";
import { Catalog } from "./catalog.ts";
import { Fetching } from "./fetching.ts";
import type { BlockHolder } from "./fetching.ts";
import { sampleFile } from "./testing.ts";

const BLOCK_COUNT = 4;
/** Four blocks, the last of which is short. */
const { manifest } = sampleFile(3 * LEAF_SIZE + 5);
const any = { unshared: false };

function start(heldIndexes: readonly number[] = []): Fetching {
  const have = Bitfield.none(BLOCK_COUNT);
  for (const index of heldIndexes) have.add(index);
  return new Fetching(new Catalog().addPart(manifest, have), seededRandom(1));
}

/** A holder, with when it was asked for which block. */
class Holder implements BlockHolder {
  readonly have = Bitfield.none(BLOCK_COUNT);
  readonly asked = new Map<number, number>();

  constructor(...indexes: number[]) {
    for (const index of indexes) this.have.add(index);
  }

  askedMs(index: number): number | undefined {
    return this.asked.get(index);
  }
}

Deno.test("held bytes count what was there and what lands, a short last block by its size", () => {
  const fetching = start([0, 3]);
  assertEquals(fetching.heldBytes, LEAF_SIZE + 5);
  fetching.landed(1);
  assertEquals(fetching.heldBytes, 2 * LEAF_SIZE + 5);
});

Deno.test("a block that partial holders have is less rare, until they leave or are complete", () => {
  const fetching = start();
  const all = Bitfield.all(BLOCK_COUNT);
  const holder = new Holder(0, 1);
  fetching.joined(holder);
  fetching.gained(holder, 2);
  assertEquals(fetching.take(all, { unshared: true }), 3);
  assertEquals(fetching.take(all, { unshared: true }), undefined);
  fetching.gained(holder, 3);
  assertEquals(holder.have.complete, true);
  const first = fetching.take(all, { unshared: true })!;
  fetching.release(first);
  fetching.left(holder);
  const rest = [0, 0, 0].map(() => fetching.take(all, { unshared: true }));
  assertEquals(rest.sort(), [0, 1, 2]);
});

Deno.test("gained() counts a block once and refuses one that does not exist", () => {
  const fetching = start();
  const holder = new Holder(0);
  fetching.joined(holder);
  fetching.gained(holder, 0);
  fetching.gained(holder, 0);
  fetching.left(holder);
  const all = Bitfield.all(BLOCK_COUNT);
  const unshared = Array.from(
    { length: BLOCK_COUNT },
    () => fetching.take(all, { unshared: true }),
  );
  assertEquals(unshared.sort(), [0, 1, 2, 3]);
  assertThrows(() => fetching.gained(holder, BLOCK_COUNT), ProtocolError, "Cannot add block 4");
});

Deno.test("release() does not bring back a block that has landed meanwhile", () => {
  const fetching = start();
  const only = new Holder(1).have;
  assertEquals(fetching.take(only, any), 1);
  fetching.file.have.add(1);
  fetching.release(1);
  assertEquals(fetching.take(only, any), undefined);
});

Deno.test("overdue() finds what others owe, and waits longer the more were asked in vain", () => {
  const fetching = start([0]);
  const idle = new Holder(0, 1, 2, 3);
  const [a, b] = [new Holder(), new Holder()];
  const others = [a, b, idle];
  assertEquals(fetching.overdue(idle, { others, nowMs: 10_000 }), undefined);
  a.asked.set(2, 1_000);
  assertEquals(fetching.overdue(idle, { others, nowMs: 1_499 }), undefined);
  assertEquals(fetching.overdue(idle, { others, nowMs: 1_500 }), 2);
  b.asked.set(2, 1_500);
  assertEquals(fetching.overdue(idle, { others, nowMs: 3_499 }), undefined);
  assertEquals(fetching.overdue(idle, { others, nowMs: 3_500 }), 2);
  assertEquals(fetching.overdue(new Holder(0, 1), { others, nowMs: 9_000 }), undefined);
});
