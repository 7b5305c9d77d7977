import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Config, type Lock, readProgram } from "./compile_config.ts";
import { compileConfig, compileLock, permissionFlags } from "./compile_config.ts";
import { readModule } from "./module_graph.ts";

const CONFIG: Config = {
  imports: {
    "@std/args": "npm:deno-std@1.4.0/cli/parse_args.js",
    "scoped": "npm:@a/scoped@2/sub/path.js",
    "fast-check": "npm:fast-check@4.10.2",
  },
  tasks: { p2pnode: { command: "deno run --no-prompt --allow-net --allow-read=. main.ts" } },
};
const LOCK: Lock = {
  version: "5",
  specifiers: {
    "npm:@a/scoped@2": "2.0.1",
    "npm:deno-std@1.4.0": "1.4.0",
    "npm:fast-check@4.10.2": "4.10.2",
  },
  npm: {
    "@a/scoped@2.0.1": { dependencies: ["b", "c@1.0.0"] },
    "b@3.0.0": { dependencies: ["@a/scoped"] },
    "c@1.0.0": {},
    "c@2.0.0": {},
    "deno-std@1.4.0": {},
    "fast-check@4.10.2": { dependencies: ["pure-rand"] },
    "pure-rand@8.4.2": {},
  },
};
const GRAPH = new Map(
  [
    readModule("main.ts", 'import "./node/a.ts"; import "@std/args"; import "node:crypto";'),
    readModule("main_test.ts", 'import "./main.ts"; import "fast-check";'),
    readModule("node/a.ts", 'new Worker(new URL("./b_worker.ts", import.meta.url));'),
    readModule("node/b_worker.ts", 'import "scoped";'),
  ].map((module) => [module.path, module]),
);

Deno.test("readProgram() finds files, workers and mapped imports, and none of the tests", () => {
  assertEquals(readProgram(GRAPH, CONFIG), {
    paths: ["main.ts", "node/a.ts", "node/b_worker.ts"],
    workers: ["node/b_worker.ts"],
    mapped: ["@std/args", "scoped"],
  });
});

Deno.test("compileConfig() holds the imports of the program only", () => {
  const { imports } = compileConfig(CONFIG, readProgram(GRAPH, CONFIG));
  assertEquals(Object.keys(imports!), ["@std/args", "scoped"]);
});

Deno.test("compileLock() holds the packages of the program and what they require", () => {
  const lock = compileLock(LOCK, CONFIG, readProgram(GRAPH, CONFIG));
  assertEquals(lock, {
    version: "5",
    specifiers: { "npm:@a/scoped@2": "2.0.1", "npm:deno-std@1.4.0": "1.4.0" },
    npm: {
      "@a/scoped@2.0.1": { dependencies: ["b", "c@1.0.0"] },
      "b@3.0.0": { dependencies: ["@a/scoped"] },
      "c@1.0.0": {},
      "deno-std@1.4.0": {},
    },
    workspace: { dependencies: ["npm:@a/scoped@2", "npm:deno-std@1.4.0"] },
  });
});

Deno.test("compileLock() refuses a package that the lock does not hold", () => {
  const program = readProgram(GRAPH, CONFIG);
  const empty = { version: "5", specifiers: {}, npm: {} };
  assertThrows(() => compileLock(empty, CONFIG, program), Error, "run deno install");
});

Deno.test("permissionFlags() reads the flags of the task that runs from source", () => {
  assertEquals(permissionFlags(CONFIG), ["--no-prompt", "--allow-net", "--allow-read=."]);
});

Deno.test("the program may start no process and load no native code", async () => {
  const config = JSON.parse(
    await Deno.readTextFile(new URL("../deno.json", import.meta.url)),
  ) as Config;
  const flags = permissionFlags(config);
  assert(flags.includes("--no-prompt"));
  for (const flag of flags) assert(!/^--allow-(?:run|ffi|all|import)/.test(flag), flag);
  assert(!/ -\w/.test(config.tasks["p2pnode"]!.command), "only long flags are passed on");
});
