/**
 * Decides when a file that is being written is worth hashing: a small one at once, a large one when it was
 * the same at two looks, and any one after some seconds, however it goes on.
 */

import type { FoundEntry } from "../folder.ts";

/** Up to this size a file is hashed at once; to have hashed one in vain costs next to nothing. */
const SMALL_SIZE_MAX = 1024 * 1024;
/** Between the first two looks at a file. */
const WAIT_MS = 80;
const WAIT_MS_MAX = 640;

interface Unsettled {
  readonly stamp: string;
  /** When it was seen first. */
  readonly sinceMs: number;
  /** When it is worth another look. */
  readonly checkMs: number;
  readonly waitMs: number;
  /** Whether what it held at one moment was sent, because it never holds still. */
  readonly isGrowing?: boolean;
}

export class UnsettledFiles {
  readonly #files = new Map<string, Unsettled>();
  readonly #settleMaxMs: number;

  constructor(settleMaxMs: number) {
    this.#settleMaxMs = settleMaxMs;
  }

  get count(): number {
    return this.#files.size;
  }

  has(path: string): boolean {
    return this.#files.has(path);
  }

  paths(): Iterable<string> {
    return this.#files.keys();
  }

  /** Whether the file can be hashed now; otherwise when to look at it again. */
  check({ path, stamp, size }: FoundEntry, nowMs: number): "ready" | number {
    const before = this.#files.get(path);
    if (before === undefined) {
      return size <= SMALL_SIZE_MAX ? "ready" : this.#wait(path, {
        stamp,
        sinceMs: nowMs,
        checkMs: nowMs + WAIT_MS,
        waitMs: WAIT_MS,
      });
    }
    if (nowMs < before.checkMs) return before.checkMs;
    if (stamp === before.stamp || this.isOverdue(path, nowMs)) return "ready";
    return this.#waitLonger(path, { ...before, stamp }, nowMs);
  }

  /** Whether the file has been waited for as long as any. */
  isOverdue(path: string, nowMs: number): boolean {
    const file = this.#files.get(path);
    return file !== undefined && nowMs - file.sinceMs >= this.#settleMaxMs;
  }

  /** Whether the file may hold still soon. */
  isPromising(path: string, nowMs: number): boolean {
    const file = this.#files.get(path);
    return file !== undefined && file.isGrowing !== true && !this.isOverdue(path, nowMs);
  }

  /**
   * What the file held a moment ago is sent. It is not worth that again for the next `restMs`, unless it holds
   * still. Answers when to look at it again.
   */
  copied({ path, stamp }: FoundEntry, nowMs: number, restMs: number): number {
    const sinceMs = nowMs + Math.max(0, restMs - this.#settleMaxMs);
    const checkMs = nowMs + WAIT_MS;
    return this.#wait(path, { stamp, sinceMs, checkMs, waitMs: WAIT_MS, isGrowing: true });
  }

  /** The file changed while it was read: answers when to look at it again. */
  changed({ path, stamp }: FoundEntry, nowMs: number): number {
    const before = this.#files.get(path) ??
      { stamp, sinceMs: nowMs, checkMs: nowMs, waitMs: WAIT_MS / 4 };
    return this.#waitLonger(path, { ...before, stamp }, nowMs);
  }

  /** The file was hashed, or is gone. */
  settled(path: string): void {
    this.#files.delete(path);
  }

  #waitLonger(path: string, file: Unsettled, nowMs: number): number {
    const waitMs = Math.min(WAIT_MS_MAX, 2 * file.waitMs);
    return this.#wait(path, { ...file, waitMs, checkMs: nowMs + waitMs });
  }

  #wait(path: string, file: Unsettled): number {
    this.#files.set(path, file);
    return file.checkMs;
  }
}
