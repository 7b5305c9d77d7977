/**
 * The paths in one direction that have something to be done about: waiting by rank, in work, or put off
 * after a failure.
 *
 * It is made from the index and can be made again at any time. What is in work is not given out a second
 * time; whoever works on it gives it back (`free`) and has it judged anew.
 */

import { Bell } from "./bell.ts";
import { RANK_COUNT } from "./change_order.ts";
import type { Rank } from "./change_order.ts";

interface PutOff {
  readonly untilMs: number;
  /** Why it is not done, where a person should know. */
  readonly reason: string | undefined;
}

export class WorkQueue {
  /** Rings when something begins to wait, and when something is no longer to be done. */
  readonly bell = new Bell();
  readonly #waiting = Array.from({ length: RANK_COUNT }, () => new Set<string>());
  readonly #ranks = new Map<string, Rank>();
  /** What is in work, and whether it was set again meanwhile. */
  readonly #busy = new Map<string, boolean>();
  readonly #putOff = new Map<string, PutOff>();

  /** How many paths there are, in whatever state. */
  get size(): number {
    return this.#ranks.size + this.#busy.size + this.#putOff.size;
  }

  /** Whether nothing waits, is in work, or is put off without a reason that a person should know. */
  get isDone(): boolean {
    return this.openPaths().next().done === true;
  }

  has(path: string): boolean {
    return this.#ranks.has(path) || this.#busy.has(path) || this.#putOff.has(path);
  }

  /** Whether something is going to be done about a path without anybody's help. */
  isOpen(path: string): boolean {
    if (this.#ranks.has(path) || this.#busy.has(path)) return true;
    const putOff = this.#putOff.get(path);
    return putOff !== undefined && putOff.reason === undefined;
  }

  /** The paths that are open. */
  *openPaths(): Generator<string, void> {
    yield* this.#ranks.keys();
    yield* this.#busy.keys();
    for (const [path, { reason }] of this.#putOff) if (reason === undefined) yield path;
  }

  /** The paths that are in work. */
  busyPaths(): string[] {
    return [...this.#busy.keys()];
  }

  isBusy(path: string): boolean {
    return this.#busy.has(path);
  }

  /** Whether a path that is in work was set again since it was taken, so that it must be judged anew. */
  isOutdated(path: string): boolean {
    return this.#busy.get(path) ?? true;
  }

  /** Whether something waits. */
  get hasWaiting(): boolean {
    return this.#ranks.size > 0;
  }

  /** How many paths of a rank wait. */
  waitingCount(rank: Rank): number {
    return this.#waiting[rank]!.size;
  }

  isWaiting(path: string, rank: Rank): boolean {
    return this.#ranks.get(path) === rank;
  }

  /** Paths that are put off for a reason that a person should know. */
  *troubles(): Generator<{ readonly path: string; readonly reason: string }> {
    for (const [path, { reason }] of this.#putOff) if (reason !== undefined) yield { path, reason };
  }

  /** Has a path done, of the given rank, or not at all. One that is in work stays so until it is freed. */
  set(path: string, rank: Rank | undefined): void {
    if (this.#busy.has(path)) {
      this.#busy.set(path, true);
      return;
    }
    this.#putOff.delete(path);
    const before = this.#ranks.get(path);
    if (before === rank) return;
    if (before !== undefined) this.#waiting[before]!.delete(path);
    if (rank === undefined) this.#ranks.delete(path);
    else {
      this.#ranks.set(path, rank);
      this.#waiting[rank]!.add(path);
    }
    this.bell.ring();
  }

  /** The paths of a rank that wait, in the order in which they came. */
  waiting(rank: Rank): Iterable<string> {
    return this.#waiting[rank]!;
  }

  /** Takes up to `countMax` waiting paths of a rank into work, in the order in which they came. */
  take(rank: Rank, countMax: number): string[] {
    const taken = this.#waiting[rank]!.values().take(countMax).toArray();
    for (const path of taken) this.takeOne(path);
    return taken;
  }

  /** Takes one waiting path into work. */
  takeOne(path: string): void {
    this.#waiting[this.#ranks.get(path)!]!.delete(path);
    this.#ranks.delete(path);
    this.#busy.set(path, false);
  }

  /** Nobody works on a path any more. Whoever says so sets it, or puts it off, if it is still to be done. */
  free(path: string): void {
    this.#busy.delete(path);
    this.bell.ring();
  }

  /** Leaves a path alone until then, or until it is set again. */
  putOff(path: string, untilMs: number, reason?: string): void {
    this.set(path, undefined);
    this.#busy.delete(path);
    this.#putOff.set(path, { untilMs, reason });
    this.bell.ring();
  }

  /** Forgets those that were put off until `nowMs`, and answers them; none before `Infinity` is all. */
  takeDue(nowMs: number): string[] {
    const due = [...this.#putOff].filter(([, { untilMs }]) => untilMs <= nowMs);
    for (const [path] of due) this.#putOff.delete(path);
    return due.map(([path]) => path);
  }
}
