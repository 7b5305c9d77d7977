import { assert, assertEquals, assertRejects } from "@std/assert";
import { FairWorkers } from "./fair_workers.ts";
import type { Lane } from "./fair_workers.ts";

const { signal } = new AbortController();

/** Jobs that run until a test ends them. */
class Jobs {
  readonly running: { readonly name: string; readonly end: () => void }[] = [];

  /** Queues a job; does not wait for its place. */
  put(lane: Lane, name: string): Promise<void> {
    return lane.put(async () => {
      const { promise, resolve: end } = Promise.withResolvers<void>();
      this.running.push({ name, end });
      await promise;
    }, signal);
  }

  get names(): string[] {
    return this.running.map(({ name }) => name);
  }

  async end(name: string): Promise<void> {
    const at = this.names.indexOf(name);
    this.running.splice(at, 1)[0]!.end();
    await settled();
  }
}

/** Lets everything happen that does not wait for anything else. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("FairWorkers runs as many jobs at once as there are workers", async () => {
  const jobs = new Jobs();
  const lane = new FairWorkers({ workers: 2, queue: 8 }).openLane();
  for (const name of ["a", "b", "c"]) await jobs.put(lane, name);
  assertEquals(jobs.names, ["a", "b"]);
  await jobs.end("a");
  assertEquals(jobs.names, ["b", "c"]);
});

Deno.test("FairWorkers shares workers fairly between lanes", async () => {
  const jobs = new Jobs();
  const workers = new FairWorkers({ workers: 4, queue: 8 });
  const [a, b] = [workers.openLane(), workers.openLane()];
  for (const name of ["a1", "a2", "a3", "a4", "a5", "a6"]) await jobs.put(a, name);
  assertEquals(jobs.names, ["a1", "a2", "a3", "a4"]);
  // A lane that comes later has one job at once, and its share as soon as workers are free.
  for (const name of ["b1", "b2", "b3"]) await jobs.put(b, name);
  assertEquals(jobs.names, ["a1", "a2", "a3", "a4", "b1"]);
  for (const name of ["a1", "a2"]) await jobs.end(name);
  assertEquals(jobs.names, ["a3", "a4", "b1", "b2"]);
  await jobs.end("a3");
  assertEquals(jobs.names, ["a4", "b1", "b2", "a5"]);
});

Deno.test("FairWorkers gives every lane a job, however few workers there are", async () => {
  const jobs = new Jobs();
  const workers = new FairWorkers({ workers: 1, queue: 8 });
  const lanes = ["stuck", "also-stuck", "quick"].map((name) => ({
    name,
    lane: workers.openLane(),
  }));
  for (const { name, lane } of lanes) {
    await jobs.put(lane, `${name}1`);
    await jobs.put(lane, `${name}2`);
  }
  assertEquals(jobs.names, ["stuck1", "also-stuck1", "quick1"]);
  await jobs.end("quick1");
  assertEquals(jobs.names, ["stuck1", "also-stuck1", "quick2"]);
});

Deno.test("FairWorkers makes who queues wait while a lane is full", async () => {
  const jobs = new Jobs();
  const lane = new FairWorkers({ workers: 1, queue: 1 }).openLane();
  await jobs.put(lane, "a");
  await jobs.put(lane, "b");
  let isQueued = false;
  const queued = jobs.put(lane, "c").then(() => isQueued = true);
  await settled();
  assert(!isQueued);
  await jobs.end("a");
  await queued;
  assertEquals(jobs.names, ["b"]);
});

Deno.test("FairWorkers forgets the jobs of a lane that is closed, and refuses more", async () => {
  const jobs = new Jobs();
  const workers = new FairWorkers({ workers: 1, queue: 1 });
  const [lane, other] = [workers.openLane(), workers.openLane()];
  await jobs.put(lane, "a");
  await jobs.put(lane, "b");
  const waiting = jobs.put(lane, "c");
  lane[Symbol.dispose]();
  await assertRejects(() => waiting, Error, "its lane is closed");
  await jobs.put(other, "d");
  await jobs.end("a");
  assertEquals(jobs.names, ["d"]);
});

Deno.test("FairWorkers lets go of who queues when the signal is aborted", async () => {
  const lane = new FairWorkers({ workers: 1, queue: 0 }).openLane();
  const stopped = new AbortController();
  const waiting = lane.put(() => Promise.resolve(), stopped.signal);
  stopped.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
});
