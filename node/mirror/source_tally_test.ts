import { assertEquals } from "@std/assert";
import { ManualClock } from "../../tests/manual_clock.ts";
import { CopyTally } from "../copy/tally.ts";
import type { TreeEntry } from "../copy/tree_entry.ts";
import { RateMeter } from "../traffic/rate_meter.ts";
import { SourceTally } from "./source_tally.ts";

function file(path: string, size: number): TreeEntry {
  const id = new Uint8Array(32);
  return { number: 0, path, kind: "file", id, size, executable: false, target: "" };
}

function start() {
  const clock = new ManualClock();
  const newCopy = () => new CopyTally(new RateMeter(clock));
  return { clock, newCopy, tally: new SourceTally(clock) };
}

Deno.test("SourceTally counts what is selected and what is here", async () => {
  const { clock, newCopy, tally } = start();
  const copy = newCopy();
  const fetched = { filesFetched: 0, bytesFetched: 0 };
  using _pass = tally.begin(copy, fetched);
  copy.totals = { fileCount: 4, byteCount: 1000, otherCount: 2 };
  copy.excluded(file("x", 400));
  copy.same(file("a", 100));
  copy.fetched(file("b", 300));
  fetched.filesFetched = 1;
  fetched.bytesFetched = 310;
  copy.failed(file("c", 200));
  await clock.advance(1_500);
  const { progress } = tally;
  assertEquals([progress.state, progress.fileCount, progress.byteCount], ["fetching", 3, 600]);
  assertEquals([progress.filesDone, progress.bytesDone, progress.filesFailed], [2, 400, 1]);
  assertEquals([progress.filesFetched, progress.bytesFetched], [1, 310]);
  assertEquals([progress.sizeVariance, progress.elapsedMs], [10_000, 1_500]);
});

Deno.test("SourceTally adds up what several passes fetched, and has the files of the last", async () => {
  const { clock, newCopy, tally } = start();
  for (const [i, path] of ["a", "b"].entries()) {
    const copy = newCopy();
    {
      using _pass = tally.begin(copy, { filesFetched: 1, bytesFetched: 10 });
      copy.totals = { fileCount: 1, byteCount: 10, otherCount: 0 };
      copy.fetched(file(path, 10));
      copy.deletedCount = i;
      await clock.advance(1_000);
    }
    await clock.advance(5_000);
  }
  tally.state = "done";
  tally.finish();
  const { state, final, filesDone, filesFetched, bytesFetched, filesRemoved, elapsedMs } =
    tally.progress;
  assertEquals([state, final, filesDone, filesFetched], ["done", true, 1, 2]);
  assertEquals([bytesFetched, filesRemoved, elapsedMs], [20, 1, 2_000]);
});

Deno.test("SourceTally forgets why a pass failed when the next one begins", () => {
  const { newCopy, tally } = start();
  tally.fail("it is gone");
  assertEquals([tally.progress.state, tally.progress.reason], ["failed", "it is gone"]);
  using _pass = tally.begin(newCopy(), { filesFetched: 0, bytesFetched: 0 });
  assertEquals([tally.progress.state, tally.progress.reason], ["fetching", ""]);
});
