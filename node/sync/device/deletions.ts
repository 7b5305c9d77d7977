/**
 * From paths that a look did not find to deletions that the server hears of: once they are missing for long
 * enough, and unless they are so many that somebody has to be asked first.
 */

import type { ContentId } from "../../transfer/contents.ts";
import type { HeldDeletions } from "../client.ts";
import { DeletionGuard } from "./deletion_guard.ts";
import type { KnownEntry } from "./device_index.ts";
import type { Ledger } from "./ledger.ts";
import { MissingPaths } from "./missing_paths.ts";
import type { Verdict } from "./missing_paths.ts";
import { deletedRow } from "./next_version.ts";
import type { Row } from "./row.ts";

export interface DeletionsOptions {
  readonly ledger: Ledger;
  readonly settleMs: number;
  readonly acceptAll: boolean;
  /** Deletions are held back. Throws where nobody can be asked. */
  readonly held: (deletions: HeldDeletions) => void;
  /** What was held back is there again. */
  readonly found: () => void;
  /** Whether the server is known to have heard nothing of a path, so that it may be forgotten. */
  readonly isUnheardOf: (path: string) => boolean;
}

interface Held extends HeldDeletions {
  readonly paths: Set<string>;
}

export class Deletions {
  readonly #options: DeletionsOptions;
  readonly #missing: MissingPaths;
  readonly #guard: DeletionGuard;
  #held: Held | undefined;
  /** What somebody has said may go. */
  #accepted: Set<string> = new Set();

  constructor(options: DeletionsOptions) {
    this.#options = options;
    this.#missing = new MissingPaths(options.settleMs);
    const { ledger: { index }, acceptAll } = options;
    this.#guard = new DeletionGuard({ countFiles: () => index.count().files, acceptAll });
  }

  get held(): HeldDeletions | undefined {
    return this.#held;
  }

  /** Whether it is open whether something was deleted, held deletions apart. */
  get isSettled(): boolean {
    return this.#missing.count === 0;
  }

  /** The topmost paths that are missing. */
  paths(): Iterable<string> {
    return this.#missing.paths();
  }

  isMissing(path: string): boolean {
    return this.#missing.has(path);
  }

  /** Takes what a look at `tops` did not find. Answers what has been missing for long enough. */
  note(missing: readonly KnownEntry[], tops: readonly string[], nowMs: number): Verdict {
    const held = this.#held;
    if (held === undefined) return this.#missing.note(missing, tops, nowMs);
    const isHeld = ({ path }: KnownEntry) => held.paths.has(path);
    if (tops.includes("") && !missing.some(isHeld)) {
      this.#held = undefined;
      this.#options.found();
    }
    return this.#missing.note(missing.filter((entry) => !isHeld(entry)), tops, nowMs);
  }

  /** Passes deletions on, or holds them back. */
  commit(gone: readonly KnownEntry[], nowMs: number): void {
    this.#missing.forget(gone.map(({ path }) => path));
    const unasked = gone.filter(({ path }) => !this.#accepted.has(path));
    const files = unasked.filter(({ kind }) => kind === "file").map(({ path }) => path);
    const tooMany = this.#guard.check(files, nowMs);
    const passed = tooMany === undefined
      ? gone
      : gone.filter(({ path }) => this.#accepted.has(path));
    this.#accepted = this.#accepted.difference(new Set(passed.map(({ path }) => path)));
    this.#options.ledger.save(passed.map(({ path }) => this.#deleted(path)));
    if (tooMany !== undefined) this.#hold(tooMany, unasked.map(({ path }) => path));
  }

  /** The deletion of a missing file that had this content: whatever has it now, it was moved there. */
  movedFrom(content: ContentId, isLeftOut: (path: string) => boolean): Row | undefined {
    if (this.isSettled) return undefined;
    const { index } = this.#options.ledger;
    const row = index.holders(content).find(({ path }) => this.isMissing(path) && !isLeftOut(path));
    if (row === undefined) return undefined;
    this.#missing.forget([row.path]);
    return this.#deleted(row.path);
  }

  /**
   * Held deletions are meant (`accept`), or what is missing comes back from the server. Answers the paths
   * that were held back: they are to be looked at again.
   */
  answer(accept: boolean): readonly string[] {
    const held = this.#held;
    if (held === undefined) return [];
    const paths = [...held.paths];
    if (accept) this.#accepted = held.paths;
    else {
      const { ledger } = this.#options;
      ledger.save(paths.map((path) => ({ ...ledger.row(path), local: undefined })));
    }
    this.#held = undefined;
    this.#missing.forget(paths);
    return paths;
  }

  #hold(deletions: HeldDeletions, paths: readonly string[]): void {
    const before = this.#held;
    this.#held = before === undefined ? { ...deletions, paths: new Set(paths) } : {
      count: before.count + deletions.count,
      total: Math.max(before.total, deletions.total),
      examples: before.examples,
      paths: before.paths.union(new Set(paths)),
    };
    this.#options.held(this.#held);
  }

  #deleted(path: string): Row {
    const { ledger, isUnheardOf } = this.#options;
    const row = ledger.row(path);
    if (row.remote === undefined && isUnheardOf(path)) return { ...row, local: undefined };
    return deletedRow(row, ledger.index);
  }
}
