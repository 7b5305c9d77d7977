/**
 * Measures p2pnode beside the tools that are installed here: `deno task bench [NAME…]`.
 *
 * Each workload is done by our compiled binary and by every other tool in turn, round by round, on loopback,
 * and what arrived is compared with what was sent. Without names all workloads run. `--runs N` sets the number of
 * rounds, `--markdown` prints the document docs/benchmarks.md, `--smoke` only shows with tiny inputs that
 * everything works. Progress goes to stderr, the report to stdout. Exit code 1 if anything failed; a missed
 * target is no failure.
 */

import { parseArgs } from "@std/cli/parse-args";
import { announceWorkload } from "./bench/announce_workload.ts";
import { cacheWorkload } from "./bench/cache_workload.ts";
import { copyClientsWorkload } from "./bench/copy_clients_workload.ts";
import { copyFileWorkload } from "./bench/copy_file_workload.ts";
import { copyInsertWorkload } from "./bench/copy_insert_workload.ts";
import {
  copyAgainWorkload,
  copyManyWorkload,
  copyTreeWorkload,
} from "./bench/copy_tree_workload.ts";
import { fileWorkload } from "./bench/file_workload.ts";
import { describeCircumstances } from "./bench/machine.ts";
import { mirrorSlowWorkload } from "./bench/mirror_slow_workload.ts";
import { markdownReport, textReport } from "./bench/report.ts";
import { runWorkload } from "./bench/runner.ts";
import { Stage } from "./bench/stage.ts";
import { swarmWorkload } from "./bench/swarm_workload.ts";
import { treeWorkload } from "./bench/tree_workload.ts";
import { publishWorkload } from "./bench/publish_workload.ts";
import { syncInsertWorkload } from "./bench/sync_insert_workload.ts";
import { syncLargeWorkload } from "./bench/sync_large_workload.ts";
import { syncLatencyWorkload } from "./bench/sync_latency_workload.ts";
import { syncStartWorkload } from "./bench/sync_start_workload.ts";
import { syncTreeWorkload } from "./bench/sync_tree_workload.ts";
import { syncUsersWorkload } from "./bench/sync_users_workload.ts";
import type { Outcome, Workload } from "./bench/workload.ts";

const WORKLOADS: readonly Workload[] = [
  fileWorkload,
  swarmWorkload,
  publishWorkload,
  announceWorkload,
  treeWorkload,
  cacheWorkload,
  syncLatencyWorkload,
  syncTreeWorkload,
  syncLargeWorkload,
  syncInsertWorkload,
  syncStartWorkload,
  syncUsersWorkload,
  copyFileWorkload,
  copyTreeWorkload,
  copyAgainWorkload,
  copyInsertWorkload,
  copyClientsWorkload,
  copyManyWorkload,
  mirrorSlowWorkload,
];

interface BenchOptions {
  readonly workloads: readonly Workload[];
  readonly roundCount: number;
  readonly isMarkdown: boolean;
  readonly isSmoke: boolean;
}

function readOptions(args: string[]): BenchOptions {
  const { _: names, runs, markdown, smoke } = parseArgs(args, {
    string: ["runs"],
    boolean: ["markdown", "smoke"],
    unknown: (flag: string) => {
      if (flag.startsWith("-")) throw new Error(`Cannot read ${flag}: unknown flag`);
    },
  });
  const roundCount = Number(runs ?? (smoke ? 1 : 3));
  if (!Number.isInteger(roundCount) || roundCount < 1) {
    throw new Error(`Cannot read --runs ${runs}: expected a count`);
  }
  const workloads = names.length === 0
    ? WORKLOADS
    : names.map((name: unknown) => find(String(name)));
  return { workloads, roundCount, isMarkdown: markdown, isSmoke: smoke };
}

function find(name: string): Workload {
  const found = WORKLOADS.find((workload) => workload.name === name);
  if (found !== undefined) return found;
  const names = WORKLOADS.map((workload) => workload.name).join(", ");
  throw new Error(`Cannot run ${name}: unknown workload (${names})`);
}

async function bench({ workloads, roundCount, isSmoke, isMarkdown }: BenchOptions) {
  const tell = (line: string) => console.error(line);
  const circumstances = await describeCircumstances();
  await using stage = await Stage.open({ isSmoke });
  const outcomes: Outcome[] = [];
  for (const workload of workloads) {
    // What tiny inputs take says nothing about a target.
    const judged = isSmoke ? { ...workload, targets: [] } : workload;
    outcomes.push(await runWorkload(judged, { stage, roundCount, tell }));
  }
  console.log(
    isMarkdown
      ? await formatMarkdown(markdownReport(circumstances, outcomes, { roundCount }))
      : textReport(circumstances, outcomes),
  );
  return outcomes.every(({ failedCount }) => failedCount === 0);
}

/** Lays the document out as `deno fmt` wants it. */
async function formatMarkdown(text: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { stdout } = await child.output();
  return new TextDecoder().decode(stdout).trimEnd();
}

if (import.meta.main) {
  try {
    Deno.exit(await bench(readOptions(Deno.args)) ? 0 : 1);
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : error}`);
    Deno.exit(1);
  }
}
