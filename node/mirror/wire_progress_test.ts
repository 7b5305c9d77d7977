import { assert, assertEquals, assertThrows } from "@std/assert";
import { utf8Size } from "../../protocol/fields.ts";
import { REASON_SIZE_MAX } from "../../protocol/mirror_messages.ts";
import { noProgress, progressFromWire, progressToWire } from "./wire_progress.ts";

Deno.test("progress travels as it is", () => {
  const progress = {
    ...noProgress,
    state: "failed",
    filesDone: 3,
    sizeVariance: 1234.5,
    final: true,
    reason: "it is gone",
  } as const;
  const wire = progressToWire(7, progress);
  assertEquals([wire.type, wire.source], ["mirrorProgress", 7]);
  assertEquals(progressFromWire(wire), progress);
});

Deno.test("progressFromWire() refuses a variance that is none", () => {
  for (const variance of [NaN, Infinity, -1]) {
    const wire = progressToWire(0, { ...noProgress, sizeVariance: variance });
    assertThrows(() => progressFromWire(wire), Error, "its variance is none");
  }
});

Deno.test("progressToWire() cuts a reason that is too long, and no character of it", () => {
  for (const text of ["x".repeat(1000), "日".repeat(1000), "x" + "🎉".repeat(1000)]) {
    const { reason: cut } = progressToWire(0, { ...noProgress, reason: text });
    assert(cut.isWellFormed());
    assert(utf8Size(cut) <= REASON_SIZE_MAX && cut.length > 100, `${utf8Size(cut)} bytes`);
  }
});
