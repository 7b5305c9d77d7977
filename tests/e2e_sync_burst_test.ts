/** Watch events that are lost, in a burst of changes or all of them: looking at everything mends that. */

import { assert } from "@std/assert";
import { startSync, until } from "./devices.ts";

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
  await laptop.write("docs/a.txt", "a");
  await laptop.write("b.txt", "b");
  const startMs = performance.now();
  await sync.converge(laptop, desktop);
  await laptop.rename("docs", "papers");
  await laptop.write("b.txt", "b again");
  await until(
    () => desktop.has("papers/a.txt") && desktop.read("b.txt") === "b again",
    "the changes",
  );
  await until(() => !desktop.has("docs"), "the old folder's end");
  // Two rounds of changes; each waits for one interval at most, and for a busy machine.
  assert(performance.now() - startMs < 20_000);
});
