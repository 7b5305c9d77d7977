import { assert, assertEquals } from "@std/assert";
import { concat } from "../../protocol/testing.ts";
import { randomBytes } from "../../tests/files.ts";
import type { ArrivedContent } from "./contents.ts";
import { sizeOfRanges } from "./ranges.ts";
import type { Range } from "./ranges.ts";
import { connectedSides, wanted } from "./testing.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const SIZE = 8 * MIB;
const OLD = randomBytes(SIZE, 1);
const MORE = randomBytes(MIB, 2);

/** What it took to fetch a content with old versions of it at hand. */
interface Cost {
  readonly received: number;
  /** Bytes that this side and the other one cut into pieces. */
  readonly cutHere: number;
  readonly cutThere: number;
}

async function fetchOver(
  bases: readonly Uint8Array[],
  bytes: Uint8Array,
  prepare: (sides: ReturnType<typeof connectedSides>) => Promise<unknown> = () => Promise.resolve(),
): Promise<Cost> {
  await using sides = connectedSides();
  const { mine, theirs, remote, connection } = sides;
  const want = wanted(theirs.add(bytes), bases.map((base) => mine.add(base)));
  await prepare(sides);
  const [cutHere, cutThere] = [mine, theirs].map(({ stage }): Range[] => {
    const ranges: Range[] = [];
    const recipe = stage.recipe.bind(stage);
    stage.recipe = (content, range) => {
      ranges.push(range);
      return recipe(content, range);
    };
    return ranges;
  }) as [Range[], Range[]];
  const before = connection.bytesReceived;
  const fetching = remote.fetch([want], { signal: new AbortController().signal, durable: false });
  const [result] = await Array.fromAsync(fetching);
  assertEquals(mine.files.bytesOf((result as ArrivedContent).staged), bytes);
  return {
    received: connection.bytesReceived - before,
    cutHere: sizeOfRanges(cutHere),
    cutThere: sizeOfRanges(cutThere),
  };
}

function assertLittle({ received, cutHere, cutThere }: Cost, newSize: number) {
  assert(received < newSize + 300 * KIB, `${received} bytes were sent for ${newSize} new ones`);
  const cut = Math.max(cutHere, cutThere);
  assert(cut < 2 * newSize + 3 * MIB, `${cutHere} and ${cutThere} bytes were cut`);
}

const middle = 3 * MIB + 12_345;
const changed = OLD.slice();
changed.set(MORE.subarray(0, 100), middle);
const edits: Record<string, { readonly bytes: Uint8Array; readonly newSize: number }> = {
  "an insertion at the start": { bytes: concat([MORE, OLD]), newSize: MIB },
  "an insertion in the middle": {
    bytes: concat([OLD.subarray(0, middle), MORE, OLD.subarray(middle)]),
    newSize: MIB,
  },
  "an append": { bytes: concat([OLD, MORE]), newSize: MIB },
  "a change in place": { bytes: changed, newSize: 100 },
  "a deletion": {
    bytes: concat([OLD.subarray(0, middle), OLD.subarray(middle + MIB)]),
    newSize: 0,
  },
  "a truncation": { bytes: OLD.slice(0, middle), newSize: 0 },
};
const anotherMiddle = concat([
  OLD.subarray(0, middle),
  MORE.subarray(0, 600 * KIB),
  OLD.subarray(middle + MIB),
]);

for (const [name, { bytes, newSize }] of Object.entries(edits)) {
  Deno.test(`after ${name}, little is sent and nothing is cut`, async () => {
    const { received, cutHere, cutThere } = await fetchOver([OLD], bytes);
    assert(received < newSize + 50 * KIB, `${received} bytes were sent for ${newSize} new ones`);
    assertEquals([cutHere, cutThere], [0, 0]);
  });
}

