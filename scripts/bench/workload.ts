/**
 * What a workload is: work that several programs do in turn, the figures that come of it, and what our
 * own program must reach.
 */

import type { Stage } from "./stage.ts";
import type { Tool } from "./tools.ts";

/** What one run came to: a value for each column, by its key. */
export type Figures = Readonly<Record<string, number>>;

/** A figure that is reported. */
export interface Column {
  readonly key: string;
  /** With the unit, if `format` does not show it. */
  readonly title: string;
  readonly format: (value: number) => string;
}

/** A program that does the work. */
export interface Contestant {
  readonly name: string;
  /** What must be installed for it, beside our own program. */
  readonly needs?: readonly Tool[];
  /** Does the work once, checks what came of it, and answers the figures. */
  run(): Promise<Figures>;
}

/** Who takes part. */
export interface Lineup {
  /** Our own program, at least once; the first one is what all others are compared with. */
  readonly ours: readonly Contestant[];
  readonly others: readonly Contestant[];
}

/** What our program must reach: a bound on one of its figures, or on its ratio to somebody else's. */
export interface Target {
  readonly key: string;
  /** Whose figure ours is divided by. */
  readonly relativeTo?: string;
  readonly bound: "at most" | "at least";
  readonly value: number;
}

export interface Workload {
  /** As it is called on the command line. */
  readonly name: string;
  readonly title: string;
  /** What is done, and what the clock counts; sentences. */
  readonly about: string;
  /** The first is the one that ratios are made of. */
  readonly columns: readonly Column[];
  readonly targets: readonly Target[];
  lineUp(stage: Stage): Lineup | Promise<Lineup>;
}

/** All runs of one contestant. */
export interface ContestantRuns {
  readonly name: string;
  readonly runs: readonly Figures[];
}

/** What came of a workload. */
export interface Outcome {
  readonly workload: Workload;
  readonly contestants: readonly ContestantRuns[];
  /** Who did not take part or failed, each as a sentence. */
  readonly remarks: readonly string[];
  readonly failedCount: number;
}

/** The middle of some values, at least one; the mean of the two middle ones when their number is even. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** The median of a figure over the runs; undefined when no run has it. */
export function medianOf({ runs }: ContestantRuns, key: string): number | undefined {
  const values = valuesOf(runs, key);
  return values.length === 0 ? undefined : median(values);
}

export function valuesOf(runs: readonly Figures[], key: string): number[] {
  return runs.map((figures) => figures[key]).filter((value) => value !== undefined);
}
