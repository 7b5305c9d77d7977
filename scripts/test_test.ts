import { assertEquals } from "@std/assert";
import { formatCounts, inOrder, LONG_FILES, readCounts, suiteOf } from "./test.ts";

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

Deno.test("inOrder() begins with what takes long", () => {
  const [long, longer] = ["tests/e2e_kill_test.ts", "tests/e2e_sync_kill_test.ts"];
  assertEquals(
    inOrder(["tests/e2e_ls_test.ts", long, "node/a_test.ts", longer]),
    [longer, long, "node/a_test.ts", "tests/e2e_ls_test.ts"],
  );
});

Deno.test("the files that take long are end-to-end tests that there are", async () => {
  for (const path of LONG_FILES) {
    assertEquals(suiteOf(path), "e2e");
    await Deno.stat(new URL(`../${path}`, import.meta.url));
  }
});
