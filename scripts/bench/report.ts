/**
 * Shows what came of the workloads: a table of medians each, how our program compares, and which targets
 * are met; as text for a terminal, or as the Markdown of docs/benchmarks.md.
 */

import { formatTable } from "../../node/text/table.ts";
import { formatDecimal } from "./columns.ts";
import { type Column, medianOf, valuesOf } from "./workload.ts";
import type { ContestantRuns, Outcome, Target } from "./workload.ts";

/** A table of text, the first row its heading. */
type Rows = readonly (readonly string[])[];

/** One row for each contestant: the compared figure with its range, our ratio to it, the other figures. */
export function tableOf({ workload, contestants }: Outcome): Rows {
  const [compared, ...others] = workload.columns as [Column, ...Column[]];
  const [ours] = contestants as [ContestantRuns, ...ContestantRuns[]];
  const heading = ["", compared.title, "ours / theirs", ...others.map(({ title }) => title)];
  const rows = contestants.filter(({ runs }) => runs.length > 0).map((contestant) => [
    contestant.name,
    withRange(contestant, compared),
    contestant === ours ? "" : ratioText(ours, contestant, compared.key),
    ...others.map((column) => medianText(contestant, column)),
  ]);
  return [heading, ...rows];
}

/** One sentence for each target: what was asked, what was measured, and whether that will do. */
export function judge({ workload, contestants }: Outcome): string[] {
  return workload.targets.map((target) => {
    const { title, format } = workload.columns.find(({ key }) => key === target.key)!;
    const asked = target.relativeTo === undefined
      ? `${title} ${target.bound} ${format(target.value)}`
      : `${title} ${target.bound} ${formatDecimal(target.value)} × ${target.relativeTo}`;
    const measured = measure(contestants, target);
    if (measured === undefined) return `${asked}: not measured`;
    const shown = target.relativeTo === undefined ? format(measured) : formatDecimal(measured);
    return `${asked}: ${shown}, ${isReached(target, measured) ? "reached" : "MISSED"}`;
  });
}

/** Everything as text for a terminal. */
export function textReport(circumstances: readonly string[], outcomes: readonly Outcome[]): string {
  const parts = outcomes.map((outcome) => {
    const [heading, ...rows] = tableOf(outcome);
    const columns = heading!.map((title, index) => (
      { title, align: index === 0 ? "left" : "right" } as const
    ));
    return [
      `${outcome.workload.name}: ${outcome.workload.title}`,
      ...formatTable(columns, rows).map((line) => `  ${line}`),
      ...judge(outcome).map((sentence) => `  target: ${sentence}`),
      ...outcome.remarks.map((sentence) => `  ${sentence}`),
    ].join("\n");
  });
  return [circumstances.join("\n"), ...parts].join("\n\n");
}

/** Everything as a document. */
export function markdownReport(
  circumstances: readonly string[],
  outcomes: readonly Outcome[],
  { roundCount }: { readonly roundCount: number },
): string {
  const parts = outcomes.map((outcome) => {
    const { title, name, about } = outcome.workload;
    const sentences = [...judge(outcome).map((text) => `Target: ${text}`), ...outcome.remarks];
    return [
      `## ${title} (\`${name}\`)`,
      about,
      markdownTable(tableOf(outcome)),
      sentences.map((sentence) => `- ${sentence.replaceAll("\n", " ")}`).join("\n"),
    ].join("\n\n");
  });
  return [
    "# Benchmarks",
    "What `deno task bench --markdown` printed. Each program did the same work on loopback, taking " +
    `turns, ${roundCount} ${roundCount === 1 ? "time" : "times"}: medians, with the range in ` +
    "parentheses. Sources were in the page cache, and what arrived was compared with what was sent, " +
    "byte by byte, outside of the clock. CPU is user and system time, memory the highest resident size. " +
    "The source serves, the target fetches.",
    circumstances.map((line) => `- ${line}`).join("\n"),
    ...parts,
  ].join("\n\n") + "\n";
}

/** Our figure, or its ratio to somebody else's; undefined when one of the two is missing. */
function measure(contestants: readonly ContestantRuns[], target: Target): number | undefined {
  const [ours] = contestants;
  const value = medianOf(ours!, target.key);
  if (target.relativeTo === undefined || value === undefined) return value;
  const other = contestants.find(({ name }) => name === target.relativeTo);
  const theirs = other && medianOf(other, target.key);
  return theirs === undefined ? undefined : value / theirs;
}

function isReached({ bound, value }: Target, measured: number): boolean {
  return bound === "at most" ? measured <= value : measured >= value;
}

function withRange(contestant: ContestantRuns, column: Column): string {
  const values = valuesOf(contestant.runs, column.key);
  const middle = medianText(contestant, column);
  if (values.length < 2) return middle;
  return `${middle} (${column.format(Math.min(...values))}–${column.format(Math.max(...values))})`;
}

function medianText(contestant: ContestantRuns, { key, format }: Column): string {
  const value = medianOf(contestant, key);
  return value === undefined ? "" : format(value);
}

function ratioText(ours: ContestantRuns, theirs: ContestantRuns, key: string): string {
  const [a, b] = [medianOf(ours, key), medianOf(theirs, key)];
  return a === undefined || b === undefined ? "" : formatDecimal(a / b);
}

function markdownTable([heading, ...rows]: Rows): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = heading!.map((_, index) => index === 0 ? "---" : "---:");
  return [heading!, rule, ...rows].map(line).join("\n");
}
