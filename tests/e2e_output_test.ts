/** Where the output goes, end to end: what is lost is told of, and a reader that has seen enough is none. */

import { assertEquals } from "@std/assert";
import { binary, type Result, run } from "./harness.ts";
import { HOST, startSwarm } from "./swarm.ts";

/** Runs `p2pnode` in a shell, its command line (`"$@"`) followed by `rest`. */
async function runInShell(args: readonly string[], rest: string): Promise<Result> {
  const script = `{ "$@"; echo "exit code $?" >&2; } ${rest}`;
  const env = { PATH: "/usr/bin:/bin" };
  return await run(["-c", script, "sh", await binary(), ...args], { program: "/bin/sh", env });
}

Deno.test({
  name: "output that a full disk does not take is an error, in one line",
  // No other system has a file that is always full.
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using swarm = await startSwarm();
    const ls = ["ls", HOST, String(swarm.port)];
    for (const args of [["help"], ["version"], ["get", "--help"], ls]) {
      assertEquals(await runInShell(args, "> /dev/full"), {
        code: 0,
        stdout: "",
        stderr: "p2pnode: Cannot write to standard output: the disk is full " +
          "(free some space and try again)\nexit code 1",
      }, args.join(" "));
    }
  },
});

Deno.test({
  name: "a reader that has seen enough ends nothing and is no error",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using swarm = await startSwarm();
    const ls = ["ls", HOST, String(swarm.port)];
    for (const args of [["help"], ["version"], ["get", "--help"], ls]) {
      const { stderr } = await runInShell(args, "| exec 0<&-");
      assertEquals(stderr, "exit code 0", args.join(" "));
    }
  },
});
