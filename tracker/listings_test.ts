/** Tests of the names of one file, against a map that always is one. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import "../protocol/testing.ts";
import type { Listing, Listings, SwarmFile } from "./entries.ts";
import { aliasCount, eachListing, findListing, withListing, withoutListing } from "./listings.ts";

const NAMES = ["a", "b", "c", "d"];

function listingOf(name: string): Listing {
  return { serial: 1, file: {} as SwarmFile, name, nodeCount: 1, gone: false };
}

Deno.test("Listings hold what a map would", () => {
  const step = fc.record({ name: fc.constantFrom(...NAMES), isAdded: fc.boolean() });
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    let listings: Listings;
    const expected = new Map<string, Listing>();
    for (const { name, isAdded } of steps) {
      const known = expected.get(name);
      if (isAdded) {
        const added = listingOf(name);
        listings = withListing(listings, added);
        expected.set(name, added);
      } else if (known !== undefined) {
        listings = withoutListing(listings, known);
        expected.delete(name);
      }
      assertEquals([...eachListing(listings)], [...expected.values()]);
      for (const name of NAMES) assert(findListing(listings, name) === expected.get(name));
      assertEquals(aliasCount(listings), Math.max(0, expected.size - 1));
      assertEquals(listings instanceof Map, expected.size > 1, "a map for one name");
    }
  }));
});
