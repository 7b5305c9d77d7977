import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "node:path";
import { checkLayout, formatViolation } from "./check_layout.ts";

/** The violations of a project of these files, each as `path:line rule problem`. */
async function violationsOf(files: Record<string, string>): Promise<string[]> {
  const root = await Deno.makeTempDir();
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(dirname(join(root, path)), { recursive: true });
      await Deno.writeTextFile(join(root, path), text);
    }
    const violations = await checkLayout(root);
    for (const violation of violations) assert(formatViolation(violation).includes("Mend: "));
    return violations.map(({ path, line, rule, problem }) =>
      `${path}:${line} ${rule[0]} ${problem}`
    );
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("checkLayout() accepts a house in order", async () => {
  assertEquals(
    await violationsOf({
      "main.ts":
        'import "./node/a.ts"; import "./tracker/b.ts"; setTimeout(() => Deno.exit(1), 5);',
      "node/a.ts": [
        '// Deno.open and setTimeout are not for this file; "Math.random" neither.',
        'import { wire } from "../protocol/wire.ts";',
        'export const message = "Date.now is a clock";',
        "export const day = new Date(0);",
        'import "./platform/files.ts";',
      ].join("\n"),
      "node/a_test.ts": 'import "./a.ts"; import "../tests/fake.ts"; Deno.test("a", () => {});',
      "node/platform/files.ts":
        'new Worker(new URL("./hash_worker.ts", import.meta.url)); Deno.open;',
      "node/platform/hash_worker.ts": "Deno.readSync;",
      "tracker/b.ts": 'import "../protocol/wire.ts";',
      "protocol/wire.ts": "export const wire = 1;",
      "protocol/wire_test.ts": 'import "./testing.ts"; import "@std/assert";',
      "protocol/testing.ts": 'import "fast-check";',
      "scripts/check.ts": "if (import.meta.main) Date.now();",
      "tests/fake.ts": "Math.random();",
      "tests/e2e_test.ts": 'import "../node/a.ts"; import "../tracker/b.ts";',
      "dist/junk.ts": 'import "../tracker/b.ts"; Deno.exit();',
      ".cache/junk.ts": "Deno.exit();",
    }),
    [],
  );
});

Deno.test("checkLayout() refuses imports between rooms that rule 1 forbids", async () => {
  assertEquals(
    await violationsOf({
      "main.ts": 'import "./node/a.ts"; import "./tracker/b.ts"; import "./protocol/c.ts";\n' +
        'import "./scripts/d.ts"; import "./extra/e.ts";',
      "node/a.ts": '\nimport type { B } from "../tracker/b.ts";',
      "tracker/b.ts": '\n\nexport type B = import("../node/f.ts").F; import "./b_test.ts";',
      "tracker/b_test.ts": "",
      "node/f.ts": "",
      "protocol/c.ts": 'import "node:crypto";\nimport "@std/assert";\nimport "../node/f.ts";',
      "scripts/d.ts": "",
      "extra/e.ts": "",
    }),
    [
      "extra/e.ts:1 1 extra is no room of the house",
      "main.ts:2 1 main.ts imports scripts/d.ts",
      "main.ts:2 1 main.ts imports extra/e.ts",
      "node/a.ts:2 1 node imports tracker/b.ts",
      "protocol/c.ts:1 1 protocol/ imports node:crypto",
      "protocol/c.ts:2 1 protocol/ imports @std/assert",
      "protocol/c.ts:3 1 protocol imports node/f.ts",
      "tracker/b.ts:3 1 tracker imports node/f.ts",
      "tracker/b.ts:3 1 tracker/b.ts imports tracker/b_test.ts, a test",
    ],
  );
});

Deno.test("checkLayout() refuses imports between the rooms of node/ that the map does not show", async () => {
  assertEquals(
    await violationsOf({
      "main.ts": 'import "./node/command/get.ts"; import "./node/attic/old.ts";',
      "node/attic/old.ts": "",
      "node/command/get.ts": 'import "../swarm/a.ts";\nimport "../platform/disk.ts";',
      "node/swarm/a.ts": 'import "../store/b.ts"; import "./c.ts";',
      "node/swarm/a_test.ts": 'import "../sync/d.ts"; import "./a.ts";',
      "node/swarm/c.ts": 'import "../../protocol/wire.ts";',
      "node/store/b.ts": '\nimport type { D } from "../sync/d.ts";',
      "node/sync/d.ts": "export type D = 1;",
      "node/platform/disk.ts": 'import "../sync/d.ts";',
      "protocol/wire.ts": "",
    }),
    [
      "node/attic/old.ts:1 1 node/attic is no room of the house",
      "node/command/get.ts:2 1 node/command imports node/platform/disk.ts",
      "node/store/b.ts:2 1 node/store imports node/sync/d.ts",
    ],
  );
});

Deno.test("checkLayout() refuses time, randomness, network and files where rule 2 forbids them", async () => {
  const touches = {
    "Deno.open('x');": "Deno",
    "Date.now();": "Date.now",
    "new Date();": "new Date()",
    "performance.now();": "performance.now",
    "setTimeout(f, 1);": "setTimeout",
    "setInterval(f, 1);": "setInterval",
    "AbortSignal.timeout(1);": "AbortSignal.timeout",
    "`${Math.random()}`;": "Math.random",
    'import "node:fs/promises";': "node:fs/promises",
  };
  const main = 'import "./tracker/a.ts";';
  for (const [code, name] of Object.entries(touches)) {
    assertEquals(await violationsOf({ "main.ts": main, "tracker/a.ts": `\n${code}` }), [
      `tracker/a.ts:2 2 ${name} outside of main.ts, node/platform/, tests/ and scripts/`,
    ]);
  }
  assertEquals(
    await violationsOf({ "main.ts": main, "tracker/a.ts": 'import "node:crypto";' }),
    [],
  );
});

Deno.test("checkLayout() refuses import cycles", async () => {
  assertEquals(
    await violationsOf({
      "main.ts": 'import "./node/a.ts";',
      "node/a.ts": 'import "./b.ts";',
      "node/b.ts": 'import "./c.ts";\nimport type { A } from "./a.ts";',
      "node/c.ts": 'import "./c.ts";',
    }),
    [
      "node/b.ts:2 3 import cycle node/a.ts → node/b.ts → node/a.ts",
      "node/c.ts:1 3 import cycle node/c.ts → node/c.ts",
    ],
  );
});

Deno.test("checkLayout() refuses files that the program does not use", async () => {
  assertEquals(
    await violationsOf({
      "main.ts": "",
      "node/a.ts": "",
      "node/b.ts": "",
      "node/b_test.ts": 'import "./b.ts";',
      "node/testing.ts": "",
      "tests/c.ts": "",
      "scripts/d.ts": "",
    }),
    [
      "node/a.ts:1 3 nobody imports this file",
      "node/b.ts:1 3 only tests import this file",
      "node/testing.ts:1 3 nobody imports this file",
      "scripts/d.ts:1 3 nobody imports this file",
      "tests/c.ts:1 3 nobody imports this file",
    ],
  );
});

Deno.test("checkLayout() refuses files of more than 500 lines, tests aside", async () => {
  assertEquals(
    await violationsOf({
      "main.ts": "\n".repeat(500),
      "main_test.ts": "\n".repeat(501),
    }).then((violations) => violations.filter((line) => line.includes("lines"))),
    [],
  );
  assertEquals(await violationsOf({ "main.ts": "\n".repeat(501) }), [
    "main.ts:501 3 501 lines, more than 500",
  ]);
});
