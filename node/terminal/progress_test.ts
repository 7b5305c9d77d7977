import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { anyCharacter } from "../../protocol/testing.ts";
import { displayWidth } from "../text/width.ts";
import type { TransferProgress } from "../traffic/transfer_progress.ts";
import { formatTransfers } from "./progress.ts";

const MiB = 1024 ** 2;

const half: TransferProgress = {
  name: "debian.iso",
  bytesDone: 128 * MiB,
  bytesTotal: 256 * MiB,
  bytesPerSecond: 12.5 * MiB,
  peers: 3,
  badBlocks: 0,
};

Deno.test("formatTransfers() shows percent, bar, rate, time left and peers", () => {
  assertEquals(formatTransfers([half], 90), [
    "debian.iso   50%  [===============>              ]  12.5 MiB/s  ETA 10s        3 peers",
  ]);
});

Deno.test("formatTransfers() lines up several transfers", () => {
  const other = {
    ...half,
    name: "日本語",
    bytesDone: 0,
    bytesPerSecond: 0,
    peers: 1,
    badBlocks: 2,
  };
  const done = { ...half, name: "empty", bytesDone: 0, bytesTotal: 0 };
  assertEquals(formatTransfers([half, other, done], 90), [
    "debian.iso   50%  [==============>             ]  12.5 MiB/s  ETA 10s             3 peers",
    "日本語        0%  [>                           ]       0 B/s  ETA --       2 bad  1 peer",
    "empty       100%  [============================]  12.5 MiB/s  ETA 0s              3 peers",
  ]);
});

Deno.test("formatTransfers() cuts the name, then gives up the bar, then columns", () => {
  const transfer = { ...half, name: "a-rather-long-name.iso", badBlocks: 1 };
  assertEquals([80, 60, 40, 30, 20, 14].map((columns) => formatTransfers([transfer], columns)[0]), [
    "a-rather-long-nam…   50%  [=====>    ]  12.5 MiB/s  ETA 10s      1 bad  3 peers",
    "a-rather-lo…   50%  12.5 MiB/s  ETA 10s      1 bad  3 peers",
    "a-rathe…   50%  12.5 MiB/s  ETA 10s",
    "a-rather-l…   50%  12.5 MiB/s",
    "a-rather-lon…   50%",
    "a-rath…   50%",
  ]);
});

Deno.test("formatTransfers() says 100% only when everything is there", () => {
  const almost = { ...half, bytesDone: half.bytesTotal - 1 };
  assert(formatTransfers([almost], 80)[0]!.includes(" 99%"));
  assert(formatTransfers([{ ...half, bytesDone: half.bytesTotal }], 80)[0]!.includes("100%"));
});

Deno.test("formatTransfers() never fills the last column, whatever it is given", () => {
  const transfer = fc.record({
    name: fc.string({ unit: anyCharacter, maxLength: 40 }),
    bytesDone: fc.maxSafeNat(),
    bytesTotal: fc.maxSafeNat(),
    bytesPerSecond: fc.double({ min: 0, max: 1e15, noNaN: true }),
    peers: fc.nat(),
    badBlocks: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(transfer, { maxLength: 4 }), fc.nat(200), (transfers, columns) => {
      const lines = formatTransfers(transfers, columns);
      assertEquals(lines.length, transfers.length);
      for (const line of lines) assert(displayWidth(line) <= Math.max(0, columns - 1));
    }),
    { seed: 1 },
  );
});
