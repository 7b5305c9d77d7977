import { assertEquals } from "@std/assert";
import { formatTable } from "./table.ts";

Deno.test("formatTable() lines up columns, numbers to the right", () => {
  assertEquals(
    formatTable([{ title: "NAME" }, { title: "SIZE", align: "right" }, { title: "ID" }], [
      ["a.txt", "5 B", "aa"],
      ["日本語", "256 MiB", "bb"],
      ["x"],
    ]),
    [
      "NAME       SIZE  ID",
      "a.txt       5 B  aa",
      "日本語  256 MiB  bb",
      "x",
    ],
  );
});

Deno.test("formatTable() keeps the heading of an empty table", () => {
  assertEquals(formatTable([{ title: "NAME" }, { title: "SIZE", align: "right" }], []), [
    "NAME  SIZE",
  ]);
});

Deno.test("formatTable() makes hostile cells harmless before it measures them", () => {
  assertEquals(formatTable([{ title: "NAME" }, { title: "ID" }], [["a\n\x1b[2Jb", "1"]]), [
    "NAME         ID",
    "a\\n\\x1b[2Jb  1",
  ]);
});
