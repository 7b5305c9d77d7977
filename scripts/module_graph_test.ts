import { assertEquals } from "@std/assert";
import { reachableFrom, readModule } from "./module_graph.ts";

function imports(text: string): string[] {
  return readModule("node/store/a.ts", text).imports
    .map(({ specifier, target, line, kind }) => `${line} ${kind} ${specifier} ${target ?? "-"}`);
}

Deno.test("readModule() finds every form of import", () => {
  const text = [
    'import a from "./b.ts";',
    'import type { B } from "../c.ts";',
    "import {",
    "  d,",
    "  type E,",
    '} from "@std/assert";',
    'export * from "./f.ts";',
    'export * as g from "./g.ts";',
    'import "./h.ts";',
    'const i = await import("./i.ts");',
    'let j: import("../../protocol/j.ts").J;',
    'new Worker(new URL("./k_worker.ts", import.meta.url), { type: "module" });',
    'import l from "./l.json" with { type: "json" };',
  ].join("\n");
  assertEquals(imports(text), [
    "1 module ./b.ts node/store/b.ts",
    "2 module ../c.ts node/c.ts",
    "6 module @std/assert -",
    "7 module ./f.ts node/store/f.ts",
    "8 module ./g.ts node/store/g.ts",
    "9 module ./h.ts node/store/h.ts",
    "10 module ./i.ts node/store/i.ts",
    "11 module ../../protocol/j.ts protocol/j.ts",
    "12 worker ./k_worker.ts node/store/k_worker.ts",
    "13 module ./l.json node/store/l.json",
  ]);
});

Deno.test("readModule() finds no import in comments, strings and other code", () => {
  const text = [
    '// import a from "./a.ts";',
    "/** import('./b.ts') */",
    "const c = 'import d from \"./d.ts\"';",
    'const e = Array.from("./f.ts"); new URL("http://g", "http://h");',
    'new URL("./data.bin", import.meta.url);',
  ].join("\n");
  assertEquals(imports(text), []);
});

Deno.test("readModule() counts lines and knows programs", () => {
  const { lineCount, isProgram } = readModule("a.ts", "if (import.meta.main) {\n}\n");
  assertEquals([lineCount, isProgram], [2, true]);
  assertEquals(readModule("a.ts", "// import.meta.main\na").isProgram, false);
  assertEquals(readModule("a.ts", "// import.meta.main\na").lineCount, 2);
});

Deno.test("reachableFrom() follows imports and workers, and cycles once", () => {
  const graph = new Map(
    [
      readModule("a.ts", 'import "./b.ts";'),
      readModule("b.ts", 'import "./a.ts"; new URL("./c.ts", import.meta.url); import "./no.ts";'),
      readModule("c.ts", ""),
      readModule("d.ts", ""),
    ].map((module) => [module.path, module]),
  );
  assertEquals([...reachableFrom(graph, ["a.ts"])].sort(), ["a.ts", "b.ts", "c.ts"]);
});
