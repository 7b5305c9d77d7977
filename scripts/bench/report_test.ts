import { assertEquals, assertStringIncludes } from "@std/assert";
import { formatDecimal } from "./columns.ts";
import { judge, markdownReport, tableOf, textReport } from "./report.ts";
import type { Outcome, Target } from "./workload.ts";

function outcome(targets: readonly Target[] = []): Outcome {
  return {
    workload: {
      name: "copy",
      title: "Copy",
      about: "Copies.",
      columns: [
        { key: "seconds", title: "seconds", format: formatDecimal },
        { key: "memory", title: "peak", format: String },
      ],
      targets,
      lineUp: () => ({ ours: [], others: [] }),
    },
    contestants: [
      { name: "ours", runs: [{ seconds: 3, memory: 7 }, { seconds: 1 }, { seconds: 2 }] },
      { name: "theirs", runs: [{ seconds: 4 }, { seconds: 6 }] },
      { name: "broken", runs: [] },
    ],
    remarks: ["rcp was skipped: rcp not installed."],
    failedCount: 1,
  };
}

Deno.test("tableOf() shows medians, ranges and our ratio to each other contestant", () => {
  assertEquals(tableOf(outcome()), [
    ["", "seconds", "ours / theirs", "peak"],
    ["ours", "2.00 (1.00–3.00)", "", "7"],
    ["theirs", "5.00 (4.00–6.00)", "0.40", ""],
  ]);
});

Deno.test("judge() compares our median with a bound or with somebody else's", () => {
  const targets: Target[] = [
    { key: "seconds", relativeTo: "theirs", bound: "at most", value: 0.4 },
    { key: "seconds", relativeTo: "theirs", bound: "at least", value: 0.5 },
    { key: "seconds", bound: "at most", value: 1.99 },
    { key: "seconds", relativeTo: "broken", bound: "at most", value: 1 },
    { key: "seconds", relativeTo: "nobody", bound: "at most", value: 1 },
  ];
  assertEquals(judge(outcome(targets)), [
    "seconds at most 0.40 × theirs: 0.40, reached",
    "seconds at least 0.50 × theirs: 0.40, MISSED",
    "seconds at most 1.99: 2.00, MISSED",
    "seconds at most 1.00 × broken: not measured",
    "seconds at most 1.00 × nobody: not measured",
  ]);
});

Deno.test("textReport() and markdownReport() say who was skipped, and on which machine", () => {
  const text = textReport(["machine: a"], [outcome()]);
  const markdown = markdownReport(["machine: a"], [outcome()], { roundCount: 3 });
  for (const report of [text, markdown]) {
    assertStringIncludes(report, "machine: a");
    assertStringIncludes(report, "rcp was skipped: rcp not installed.");
    assertStringIncludes(report, "5.00 (4.00–6.00)");
  }
  assertStringIncludes(markdown, "| theirs | 5.00 (4.00–6.00) | 0.40 |  |");
});
