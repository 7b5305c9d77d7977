import { assertEquals } from "@std/assert";
import { formatCounts, readCounts, suiteOf } from "./test.ts";

Deno.test("readCounts() reads the runner's closing line", () => {
  const output =
    "a ... ok (1ms)\n\nok | 12 passed (3 steps) | 0 failed | 2 ignored (1 step) (4s)\n\n";
  assertEquals(readCounts(output), { passed: 12, failed: 0, skipped: 2 });
  const failed =
    "ok | 1 passed | 0 failed\nFAILED | 7 passed | 2 failed (25ms)\n\nerror: Test failed\n";
  assertEquals(readCounts(failed), { passed: 7, failed: 2, skipped: 0 });
});

Deno.test("readCounts() counts a run without a closing line as a failure", () => {
  assertEquals(readCounts("error: Type checking failed.\n"), { passed: 0, failed: 1, skipped: 0 });
  assertEquals(readCounts(""), { passed: 0, failed: 1, skipped: 0 });
});

Deno.test("formatCounts() names the skipped only if there are any", () => {
  assertEquals(formatCounts({ passed: 3, failed: 1, skipped: 0 }), "3 passed, 1 failed");
  assertEquals(formatCounts({ passed: 3, failed: 1, skipped: 2 }), "3 passed, 1 failed, 2 skipped");
});

Deno.test("suiteOf() goes by the path", () => {
  assertEquals(
    ["tests/e2e_get_test.ts", "tests/simulation_test.ts", "tests/harness_test.ts", "node/a_test.ts"]
      .map(suiteOf),
    ["e2e", "simulation", "unit", "unit"],
  );
});
