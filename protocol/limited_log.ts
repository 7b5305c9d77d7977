/** A log that stays readable when thousands of nodes come at once: a few lines a second, then a count. */

import type { Log } from "./ports.ts";

const LINES_PER_PERIOD = 20;
const PERIOD_MS = 1000;

export class LimitedLog {
  readonly #log: Log;
  #periodStartMs = 0;
  #lineCount = 0;
  #droppedCount = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Writes a line, or only counts it when there were too many. */
  write(line: string): void {
    if (this.#lineCount >= LINES_PER_PERIOD) {
      this.#droppedCount++;
      return;
    }
    this.#lineCount++;
    this.#log(line);
  }

  /** Lets time pass; tells how many lines were left out. */
  tick(nowMs: number): void {
    if (nowMs - this.#periodStartMs < PERIOD_MS) return;
    this.#periodStartMs = nowMs;
    this.#lineCount = 0;
    if (this.#droppedCount === 0) return;
    this.#log(`${this.#droppedCount} more lines were left out`);
    this.#droppedCount = 0;
  }
}
