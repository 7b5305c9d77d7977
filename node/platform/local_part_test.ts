import { assertEquals } from "@std/assert";
import { blockCount, blockSizeFor, HASH_SIZE } from "../content/tree.ts";
import type { DiskFailure } from "../store/disk.ts";
import { LocalPart } from "./local_part.ts";
import type { StageJobs } from "./stage_jobs.ts";
import type { WorkerPool } from "./worker_pool.ts";

const SIZE = 200 * 1024 * 1024;
const COUNT = blockCount(SIZE, blockSizeFor(SIZE));

/** A content whose threads only note what they are to do, and whether the disk takes it. */
function startPart(failure?: DiskFailure) {
  const jobs: (keyof StageJobs | "sync")[] = [];
  const pool = {
    run(kind: keyof StageJobs, { buffer }: { buffer?: ArrayBuffer }) {
      jobs.push(kind);
      if (kind === "land") return Promise.resolve({ buffer, outcome: "landed" });
      return Promise.resolve(undefined);
    },
    runOnAll: () => Promise.resolve(),
  } as unknown as WorkerPool<StageJobs>;
  const part = new LocalPart({ id: new Uint8Array(HASH_SIZE), size: SIZE }, {
    pool,
    width: 2,
    path: "/part",
    staged: "/staged",
    hashes: new Uint8Array(COUNT * HASH_SIZE),
    makeDurable: () => {
      jobs.push("sync");
      return Promise.resolve(failure);
    },
    closed: () => {},
  });
  const landAll = async (durable: boolean) => {
    for (let index = 0; index < COUNT; index++) {
      await part.land(index, new ArrayBuffer(0), { durable });
    }
  };
  return { part, jobs, landAll };
}

Deno.test("a durable content goes to the disk while it comes, 64 MiB at a time", async () => {
  const { part, jobs, landAll } = startPart();
  await landAll(true);
  assertEquals(jobs.filter((kind) => kind === "sync").length, 3);
  assertEquals(await part.finish({ durable: true }), { staged: "/staged" });
  assertEquals(jobs.slice(-2), ["sync", "finish"]);
});

Deno.test("a content that need not be durable does not wait for the disk", async () => {
  const { part, jobs, landAll } = startPart();
  await landAll(false);
  await part.finish({ durable: false });
  assertEquals(jobs.includes("sync"), false);
});

Deno.test("what the disk did not take while a content came fails the content", async () => {
  const failure: DiskFailure = { error: "Cannot write: the disk broke", code: "failed" };
  const { part, landAll } = startPart(failure);
  await landAll(true);
  assertEquals(await part.finish({ durable: true }), failure);
});
