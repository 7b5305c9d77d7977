import { assertEquals } from "@std/assert";
import { counted } from "./counted.ts";

Deno.test("counted() makes a plural of all but one", () => {
  assertEquals([0, 1, 2].map((count) => counted(count, "file")), ["0 files", "1 file", "2 files"]);
});
