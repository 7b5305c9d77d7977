/** Waits for several things at once, and for the last of them even if one fails. */

type Results<T extends readonly unknown[]> = { -readonly [K in keyof T]: Awaited<T[K]> };

/** The results of all, when nothing is under way any more. Rejects with the first failure in their order. */
export async function untilAllDone<const T extends readonly unknown[]>(
  tasks: T,
): Promise<Results<T>> {
  const settled = await Promise.allSettled(tasks);
  return settled.map((task) => {
    if (task.status === "rejected") throw task.reason;
    return task.value;
  }) as Results<T>;
}
