/**
 * The swarm in simulation: whole swarms in one process and in virtual time, with delays, deaths and liars,
 * from as many seeds as fit the time. See tests/simulation/run.ts for what is expected of each.
 *
 * `P2PNODE_SEED=N` runs one seed and tells all that happens in it; `P2PNODE_SOAK=1` runs thousands.
 */

import { assertEquals } from "@std/assert";
import { runSimulation } from "./simulation/run.ts";

/** How many seeds are run: as many as fit the time, but always the first few. */
const BUDGET_MS = 60_000;
const SEED_COUNT_MIN = 20;
const SEED_COUNT_MAX = 1_000;
const SOAK_SEED_COUNT = 20_000;
const isSoak = Deno.env.get("P2PNODE_SOAK") === "1";
const onlySeed = Deno.env.get("P2PNODE_SEED");

async function expectPeace(seed: number, tell?: (line: string) => void): Promise<void> {
  const { problems, summary } = await runSimulation(seed, tell === undefined ? {} : { tell });
  tell?.(summary);
  if (problems.length === 0) return;
  throw new Error([
    `seed ${seed} (${summary}):`,
    ...problems.map((problem) => `  ${problem}`),
    `again: P2PNODE_SEED=${seed} deno task test tests/simulation_test.ts`,
  ].join("\n"));
}

Deno.test({
  name: "every honest peer of a simulated swarm ends with the exact bytes",
  fn: async () => {
    if (onlySeed !== undefined) return await expectPeace(Number(onlySeed), console.log);
    const count = isSoak ? SOAK_SEED_COUNT : SEED_COUNT_MAX;
    const began = performance.now();
    let seed = 1;
    for (; seed <= count; seed++) {
      const isOver = !isSoak && performance.now() - began > BUDGET_MS;
      if (isOver && seed > SEED_COUNT_MIN) break;
      await expectPeace(seed);
    }
    console.log(`${seed - 1} simulated swarms`);
  },
});

Deno.test("a simulated swarm is the same again for the same seed", async () => {
  const first = await runSimulation(7);
  const second = await runSimulation(7);
  const other = await runSimulation(8);
  assertEquals(second.trace, first.trace);
  assertEquals(other.trace === first.trace, false);
});
