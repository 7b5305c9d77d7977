/**
 * Ways from a root to a folder below it that hold still while something is read at their end.
 *
 * The runtime opens paths, not names in open folders. So while a path is resolved, somebody may put a symbolic
 * link in place of a folder on the way, and take it back before anybody looks. But that takes renames, and a rename
 * cannot hide: it sets the time of change (ctime) of the folder that is renamed and of the one that the name is in,
 * and nobody can set that back. So a step of the way held still if one of these two times is what it was before.
 * The runtime gives them in whole seconds only; a folder that has changed within the last second proves nothing yet,
 * and is waited for if its parent does not prove it either.
 *
 * The same goes for the names in the folder at the end. Whatever makes a name stand for something else (rename, also an
 * exchange, link, unlink, a new file) changes the folder that it is in and sets that folder's time of change;
 * for a name the folder that is renamed does not vouch, so it must be this time. If neither the way nor this time has
 * changed, then every look and every open in between met one and the same file. Bytes are another matter: a write, by
 * whichever of its names, changes the file's own times and not those of the folder.
 *
 * Whoever can mount file systems here can do all that without a trace, and so can a file system that does not keep times
 * of change. Neither is guarded against.
 */

import { systemClock } from "./clock.ts";
import { errorNameOf } from "./disk_failure.ts";

/** Times of change are cut to this, and the file system's clock is late by less than the second part. */
const RESOLUTION_MS = 1000 + 50;
const PAUSE_MS = 100;
/** For longer than a second, but not for ever. */
const PAUSES_MAX = 30;

/** Where a way leads from and to; "" for the root itself. */
export interface Ends {
  readonly root: string;
  readonly folder: string;
}

/** A folder on the way, as it was found. */
interface Step {
  readonly path: string;
  readonly inode: number | null;
  readonly device: number;
  /** When it was changed last, in milliseconds since 1970. */
  readonly changedMs: number;
}

/**
 * The way to a folder, when it proves something. "gone" where there is nothing (any more), "unsteady" where a step is
 * no folder, or the way does not hold still.
 *
 * @throws the signal's reason.
 */
export async function steadyWay(
  ends: Ends,
  signal: AbortSignal,
): Promise<Way | "gone" | "unsteady"> {
  for (let pause = 0; pause < PAUSES_MAX; pause++) {
    signal.throwIfAborted();
    const way = lookAtWay(ends);
    if (way === "gone" || way === "unsteady" || way.isProof) return way;
    await systemClock.sleep(PAUSE_MS, signal);
  }
  return "unsteady";
}

/** The folders from a root to one below it, as they were found. */
class Way {
  readonly #steps: readonly Step[];
  readonly #foundMs: number;

  /** @param foundMs The time right before they were looked at. */
  constructor(steps: readonly Step[], foundMs: number) {
    this.#steps = steps;
    this.#foundMs = foundMs;
  }

  /** Whether a change of any step would show. */
  get isProof(): boolean {
    return this.#holds((step) => this.#wouldShow(step));
  }

  /** Whether a change of any name in the folder at the end would show as well: never where there are no times of change. */
  get isProofOfNames(): boolean {
    const last = this.#steps.at(-1)!;
    return this.isProof && last.changedMs > 0 && this.#wouldShow(last);
  }

  /** Whether no step was anything else since it was found, not even for a moment. */
  isStill(): boolean {
    const unchanged = this.#unchangedSteps();
    return unchanged !== undefined && this.#holds((_, i) => unchanged[i]!);
  }

  /** Whether the way is still, and no name in the folder at its end stood for anything else since it was found. */
  areNamesStill(): boolean {
    const unchanged = this.#unchangedSteps();
    return unchanged?.at(-1) === true && this.#holds((_, i) => unchanged[i]!);
  }

  /** For each step whether it proves that it did not change. Undefined where one of them is another one now. */
  #unchangedSteps(): boolean[] | undefined {
    // From the end to the root: so each look lies within the time that the steps before it vouch for.
    const unchanged = this.#steps.map(() => false);
    for (let i = this.#steps.length - 1; i >= 0; i--) {
      const step = this.#steps[i]!;
      const now = stepAt(step.path);
      if (typeof now === "string") return undefined;
      if (now.inode !== step.inode || now.device !== step.device) return undefined;
      unchanged[i] = now.changedMs === step.changedMs && this.#wouldShow(step);
    }
    return unchanged;
  }

  /** Whether something holds for each step but the root, or for the one that it is in. */
  #holds(isSo: (step: Step, index: number) => boolean): boolean {
    return this.#steps.every((step, i) =>
      i === 0 || isSo(step, i) || isSo(this.#steps[i - 1]!, i - 1)
    );
  }

  #wouldShow({ changedMs }: Step): boolean {
    return changedMs + RESOLUTION_MS <= this.#foundMs;
  }
}

export type { Way };

/** The way to a folder as it is now, whether it proves anything or not; otherwise as `steadyWay`. */
export function lookAtWay({ root, folder }: Ends): Way | "gone" | "unsteady" {
  const foundMs = Date.now();
  const steps: Step[] = [];
  for (const path of pathsTo(root, folder)) {
    const step = stepAt(path);
    if (typeof step === "string") return step;
    steps.push(step);
  }
  return new Way(steps, foundMs);
}

function* pathsTo(root: string, folder: string): Generator<string> {
  yield `${root}/`;
  if (folder === "") return;
  for (let end = folder.indexOf("/"); end >= 0; end = folder.indexOf("/", end + 1)) {
    yield `${root}/${folder.slice(0, end)}`;
  }
  yield `${root}/${folder}`;
}

function stepAt(path: string): Step | "gone" | "unsteady" {
  try {
    const info = Deno.lstatSync(path);
    if (!info.isDirectory) return "unsteady";
    const { ino: inode, dev: device, ctime } = info;
    return { path, inode, device, changedMs: ctime?.getTime() ?? 0 };
  } catch (error) {
    return errorNameOf(error) === "ENOENT" ? "gone" : "unsteady";
  }
}
