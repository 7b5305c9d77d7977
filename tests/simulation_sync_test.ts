/**
 * The model test of sync: random histories of two devices and a server in virtual time. See
 * tests/sync_simulation/history.ts for what is expected of each.
 *
 * `P2PNODE_SEED=N` runs one seed and tells all that happens in it; `P2PNODE_SOAK=1` runs ten times as many.
 */

import { assertEquals } from "@std/assert";
import { runHistory } from "./sync_simulation/history.ts";

const SEED_COUNT = 10_000;
const SOAK_SEED_COUNT = 100_000;
const isSoak = Deno.env.get("P2PNODE_SOAK") === "1";
const onlySeed = Deno.env.get("P2PNODE_SEED");

async function expectRest(seed: number, tell?: (line: string) => void): Promise<void> {
  const { problems, summary } = await runHistory(seed, tell === undefined ? {} : { tell });
  tell?.(summary);
  if (problems.length === 0) return;
  throw new Error([
    `seed ${seed} (${summary}):`,
    ...problems.map((problem) => `  ${problem}`),
    `again: P2PNODE_SEED=${seed} deno task test tests/simulation_sync_test.ts`,
  ].join("\n"));
}

Deno.test({
  name: "two devices and a server become the same, and nothing is lost",
  fn: async () => {
    if (onlySeed !== undefined) return await expectRest(Number(onlySeed), console.log);
    // Errors are made by the thousand there, and their stacks cost much; one seed alone has them.
    Error.stackTraceLimit = 0;
    const count = isSoak ? SOAK_SEED_COUNT : SEED_COUNT;
    for (let seed = 1; seed <= count; seed++) await expectRest(seed);
    console.log(`${count} histories`);
  },
});

Deno.test("a history is the same again for the same seed", async () => {
  const first = await runHistory(7);
  const second = await runHistory(7);
  const other = await runHistory(8);
  assertEquals(second.trace, first.trace);
  assertEquals(other.trace === first.trace, false);
});
