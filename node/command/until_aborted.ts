/** Waits for a signal, alone or beside something else. */

/** Resolves when the signal is aborted. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
}

/** What the promise gives, unless the signal is aborted before: then rejects with the signal's reason. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = untilAborted(signal).then((): never => {
    throw signal.reason;
  });
  return Promise.race([promise, aborted]);
}
