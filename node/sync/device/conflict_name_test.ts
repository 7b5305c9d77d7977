import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { utf8Size } from "../../../protocol/fields.ts";
import { COMPONENT_SIZE_MAX, nameProblem } from "../../../protocol/path.ts";
import { conflictName, originalOf } from "./conflict_name.ts";

const id = Uint8Array.from({ length: 32 }, (_, i) => i * 7);
const free = () => false;

Deno.test("conflictName() puts device and content before the extension", () => {
  const name = conflictName({ path: "a/report.txt", device: "laptop", id }, free);
  assertEquals(name, "a/report.conflict-laptop-00070e15.txt");
});

Deno.test("conflictName() takes a dot in front for a part of the name", () => {
  assertEquals(
    conflictName({ path: ".profile", device: "x", id }, free),
    ".profile.conflict-x-00070e15",
  );
});

Deno.test("conflictName() takes more digits where a name is taken", () => {
  const taken = "f.conflict-x-00070e15";
  const name = conflictName({ path: "f", device: "x", id }, (path) => path === taken);
  assertEquals(name, "f.conflict-x-00070e151c232a31");
});

Deno.test("conflictName() gives up where all names are taken", () => {
  assertEquals(conflictName({ path: "f", device: "x", id }, () => true), undefined);
});

Deno.test("conflictName() of a safe name is a safe name, whatever the device is called", () => {
  const path = fc.string({ unit: "grapheme", minLength: 1, maxLength: 255 })
    .filter((path) => nameProblem(path) === undefined && utf8Size(path) <= COMPONENT_SIZE_MAX);
  fc.assert(
    fc.property(path, fc.string({ unit: "grapheme", maxLength: 64 }), (path, device) => {
      const name = conflictName({ path, device, id }, free)!;
      assertEquals(nameProblem(name), undefined, name);
    }),
    { seed: 1, numRuns: 500 },
  );
});

Deno.test("originalOf() undoes conflictName()", () => {
  for (const path of ["a/report.txt", "name", "a.b/c.tar.gz", ".profile"]) {
    assertEquals(originalOf(conflictName({ path, device: "my-laptop.home", id }, free)!), path);
  }
  assertEquals(originalOf("a/conflict.txt"), undefined);
});
