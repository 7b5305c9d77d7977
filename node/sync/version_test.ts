import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  bumpVersion,
  compareVersions,
  countsOf,
  mergeVersions,
  NO_VERSION,
  versionOf,
} from "./version.ts";

const A = "a".repeat(16);
const B = "b".repeat(16);

const version = fc.dictionary(fc.constantFrom(A, B, "c".repeat(16)), fc.integer({ min: 1, max: 3 }))
  .map((counts) => versionOf(new Map(Object.entries(counts))));
const settings = { seed: 1 };

Deno.test("compareVersions() tells who has seen what", () => {
  const first = bumpVersion(NO_VERSION, A);
  assertEquals(compareVersions(first, NO_VERSION), "follows");
  assertEquals(compareVersions(NO_VERSION, first), "precedes");
  assertEquals(compareVersions(first, first), "equal");
  assertEquals(compareVersions(bumpVersion(first, B), bumpVersion(first, A)), "concurrent");
});

Deno.test("compareVersions() seen from the other side is the opposite", () => {
  const opposite = {
    equal: "equal",
    follows: "precedes",
    precedes: "follows",
    concurrent: "concurrent",
  };
  fc.assert(
    fc.property(version, version, (a, b) => {
      assertEquals(compareVersions(a, b), opposite[compareVersions(b, a)]);
    }),
    settings,
  );
});

Deno.test("mergeVersions() follows or equals both, whichever comes first", () => {
  fc.assert(
    fc.property(version, version, (a, b) => {
      const merged = mergeVersions(a, b);
      assertEquals(mergeVersions(b, a), merged);
      for (const one of [a, b]) {
        assertEquals(["equal", "follows"].includes(compareVersions(merged, one)), true);
      }
    }),
    settings,
  );
});

Deno.test("bumpVersion() follows what was there", () => {
  fc.assert(
    fc.property(version, (before) => {
      assertEquals(compareVersions(bumpVersion(before, B), before), "follows");
    }),
    settings,
  );
});

Deno.test("versionOf() undoes countsOf()", () => {
  fc.assert(fc.property(version, (one) => assertEquals(versionOf(countsOf(one)), one)), settings);
});