Deno.test("after an insertion of any length, no more than two leaves of what was there are sent", async () => {
  for (const [at, size] of [[0, 1], [middle, 16 * KIB], [middle, 1_000_000], [SIZE - 1, 70_000]]) {
    const added = MORE.subarray(0, size);
    const bytes = concat([OLD.subarray(0, at), added, OLD.subarray(at)]);
    const { received } = await fetchOver([OLD], bytes);
    const known = received - size!;
    // Block hashes, leaf hashes and heads come to less than 6 KiB.
    assert(known < 38 * KIB, `${known} bytes were sent besides ${size} at ${at}`);
  }
});

Deno.test("of pages that were changed here and there, nothing else is sent", async () => {
  const bytes = OLD.slice();
  for (let at = 0; at < SIZE; at += 800 * KIB) bytes.set(MORE.subarray(0, 4 * KIB), at);
  const { received, cutHere, cutThere } = await fetchOver([OLD], bytes);
  assert(received < 11 * 16 * KIB + 30 * KIB, `${received} bytes were sent`);
  assertEquals([cutHere, cutThere], [0, 0]);
});

Deno.test("in the place of a middle, what is left of it is looked for", async () => {
  assertLittle(await fetchOver([OLD], anotherMiddle), 600 * KIB);
  const kept = concat([
    OLD.subarray(0, middle),
    MORE.subarray(0, 100 * KIB),
    OLD.subarray(middle, middle + MIB),
    MORE.subarray(0, 50 * KIB),
    OLD.subarray(middle + MIB),
  ]);
  assertLittle(await fetchOver([OLD], kept), 150 * KIB);
});

Deno.test("a large append asks for no recipe of what is new", async () => {
  const bytes = concat([OLD, randomBytes(24 * MIB, 3)]);
  const { cutHere, cutThere } = await fetchOver([OLD], bytes);
  assert(cutHere < 2 * MIB && cutThere < 4 * MIB, `${cutHere} and ${cutThere} bytes were cut`);
});

Deno.test("what moved within a file is found, and so is what two edits left between them", async () => {
  const moved = concat([OLD.subarray(middle), OLD.subarray(0, middle)]);
  const edited = concat([MORE.subarray(0, 1000), OLD, MORE]);
  for (const [bytes, newSize] of [[moved, 0], [edited, MORE.length + 1000]] as const) {
    const { received } = await fetchOver([OLD], bytes);
    assert(received < newSize + 500 * KIB, `${received} bytes were sent`);
  }
});

Deno.test("an older base is looked into where the first one has little", async () => {
  const bytes = concat([MORE.subarray(0, 1000), OLD]);
  const stranger = randomBytes(SIZE, 4);
  assertLittle(await fetchOver([stranger, OLD], bytes), 1000);
  const halves = [
    concat([OLD.subarray(0, 5 * MIB), stranger.subarray(5 * MIB)]),
    concat([stranger.subarray(0, 3 * MIB), OLD.subarray(3 * MIB)]),
  ];
  const { received } = await fetchOver(halves, concat([OLD.subarray(0, 4 * MIB), bytes]));
  assert(received < 5 * MIB, `${received} bytes were sent`);
});

Deno.test("a stranger is no help, and costs a recipe of each side and no more", async () => {
  const { received, cutHere, cutThere } = await fetchOver([randomBytes(SIZE, 5)], OLD);
  assert(received < SIZE + 20 * KIB);
  assertEquals([cutHere, cutThere], [SIZE, SIZE]);
});

Deno.test("an assembly goes on where it was stopped", async () => {
  const bytes = concat([MORE, OLD]);
  const { received } = await fetchOver([OLD], bytes, async ({ mine, theirs, remote }) => {
    const stop = new AbortController();
    const want = wanted(theirs.add(bytes), [mine.add(OLD)]);
    const progress = (_want: unknown, bytesDone: number) => {
      if (bytesDone > 0) stop.abort(new Error("enough"));
    };
    const fetching = remote.fetch([want], { signal: stop.signal, durable: false, progress });
    await Array.fromAsync(fetching).catch(() => {});
  });
  assert(received < 1.3 * MIB, `${received} bytes were sent`);
});
