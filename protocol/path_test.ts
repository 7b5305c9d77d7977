import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ProtocolError } from "./errors.ts";
import {
  checkName,
  folderOf,
  foldersAbove,
  isAtOrBelow,
  isAtOrBelowAny,
  NAME_SIZE_MAX,
  nameProblem,
} from "./path.ts";
import { anyCharacter } from "./testing.ts";

Deno.test("nameProblem() accepts relative names in canonical form", () => {
  for (
    const name of [
      "a",
      "a/b/c.txt",
      "a b/ü/日本語/🙂",
      "...",
      "..a",
      "a..",
      ".hidden",
      ".p2pnodes/x",
      "p2pnode",
      "a:b",
      "~",
      "-rf",
      "x".repeat(255),
      "é".repeat(127),
      `${"x".repeat(255)}/`.repeat(3) + "y".repeat(255),
    ]
  ) assertEquals(nameProblem(name), undefined, name);
});

Deno.test("nameProblem() names what is wrong", () => {
  const problems: [string, string][] = [
    ["", "empty"],
    ["/", "absolute"],
    ["/etc/passwd", "absolute"],
    ["//host/share", "absolute"],
    ["a/", "empty component"],
    ["a//b", "empty component"],
    [".", 'component "."'],
    ["..", 'component ".."'],
    ["../a", 'component ".."'],
    ["a/../b", 'component ".."'],
    ["a/..", 'component ".."'],
    ["a/./b", 'component "."'],
    ["a\\..\\b", "backslash"],
    ["C:\\a", "backslash"],
    ["a\0b", "control character"],
    ["a\nb", "control character"],
    ["\u001b[31mred", "control character"],
    ["a\u007f", "control character"],
    ["a\u009b31m", "control character"],
    ["a\ud800", "not Unicode"],
    ["\udc00a", "not Unicode"],
    [".p2pnode", "p2pnode's own"],
    [".p2pnode/key", "p2pnode's own"],
    ["a/.p2pnode/key", "p2pnode's own"],
    [".P2PNode/key", "p2pnode's own"],
    ["x".repeat(256), "a component is longer than 255 bytes"],
    ["é".repeat(128), "a component is longer than 255 bytes"],
    ["a/".repeat(512) + "a", "longer than 1024 bytes"],
    ["é/".repeat(400), "longer than 1024 bytes"],
  ];
  for (const [name, problem] of problems) {
    const found = nameProblem(name);
    assert(found?.includes(problem), `${JSON.stringify(name.slice(0, 40))}: ${found}`);
  }
});

Deno.test("nameProblem() lets no name through that leads out of the folder or into the private one", () => {
  const component = fc.oneof(
    fc.constantFrom("", ".", "..", ".p2pnode", ".P2PNODE", "a", "a\0", "\\", "..\\..", "b"),
    fc.string({ unit: anyCharacter, maxLength: 4 }),
  );
  const name = fc.array(component, { maxLength: 5 }).map((components) => components.join("/"));
  fc.assert(
    fc.property(name, (name) => {
      if (nameProblem(name) !== undefined) return;
      const url = new URL(`file:///srv/${name.split("/").map(encodeURIComponent).join("/")}`);
      const path = decodeURIComponent(url.pathname);
      assertEquals(path, `/srv/${name}`, "the name is canonical");
      assert(!path.toLowerCase().split("/").includes(".p2pnode"));
      assert(name.length > 0 && new TextEncoder().encode(name).length <= NAME_SIZE_MAX);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("checkName() answers the name, or says which name is bad and why", () => {
  assertEquals(checkName("a/b"), "a/b");
  assertThrows(
    () => checkName("../a\nb"),
    ProtocolError,
    'Cannot use the name "../a\\nb": it has a control character',
  );
});

Deno.test("folderOf() and foldersAbove() tell where something is", () => {
  assertEquals(["a", "a/b", "a/b/c"].map(folderOf), ["", "a", "a/b"]);
  assertEquals(["a", "a/b", "a/b/c"].map(foldersAbove), [[], ["a"], ["a", "a/b"]]);
});

Deno.test("isAtOrBelow() goes by whole components", () => {
  for (const path of ["a/b", "a/b/c", "a/b/c/d"]) assert(isAtOrBelow(path, "a/b"), path);
  for (const path of ["a", "a/bc", "a/bc/d", "x/a/b", ""]) assert(!isAtOrBelow(path, "a/b"), path);
  assert(isAtOrBelow("a", "") && isAtOrBelow("", ""));
});

Deno.test("isAtOrBelowAny() is isAtOrBelow() for one of many folders", () => {
  const path = fc.array(fc.constantFrom("a", "b", "ab"), { maxLength: 4 }).map((parts) =>
    parts.join("/")
  );
  fc.assert(
    fc.property(path, fc.array(path, { maxLength: 4 }), (path, folders) => {
      assertEquals(
        isAtOrBelowAny(path, new Set(folders)),
        folders.some((folder) => isAtOrBelow(path, folder)),
      );
    }),
    { numRuns: 1000 },
  );
});
