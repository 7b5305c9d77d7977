/** Waits until the server has what was here at one moment, whatever changes meanwhile. */

import { isAtOrBelowAny } from "../../../protocol/path.ts";
import type { Ledger } from "./ledger.ts";
import type { LocalChanges } from "./local_changes.ts";

interface Waiter {
  /** Paths about which something was open, and of which nothing has been stored since. */
  paths: Set<string>;
  /** What was to be looked at when it began to wait. */
  readonly tops: ReadonlySet<string>;
  /** First come the looks, then what they found and could not decide at once, then what the server is told. */
  phase: "looking" | "deciding" | "telling";
  readonly done: () => void;
}

export class Storing {
  readonly #ledger: Ledger;
  readonly #local: LocalChanges;
  readonly #waiters = new Set<Waiter>();

  constructor(ledger: Ledger, local: LocalChanges) {
    this.#ledger = ledger;
    this.#local = local;
  }

  /** Resolves when all that is open now was stored. Throws the signal's reason. */
  async wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const paths = new Set(this.#local.pending());
    const waiter: Waiter = { paths, tops: new Set(paths), phase: "looking", done: resolve };
    const stop = () => reject(signal.reason);
    this.#waiters.add(waiter);
    signal.addEventListener("abort", stop);
    try {
      this.check();
      await promise;
    } finally {
      this.#waiters.delete(waiter);
      signal.removeEventListener("abort", stop);
    }
  }

  /** The server has stored what was at a path. */
  stored(path: string): void {
    for (const { paths } of this.#waiters) paths.delete(path);
  }

  /** Something may be open no longer. */
  check(): void {
    for (const waiter of this.#waiters) {
      if (this.#isDone(waiter)) waiter.done();
    }
  }

  #isDone(waiter: Waiter): boolean {
    const { up } = this.#ledger;
    if (waiter.phase === "looking") {
      if (!isEmptied(waiter.paths, (path) => this.#local.isPending(path))) return false;
      waiter.phase = "deciding";
      waiter.paths = new Set(this.#undecided(waiter.tops));
    }
    if (waiter.phase === "deciding") {
      if (!isEmptied(waiter.paths, (path) => this.#local.isPending(path))) return false;
      waiter.phase = "telling";
      waiter.paths = new Set(up.openPaths());
    }
    return isEmptied(waiter.paths, (path) => up.isOpen(path));
  }

  *#undecided(tops: ReadonlySet<string>): Generator<string> {
    for (const path of this.#local.undecided()) {
      if (isAtOrBelowAny(path, tops)) yield path;
    }
  }
}

/** Whether no path of a set is open, taking out those that are not until one is found that is. */
function isEmptied(paths: Set<string>, isOpen: (path: string) => boolean): boolean {
  for (const path of paths) {
    if (isOpen(path)) return false;
    paths.delete(path);
  }
  return true;
}
