/**
 * The names of one file, or those that one node has it under: none, one or many.
 *
 * Nearly always there is one, and a map takes more memory than all else that is known of a holding. So a
 * single listing stands for itself, and only several stand in a map.
 */

import type { Listing, Listings } from "./entries.ts";

/** The one of that name. */
export function findListing(listings: Listings, name: string): Listing | undefined {
  if (listings instanceof Map) return listings.get(name);
  return listings?.name === name ? listings : undefined;
}

/** How many there are besides the first. */
export function aliasCount(listings: Listings): number {
  return listings instanceof Map ? listings.size - 1 : 0;
}

/** All of them, in the order in which they came. */
export function eachListing(listings: Listings): Iterable<Listing> {
  if (listings instanceof Map) return listings.values();
  return listings === undefined ? [] : [listings];
}

/** The same with one more, which replaces one of its name. `listings` must not be used any more. */
export function withListing(listings: Listings, added: Listing): Listings {
  if (listings instanceof Map) return listings.set(added.name, added);
  if (listings === undefined || listings.name === added.name) return added;
  return new Map([[listings.name, listings], [added.name, added]]);
}

/** The same without one that is there. `listings` must not be used any more. */
export function withoutListing(listings: Listings, removed: Listing): Listings {
  if (!(listings instanceof Map)) return undefined;
  listings.delete(removed.name);
  return listings.size > 1 ? listings : listings.values().next().value;
}
