/** The command line of the compiled binary: help, mistakes, errors and their exit codes. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { run } from "./harness.ts";
import { HOST } from "./swarm.ts";

const COMMANDS = ["tracker", "peer", "get", "ls", "sync-server", "sync", "demo"];

for (const args of [[], ["help"], ["--help"], ["-h"], ["help", "help"]]) {
  Deno.test(`"${["p2pnode", ...args].join(" ")}" lists all commands`, async () => {
    const { code, stdout, stderr } = await run(args);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /tells more about one\.$/);
    for (const command of [...COMMANDS, "version"]) {
      assertMatch(stdout, new RegExp(`^  ${command} +\\S`, "m"));
    }
  });
}

for (const command of COMMANDS) {
  Deno.test(`${command} explains itself, in two ways and with an example`, async () => {
    const { code, stdout, stderr } = await run([command, "--help"]);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, new RegExp(`^Usage: p2pnode ${command}\\b`, "m"));
    assertMatch(stdout, new RegExp(`^Examples:\n  p2pnode ${command}\\b`, "m"));
    assert(!stdout.endsWith("\n"), "there is no blank line at the end");
    assertEquals(await run(["help", command]), { code, stdout, stderr });
    // Help is asked for, so nothing else of the line matters.
    assertEquals(await run([command, "--nonsense", "-h"]), { code, stdout, stderr });
  });
}

/** Command lines that are wrong, and what the one line on stderr says. */
const MISTAKES: [string[], RegExp][] = [
  [["trakcer", "5000"], /unknown command \(did you mean tracker\?\)$/],
  [["help", "gte"], /did you mean get\?/],
  [["upload"], /unknown command \(see p2pnode help\)$/],
  [["get", HOST, "5000", "a", "--sed"], /unknown flag --sed \(did you mean --seed\?\)$/],
  [["ls", HOST, "5000", "--jsno"], /did you mean --json\?/],
  [
    ["tracker", "5000", "--no-such-flag"],
    /unknown flag --no-such-flag \(see p2pnode tracker --help\)/,
  ],
  [["get", HOST], /<tracker-port> is missing \(usage: p2pnode get /],
  [["get", HOST, "5000"], /no file is named \(give names or ids, or --all\)$/],
  [["get", HOST, "5000", "a", "--all"], /--all and names exclude each other/],
  [["get", HOST, "5000", "a", "--publisher", "me"], /a key has 64 hexadecimal digits/],
  [["get", HOST, "5000", "a", "--out"], /--out needs a value/],
  [["get", HOST, "5000", "a", "--up-limit", "5XB"], /unknown unit "XB"/],
  [["get", HOST, "5000", "a", "--json=yes"], /--json takes no value/],
  [["demo", "--size", "1"], /--size must be from 16 MiB to 4 GiB, not "1"$/],
  [["tracker", "70000"], /<port> must be from 0 to 65535/],
  [["tracker", "5000", "6000"], /"6000" is too much/],
  [["tracker", "5000", "--expect", "0"], /--expect must be at least 1/],
  [["peer", HOST, "5000", "0"], /<dir> is missing/],
];

for (const [args, message] of MISTAKES) {
  Deno.test(`"p2pnode ${args.join(" ")}" is a wrong usage: one line, exit code 2`, async () => {
    const { code, stdout, stderr } = await run(args);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, /^p2pnode: Cannot [^\n]+$/);
    assertMatch(stderr, message);
  });
}

Deno.test("an error is one line, and --debug shows where it comes from", async () => {
  // Nobody listens on port 1 of a test machine.
  const plain = await run(["ls", HOST, "1"]);
  assertEquals(plain, {
    code: 1,
    stdout: "",
    stderr: `p2pnode: Cannot reach the tracker at ${HOST}:1: connection refused`,
  });
  const debug = await run(["ls", HOST, "1", "--debug"]);
  assertEquals(debug.code, 1);
  assertEquals(debug.stderr.split("\n")[0], plain.stderr);
  assertStringIncludes(debug.stderr, "\n    at ");
});

Deno.test("what a user types is shown without control characters", async () => {
  const { code, stderr } = await run(["\x1b[31mred\x07"]);
  assertEquals(code, 2);
  // deno-lint-ignore no-control-regex -- that there is none is the point
  assert(!/[\x00-\x09\x0b-\x1f]/.test(stderr), JSON.stringify(stderr));
});
