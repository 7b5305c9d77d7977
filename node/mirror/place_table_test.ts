import { assertEquals } from "@std/assert";
import { PlaceTable } from "./place_table.ts";

function idOf(number: number): Uint8Array {
  const id = new Uint8Array(32);
  new DataView(id.buffer).setUint32(28, number);
  return id;
}

const placeOf = (number: number) => ({ path: `folder/é ${number}.jpg`, stamp: `1.2.${number}` });

Deno.test("PlaceTable knows the last place of each content", () => {
  const table = new PlaceTable(10_000);
  for (let number = 0; number < 2_000; number++) table.set(idOf(number), placeOf(number));
  table.set(idOf(7), placeOf(70_000));
  assertEquals(table.get(idOf(7)), placeOf(70_000));
  assertEquals(table.get(idOf(1_999)), placeOf(1_999));
  assertEquals(table.get(idOf(2_000)), undefined);
});

Deno.test("PlaceTable takes no room for what it knows", () => {
  const table = new PlaceTable(10);
  // With more than twice the room of one buffer taken, the first place would be forgotten.
  const path = "x".repeat(1_000);
  table.set(idOf(1), placeOf(1));
  for (let count = 0; count < 200_000; count++) table.set(idOf(2), { path, stamp: "s" });
  assertEquals(table.get(idOf(1)), placeOf(1));
});

Deno.test("PlaceTable forgets what was noted long ago", () => {
  const table = new PlaceTable(100);
  for (let number = 0; number < 1_000; number++) table.set(idOf(number), placeOf(number));
  const known = Array.from({ length: 1_000 }, (_, number) => table.get(idOf(number)));
  const first = known.findIndex((place) => place !== undefined);
  assertEquals(first >= 900 && first < 950, true, `from ${first} on`);
  assertEquals(known.slice(first), known.slice(first).map((_, index) => placeOf(first + index)));
});
