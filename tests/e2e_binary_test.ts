/** The compiled binary itself: how large it is, how fast it starts, what it leaves behind. */

import { assert, assertEquals } from "@std/assert";
import { temporaryFolder } from "./files.ts";
import { binary, run } from "./harness.ts";

const RUNTIME_SIZE = 97_076_048;
const ADDED_SIZE_MAX = 6 * 1024 * 1024;
const START_MS_MAX = 150;
/** How often it may start until one time is good: other work on the machine can only add to a time. */
const START_COUNT_MAX = 100;

Deno.test("the binary adds less than 6 MiB to the runtime", async () => {
  const { size } = await Deno.stat(await binary());
  assert(size - RUNTIME_SIZE < ADDED_SIZE_MAX, `${size} bytes`);
});

Deno.test("p2pnode version answers with the version, at once, and leaves nothing behind", async () => {
  using folder = temporaryFolder();
  const { version } = JSON.parse(
    await Deno.readTextFile(new URL("../deno.json", import.meta.url)),
  );
  await binary();
  const timesMs: number[] = [];
  while (timesMs.length < START_COUNT_MAX && !timesMs.some((timeMs) => timeMs < START_MS_MAX)) {
    const start = performance.now();
    const result = await run(["version"], { cwd: folder.path, env: { TMPDIR: folder.path } });
    timesMs.push(performance.now() - start);
    assertEquals(result, { code: 0, stdout: `p2pnode ${version}`, stderr: "" });
  }
  assert(timesMs.at(-1)! < START_MS_MAX, `none of ${timesMs.map(Math.round).join(", ")} ms`);
  assertEquals([...Deno.readDirSync(folder.path)], []);
});
