/** Runs jobs side by side and hands out their results in the order of the jobs. */

/**
 * Starts `run` for one item after the other, at most `width` at a time, and yields the results in the
 * order of the items. An item is only asked for when there is room for it. The first failure ends the
 * iteration; whichever way it ends, it ends only when nothing is running any more.
 */
export async function* inOrder<T, R>(
  items: Iterable<T>,
  width: number,
  run: (item: T) => Promise<R>,
): AsyncGenerator<R, void> {
  const running: Promise<R>[] = [];
  try {
    for (const item of items) {
      const result = run(item);
      // Failures are seen when the result's turn comes; until then nobody must call them unhandled.
      result.catch(() => {});
      running.push(result);
      if (running.length === width) yield await running.shift()!;
    }
    while (running.length > 0) yield await running.shift()!;
  } finally {
    await Promise.allSettled(running);
  }
}
