import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { blockSizeFor, FILE_SIZE_MAX } from "../content/tree.ts";
import type { FileToHash } from "../store/disk.ts";
import { hashSteps, LargeFile, signRuns } from "./hash_steps.ts";
import type { HashStep } from "./hash_steps.ts";

const MiB = 1024 * 1024;

function fileOf(size: number): FileToHash {
  return { path: `/srv/file of ${size}`, size, blockSize: blockSizeFor(size) };
}

/** The next step, which is to be a range of a large file. */
function nextRange(steps: Iterator<HashStep>) {
  const step: HashStep | undefined = steps.next().value;
  if (step !== undefined && "large" in step) return step;
  throw new Error("the next step is no range of a large file");
}

const sizes = fc.array(
  fc.oneof(fc.nat({ max: 100_000 }), fc.nat({ max: 9 * MiB }), fc.nat({ max: 3000 * MiB })),
  { maxLength: 300 },
);

Deno.test("hashSteps() covers every file once and in order, in jobs of bounded size", () => {
  fc.assert(
    fc.property(sizes, (sizes) => {
      const files = sizes.map(fileOf);
      const seen: FileToHash[] = [];
      let next = 0;
      for (const step of hashSteps(files)) {
        if ("small" in step) {
          assert(step.small.length > 0 && step.small.length <= 256);
          const size = step.small.reduce((sum, file) => sum + file.size, 0);
          assert(size <= (step.small.length > 64 ? MiB : 8 * MiB));
          seen.push(...step.small);
          continue;
        }
        const { large, run, last } = step;
        assertEquals(run.first, next);
        assert(run.count > 0 && run.count * large.file.blockSize <= 8 * MiB);
        next = last ? 0 : run.first + run.count;
        if (!last) continue;
        assertEquals(run.first + run.count, Math.ceil(large.file.size / large.file.blockSize));
        seen.push(large.file);
      }
      assertEquals(seen, files);
    }),
    { numRuns: 50 },
  );
});

Deno.test("hashSteps() puts more files into a job the smaller they are", () => {
  const countsOf = (count: number, size: number) =>
    Array.from(
      hashSteps(Array.from({ length: count }, () => fileOf(size))),
      (step) => "small" in step ? step.small.length : 0,
    );
  assertEquals(countsOf(300, 4 * 1024), [256, 44]);
  assertEquals(countsOf(200, 8 * 1024), [128, 72]);
  assertEquals(countsOf(100, 100 * 1024), [64, 36]);
});

Deno.test("hashSteps() cuts a large file short once it has failed", () => {
  const steps = hashSteps([fileOf(100 * MiB), fileOf(1)]);
  const step = nextRange(steps);
  assert(!step.last);
  step.large.add(0, { error: "Cannot hash it: it is broken", code: "failed" });
  const end = nextRange(steps);
  assert(end.last);
  assertEquals(end.large.failure, { error: "Cannot hash it: it is broken", code: "failed" });
  assertEquals(steps.next().value, { small: [fileOf(1)] });
});

Deno.test("hashSteps() gives a file that is too large a single step, and no memory", () => {
  const steps = hashSteps([fileOf(2 ** 52)]);
  const { large, last } = nextRange(steps);
  assert(last);
  assertEquals(large.failure?.code, "failed");
  assertEquals(large.hashes.length, 0);
  assert(steps.next().done);
  assertEquals(new LargeFile(fileOf(FILE_SIZE_MAX)).failure, undefined);
});

Deno.test("LargeFile fails when its ranges are of different states of the file", () => {
  const large = new LargeFile(fileOf(16 * MiB));
  const hashes = new Uint8Array(32 * 32).fill(1);
  large.add(0, { hashes, stamp: "before" });
  assertEquals(large.failure, undefined);
  large.add(32, { hashes, stamp: "after" });
  assertEquals(large.failure?.code, "changed");
});

Deno.test("signRuns() covers every block once", () => {
  fc.assert(fc.property(fc.nat({ max: 5000 * MiB }), (size) => {
    let next = 0;
    for (const { first, count } of signRuns(fileOf(size))) {
      assertEquals(first, next);
      assert(count > 0 && count <= 256);
      next += count;
    }
    assertEquals(next, Math.ceil(size / blockSizeFor(size)));
  }));
});
