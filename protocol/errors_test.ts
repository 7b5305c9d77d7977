import { assertEquals } from "@std/assert";
import { ErrorCode, errorName, RemoteError } from "./errors.ts";

Deno.test("errorName() knows every code, and shows a stranger's as a number", () => {
  for (const [name, code] of Object.entries(ErrorCode)) assertEquals(errorName(code), name);
  assertEquals(errorName(0), "code 0");
  assertEquals(errorName(255), "code 255");
});

Deno.test("ErrorCode uses each number once", () => {
  const codes = Object.values(ErrorCode);
  assertEquals(new Set(codes).size, codes.length);
});

Deno.test("RemoteError without a reason says the name of its code", () => {
  assertEquals(new RemoteError(ErrorCode.busy, "").message, "busy");
  assertEquals(new RemoteError(ErrorCode.busy, "come back later").message, "come back later");
});
