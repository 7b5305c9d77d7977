/** The benchmark with tiny inputs: that it works, not what it measures. */

import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { binary, run } from "./harness.ts";

const SCRIPT = fileURLToPath(new URL("../scripts/bench.ts", import.meta.url));
const WORKLOADS = [
  ...["file", "swarm", "publish", "announce", "tree", "cache"],
  ...["sync-latency", "sync-tree", "sync-large", "sync-insert", "sync-start", "sync-users"],
  ...["copy-file", "copy-tree", "copy-again", "copy-insert", "copy-clients", "copy-many"],
  "mirror-slow",
];

Deno.test("deno task bench --smoke does every workload with the compiled binary", async () => {
  const { code, stdout, stderr } = await run(["run", "-A", SCRIPT, "--smoke"], {
    program: Deno.execPath(),
    env: { ...Deno.env.toObject(), P2PNODE_BIN: await binary() },
    // Of the other tools, Syncthing alone takes some ten seconds for each workload.
    timeoutMs: 900_000,
  });
  assertEquals(code, 0, stderr);
  for (const name of WORKLOADS) {
    assert(new RegExp(`^${name}: .*\n.*\n  p2pnode `, "m").test(stdout), `${name} in\n${stdout}`);
  }
});

Deno.test("deno task bench refuses an unknown workload", async () => {
  const { code, stderr } = await run(["run", "-A", SCRIPT, "nonsense"], {
    program: Deno.execPath(),
    env: Deno.env.toObject(),
  });
  assertEquals(code, 1);
  assert(stderr.includes("bench: Cannot run nonsense: unknown workload (file, swarm,"), stderr);
});
