/** `p2pnode demo`, end to end. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { temporaryFolder } from "./files.ts";
import { run, start } from "./harness.ts";
import { hasTerminals, openTerminal } from "./pty.ts";

/** The demo is short and does not wait for anything; this is for machines that are very busy. */
const TIMEOUT_MS = 120_000;

Deno.test("demo: the file arrives whole, the liar is named, and nothing is left", async () => {
  using folder = temporaryFolder();
  const options = { env: { TMPDIR: folder.path }, timeoutMs: TIMEOUT_MS };
  const { code, stdout, stderr } = await run(["demo"], options);
  assertEquals([code, stderr], [0, ""]);
  const [, liar] = /^liar +([0-9a-f]{12}) holds 100 % of the blocks$/m.exec(stdout)!;
  assertMatch(
    stdout,
    new RegExp(`^refused peer ${liar} \\(\\S+\\): sent block \\d+ of \\S+ with a wrong hash$`, "m"),
  );
  assertMatch(stdout, /^peer 3 +[0-9a-f]{12} is stopped in the middle$/m);
  assertMatch(stdout, /^demo\.bin is whole: its hash is [0-9a-f]{16} as published$/m);

  assertMatch(stdout, /^256 MiB in [\d.]+ s: [\d.]+ MiB\/s/m);

  // The table of who sent what adds up to the file, and the liar sent nothing good.
  const rows = [...stdout.matchAll(/^(peer \d|liar) +[0-9a-f]{12} +(\d+)$/gm)];
  const blocks: Record<string, number> = Object.fromEntries(
    rows.map(([, who, count]) => [who, Number(count)]),
  );
  assertEquals(Object.keys(blocks), ["peer 1", "peer 2", "peer 3", "liar"]);
  assertEquals(blocks.liar, 0);
  for (const peer of ["peer 1", "peer 2", "peer 3"]) assert(blocks[peer]! > 0, peer);
  const sum = Object.values(blocks).reduce((total, count) => total + count);
  const [, verified, refused] = /^(\d+) blocks verified, (\d+) bad blocks? refused$/m.exec(stdout)!;
  assertEquals([sum, Number(verified)], [256, 256]);
  assert(Number(refused) >= 1);
  assertEquals([...Deno.readDirSync(folder.path)], []);
});

Deno.test("demo: Ctrl-C ends it with exit code 0, and nothing is left", async () => {
  using folder = temporaryFolder();
  await using demo = await start(["demo", "--size", "64MiB", "--rate", "2MiB"], {
    env: { TMPDIR: folder.path },
  });
  await demo.waitForLine(/^liar .* holds 100 %/);
  demo.signal("SIGINT");
  assertEquals([await demo.exit(), demo.stderr], [0, []]);
  assertEquals([...Deno.readDirSync(folder.path)], []);
});

Deno.test("demo: Ctrl-C ends it while it makes its files", async () => {
  using folder = temporaryFolder();
  await using demo = await start(["demo", "--size", "4GiB"], { env: { TMPDIR: folder.path } });
  await demo.waitForLine(/^making /);
  demo.signal("SIGINT");
  assertEquals([await demo.exit(), demo.lines.length], [0, 1]);
  assertEquals([...Deno.readDirSync(folder.path)], []);
});

const terminals = await hasTerminals();
Deno.test({
  name: "demo: a bar on a terminal" +
    (terminals ? "" : ' (skipped: "script" of util-linux is not installed here)'),
  ignore: !terminals,
  fn: async () => {
    await using terminal = await openTerminal(["demo", "--size", "16MiB", "--rate", "4MiB"]);
    const bar = /^demo\.bin +[1-9]\d?% +\[=*> *\] .*\d peers?$/;
    await terminal.until((lines) => lines.some((line) => bar.test(line)));
    assertEquals(await terminal.end(), { code: 0, isRestored: true });
    assert(!terminal.screen.lines.some((line) => bar.test(line)));
  },
});
