/** Watch events that are lost, in a burst of changes or all of them: looking at everything mends that. */

import { assert } from "@std/assert";
import { startSync, until } from "./devices.ts";

/** Of two changes that come by scans, each waits for one interval of a second at most. */
const ROUND_MS_MAX = 10_000;
/** How often that is tried until one time is good: other work on the machine can only add to a time. */
const ROUNDS_MAX = 10;

Deno.test("20,000 files that are made in a burst arrive, all of them", async () => {
  await using sync = await startSync();
  const laptop = await sync.startDevice("laptop");
  const desktop = await sync.startDevice("desktop");
  const startMs = performance.now();
  for (let folder = 0; folder < 200; folder++) {
    Deno.mkdirSync(laptop.join(`f${folder % 10}/g${folder}`), { recursive: true });
    for (let file = 0; file < 100; file++) {
      Deno.writeTextFileSync(
        laptop.join(`f${folder % 10}/g${folder}/${file}.txt`),
        `${folder} ${file}`,
      );
    }
  }
  const madeMs = performance.now() - startMs;
  await sync.converge(laptop, desktop);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`made in ${(madeMs / 1000).toFixed(1)} s, everywhere after ${seconds} s`);
});

Deno.test("without the watcher everything arrives within a scan's interval", async () => {
  await using sync = await startSync();
  const flags = ["--poll", "--rescan", "1"];
  const laptop = await sync.startDevice("laptop", { flags });
  const desktop = await sync.startDevice("desktop", { flags });
  await laptop.write("docs-0/a.txt", "a");
  const timesMs: number[] = [];
  while (timesMs.length < ROUNDS_MAX && !timesMs.some((timeMs) => timeMs < ROUND_MS_MAX)) {
    const round = timesMs.length;
    await laptop.write("b.txt", `b ${round}`);
    const startMs = performance.now();
    await sync.converge(laptop, desktop);
    await laptop.rename(`docs-${round}`, `docs-${round + 1}`);
    await laptop.write("b.txt", `b again ${round}`);
    await until(
      () => desktop.has(`docs-${round + 1}/a.txt`) && desktop.read("b.txt") === `b again ${round}`,
      "the changes",
    );
    await until(() => !desktop.has(`docs-${round}`), "the old folder's end");
    timesMs.push(performance.now() - startMs);
  }
  assert(timesMs.at(-1)! < ROUND_MS_MAX, `none of ${timesMs.map(Math.round).join(", ")} ms`);
});
