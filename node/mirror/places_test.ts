import { assertEquals, assertThrows } from "@std/assert";
import { settled } from "../../protocol/testing.ts";
import { placeOf, Places } from "./places.ts";

Deno.test("placeOf() names a folder after address and port", () => {
  assertEquals(placeOf({ host: "10.0.0.5", port: 7200 }), "10.0.0.5_7200");
  assertEquals(placeOf({ host: "2001:db8::5", port: 1 }), "2001:db8::5_1");
});

Deno.test("placeOf() refuses what cannot be the name of a folder", () => {
  for (const host of ["a/b", "../x", "a\\b", "a\0b", "x".repeat(255)]) {
    assertThrows(() => placeOf({ host, port: 1 }), Error, "Cannot mirror from ");
  }
});

Deno.test("Places gives a place to one after the other", async () => {
  const places = new Places();
  const order: string[] = [];
  const visit = async (name: string) => {
    using _place = await places.take("x_1");
    order.push(`${name} in`);
    await settled();
    order.push(`${name} out`);
  };
  await Promise.all([visit("a"), visit("b"), visit("c")]);
  assertEquals(order, ["a in", "a out", "b in", "b out", "c in", "c out"]);
  assertEquals(places.isTaken("x_1"), false);
});

Deno.test("Places gives different places at the same time", async () => {
  const places = new Places();
  using _a = await places.take("a_1");
  using _b = await places.take("b_1");
  assertEquals([places.isTaken("a_1"), places.isTaken("c_1")], [true, false]);
});
