/** Does many things side by side, as many at once as a window of bytes holds. */

import { AnySignal } from "../../protocol/any_signal.ts";
import { ByteBudget } from "./byte_budget.ts";

/** What is done with items. */
export interface WindowOptions<T> {
  /** Bytes that may be under way at once; a larger item goes alone. */
  readonly windowSize: number;
  readonly sizeOf: (item: T) => number;
  readonly run: (item: T, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Runs something for each item, in their order. The first failure ends the others; nothing is under way any more
 * when this settles. Rejects with that failure, or with the signal's reason.
 */
export async function inWindow<T>(
  items: Iterable<T> | AsyncIterable<T>,
  { windowSize, sizeOf, run, signal: outer }: WindowOptions<T>,
): Promise<void> {
  const budget = new ByteBudget(windowSize);
  const failed = new AbortController();
  using stopping = new AnySignal([outer, failed.signal]);
  const { signal } = stopping;
  const running = new Set<Promise<void>>();
  try {
    for await (const item of items) {
      const size = sizeOf(item);
      await budget.take(size, signal);
      const task = run(item, signal).catch((error) => failed.abort(error)).finally(() => {
        running.delete(task);
        budget.give(size);
      });
      running.add(task);
    }
  } finally {
    await Promise.all(running);
  }
  signal.throwIfAborted();
}
