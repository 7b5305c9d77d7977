/** Tests of counts and samples of holders. */

import { assert, assertEquals } from "@std/assert";
import { frameSize } from "../protocol/messages.ts";
import { HEADER_SIZE } from "../protocol/header.ts";
import { seededRandom } from "../protocol/testing.ts";
import type { Holding, SwarmFile, SwarmNode } from "./entries.ts";
import type { Have } from "./have.ts";
import { HAVE_ALL, HAVE_NONE } from "./have.ts";
import { Holders } from "./holders.ts";
import type { HolderEntry } from "./holders.ts";
import { BLOCK_SIZE, idOf } from "./testing.ts";

const SEED = 7;
const COUNT_MAX = 50;

function nodeOf(number: number): SwarmNode {
  return {
    serial: number,
    nodeId: idOf(number),
    key: String(number),
    host: "192.0.2.1",
    port: number,
    heardMs: 0,
    holdings: new Map(),
    fileCount: 0,
    gone: false,
  };
}

function holdingOf(number: number, have: Have, blockSize = BLOCK_SIZE): Holding {
  const file = {} as SwarmFile;
  const node = nodeOf(number);
  return { node, file, listings: undefined, blockSize, have, place: -1, gone: false };
}

function some(size = 4): Have {
  const bits = new Uint8Array(size);
  bits[0] = 0x80;
  return { extent: "some", bits };
}

function holdersOf(holdings: readonly Holding[]): Holders {
  const holders = new Holders();
  for (const holding of holdings) holders.add(holding);
  return holders;
}

function numbersOf(entries: readonly HolderEntry[]): number[] {
  return entries.map(({ port }) => port).sort((a, b) => a - b);
}

const options = {
  asker: undefined,
  blockSize: BLOCK_SIZE,
  countMax: COUNT_MAX,
  random: seededRandom(SEED),
};

Deno.test("Holders counts seeders and leechers through every change", () => {
  const holdings = [HAVE_ALL, some(), HAVE_NONE].map((have, i) => holdingOf(i + 1, have));
  const holders = holdersOf(holdings);
  assertEquals([holders.seederCount, holders.leecherCount], [1, 2]);
  holders.update(holdings[2]!, some());
  holders.update(holdings[1]!, HAVE_ALL);
  assertEquals([holders.seederCount, holders.leecherCount], [2, 1]);
  holders.update(holdings[0]!, HAVE_NONE);
  assertEquals([holders.seederCount, holders.leecherCount], [1, 2]);
  for (const holding of holdings) holders.remove(holding);
  assertEquals([holders.seederCount, holders.leecherCount, holders.count], [0, 0, 0]);
});

Deno.test("Holders.sample() has everybody who holds a block when they are few", () => {
  const holdings = [HAVE_ALL, some(), HAVE_NONE].map((have, i) => holdingOf(i + 1, have));
  assertEquals(numbersOf(holdersOf(holdings).sample(options)), [1, 2]);
});

Deno.test("Holders.sample() leaves out the asker", () => {
  const holdings = [1, 2, 3].map((number) => holdingOf(number, HAVE_ALL));
  const sample = holdersOf(holdings).sample({ ...options, asker: holdings[1]!.node });
  assertEquals(numbersOf(sample), [1, 3]);
});

Deno.test("Holders.sample() gives no bitfields that count in other blocks than the asker's", () => {
  const holdings = [
    holdingOf(1, some(), BLOCK_SIZE),
    holdingOf(2, some(), 2 * BLOCK_SIZE),
    holdingOf(3, HAVE_ALL, 2 * BLOCK_SIZE),
  ];
  assertEquals(numbersOf(holdersOf(holdings).sample(options)), [1, 3]);
  const doubled = { ...options, blockSize: 2 * BLOCK_SIZE };
  assertEquals(numbersOf(holdersOf(holdings).sample(doubled)), [2, 3]);
});

Deno.test("Holders.sample() names nobody twice, and no more than it may", () => {
  const holders = holdersOf(
    Array.from({ length: 1000 }, (_, i) => holdingOf(i + 1, HAVE_ALL)),
  );
  for (let run = 0; run < 100; run++) {
    const numbers = numbersOf(holders.sample(options));
    assertEquals(new Set(numbers).size, COUNT_MAX);
  }
});

Deno.test("Holders.sample() fits a body, and is never empty, with the longest bitfields", () => {
  const holdings = Array.from({ length: 300 }, (_, i) => holdingOf(i + 1, some(32 * 1024)));
  const holders = holdersOf(holdings);
  const answer = () =>
    ({ type: "holders", seeders: 0, leechers: 0, holders: holders.sample(options) }) as const;
  assertEquals(answer().holders.length, 1);
  // Those that take no room are added to the first large one.
  for (const holding of holdings.slice(100)) holders.update(holding, HAVE_ALL);
  for (let run = 0; run < 50; run++) {
    const sample = answer();
    assert(sample.holders.length > 10);
    assert(frameSize(sample) <= HEADER_SIZE + 64 * 1024);
  }
});

Deno.test("Holders.sample() draws everybody equally often, while holders come and go", () => {
  const holdings = Array.from({ length: 200 }, (_, i) => holdingOf(i + 1, HAVE_ALL));
  const holders = holdersOf(holdings);
  const counts = new Map<number, number>();
  const runs = 4000;
  for (let run = 0; run < runs; run++) {
    const passing = holdings[run % holdings.length]!;
    holders.remove(passing);
    holders.add(passing);
    for (const { port } of holders.sample(options)) counts.set(port, (counts.get(port) ?? 0) + 1);
  }
  // Chi-square with 199 degrees of freedom: 0.1 % of fair samplers are over 266. The seed is fixed.
  const expected = runs * COUNT_MAX / holdings.length;
  let chiSquare = 0;
  for (const { node } of holdings) {
    chiSquare += ((counts.get(node.port) ?? 0) - expected) ** 2 / expected;
  }
  assert(chiSquare < 266, `chi-square is ${chiSquare} with seed ${SEED}`);
});
