/**
 * Runs a workload: each contestant in turn, round by round, so that a busy minute does not spoil the figures
 * of one of them alone.
 */

import type { Stage } from "./stage.ts";
import { findMissing } from "./tools.ts";
import type { Contestant, Figures, Outcome, Workload } from "./workload.ts";

export interface RunnerOptions {
  readonly stage: Stage;
  /** How often each contestant does the work. */
  readonly roundCount: number;
  /** Told what is going on. */
  readonly tell: (line: string) => void;
}

/**
 * Answers what came of it. A contestant that fails is left out of the rounds that follow; on a smoke stage only
 * our own program runs.
 */
export async function runWorkload(workload: Workload, options: RunnerOptions): Promise<Outcome> {
  const { stage, roundCount, tell } = options;
  const { contestants, skipped } = await assemble(workload, stage);
  const runs = new Map<Contestant, Figures[]>(contestants.map((contestant) => [contestant, []]));
  const failures: string[] = [];
  const failed = new Set<Contestant>();
  for (let round = 1; round <= roundCount; round++) {
    for (const contestant of contestants) {
      if (failed.has(contestant)) continue;
      const turn = `${workload.name}, round ${round} of ${roundCount}, ${contestant.name}`;
      try {
        const figures = await contestant.run();
        runs.get(contestant)!.push(figures);
        tell(`${turn}: ${describeFigures(workload, figures)}`);
      } catch (error) {
        failed.add(contestant);
        const reason = error instanceof Error ? error.message : String(error);
        failures.push(`${contestant.name} failed: ${reason}`);
        tell(`${turn} failed: ${reason}`);
      }
    }
  }
  return {
    workload,
    contestants: contestants.map((contestant) => ({
      name: contestant.name,
      runs: runs.get(contestant)!,
    })),
    remarks: [...skipped, ...failures],
    failedCount: failures.length,
  };
}

/** Who takes part, and a sentence on everybody who does not. */
async function assemble(workload: Workload, stage: Stage) {
  const { ours, others } = await workload.lineUp(stage);
  const contestants = [...ours];
  const skipped: string[] = [];
  for (const contestant of stage.isSmoke ? [] : others) {
    const missing = await findMissing(contestant.needs ?? []);
    if (missing.length === 0) contestants.push(contestant);
    else skipped.push(`${contestant.name} was skipped: ${missing.join(", ")} not installed.`);
  }
  return { contestants, skipped };
}

function describeFigures({ columns }: Workload, figures: Figures): string {
  return columns.filter(({ key }) => figures[key] !== undefined)
    .map(({ key, title, format }) => `${format(figures[key]!)} ${title}`)
    .join(", ");
}
