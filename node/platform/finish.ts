/** Does steps that only tests look into, one right after the other. */

/** What a generator returns in the end. */
export function finish<Result>(steps: Generator<void, Result, void>): Result {
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value;
}
