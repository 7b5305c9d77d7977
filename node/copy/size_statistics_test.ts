import { assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import { SizeStatistics } from "./size_statistics.ts";

function statisticsOf(sizes: readonly number[]): SizeStatistics {
  const statistics = new SizeStatistics();
  for (const size of sizes) statistics.add(size);
  return statistics;
}

Deno.test("SizeStatistics knows count, sum, mean and variance", () => {
  const { count, bytes, mean, variance } = statisticsOf([2, 4, 4, 4, 5, 5, 7, 9]);
  assertEquals({ count, bytes, mean, variance }, { count: 8, bytes: 40, mean: 5, variance: 4 });
});

Deno.test("SizeStatistics of nothing and of one size has no variance", () => {
  assertEquals(statisticsOf([]).variance, 0);
  assertEquals(statisticsOf([]).mean, 0);
  assertEquals(statisticsOf([7]).variance, 0);
});

Deno.test("SizeStatistics keeps the variance of sizes that are large and close together", () => {
  const { variance } = statisticsOf([0, 1, 2].map((more) => 2 ** 40 + more));
  assertAlmostEquals(variance, 2 / 3, 1e-3);
});

Deno.test("SizeStatistics of groups together are those of all", () => {
  const sizes = fc.array(fc.nat(2 ** 30), { maxLength: 20 });
  fc.assert(
    fc.property(fc.array(sizes, { maxLength: 5 }), (groups) => {
      const all = statisticsOf(groups.flat());
      const together = new SizeStatistics();
      for (const group of groups) together.addAll(statisticsOf(group));
      assertEquals(together.count, all.count);
      assertEquals(together.bytes, all.bytes);
      assertAlmostEquals(together.mean, all.mean, 1e-6 * all.mean + 1e-6);
      assertAlmostEquals(together.variance, all.variance, 1e-6 * all.variance + 1e-6);
    }),
    { seed: 1 },
  );
});
