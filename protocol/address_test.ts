/** Tests of how an address is written. */

import { assertEquals } from "@std/assert";
import { addressText } from "./address.ts";

Deno.test("addressText() writes HOST:PORT", () => {
  assertEquals(addressText({ host: "127.0.0.1", port: 5000 }), "127.0.0.1:5000");
  assertEquals(addressText({ host: "tracker.example", port: 1 }), "tracker.example:1");
});

Deno.test("addressText() puts brackets around IPv6", () => {
  assertEquals(addressText({ host: "::1", port: 5000 }), "[::1]:5000");
});
