/**
 * Stops deletions that nobody can have meant: more than half of a folder of some size within seconds.
 * What was moved is no deletion.
 */

import type { HeldDeletions } from "../client.ts";

/** Folders with no more files than this are not worth asking. */
const FILES_MIN = 20;
/** Deletions within this time count together. */
const WINDOW_MS = 10_000;
const EXAMPLE_COUNT = 5;

export interface DeletionGuardOptions {
  /** How many files the folder has, by the index. */
  readonly countFiles: () => number;
  /** Passes everything. */
  readonly acceptAll: boolean;
}

export class DeletionGuard {
  readonly #options: DeletionGuardOptions;
  #passed: { readonly atMs: number; readonly count: number }[] = [];

  constructor(options: DeletionGuardOptions) {
    this.#options = options;
  }

  /**
   * Answers nothing where files may be deleted, and counts them then; otherwise what is to be held back.
   * The index has them still.
   */
  check(files: readonly string[], nowMs: number): HeldDeletions | undefined {
    if (this.#options.acceptAll) return undefined;
    this.#passed = this.#passed.filter(({ atMs }) => nowMs - atMs < WINDOW_MS);
    const before = this.#passed.reduce((sum, { count }) => sum + count, 0);
    const count = before + files.length;
    // More than half of more than the least number: counting all files is not for each deletion.
    if (files.length > 0 && count > FILES_MIN / 2) {
      const total = before + this.#options.countFiles();
      if (total > FILES_MIN && count > total / 2) {
        return { count: files.length, total, examples: files.slice(0, EXAMPLE_COUNT) };
      }
    }
    this.#passed.push({ atMs: nowMs, count: files.length });
    return undefined;
  }
}
