/**
 * Decides when a file that is being written is worth hashing: a small one at once, a large one and one that
 * has become smaller when it was the same at two looks, and any one after some seconds, however it goes on.
 */

import type { FoundEntry } from "../../folder/live_folder.ts";

/** Up to this size a file is hashed at once; to have hashed one in vain costs next to nothing. */
const SMALL_SIZE_MAX = 1024 * 1024;
/** Between the first two looks at a file. */
const WAIT_MS = 80;
const WAIT_MS_MAX = 640;
/** Who empties a file, or makes an empty one, is most often about to write to it. */
const EMPTY_WAIT_MS = 320;

interface Unsettled {
  readonly stamp: string;
  /**
   * It has no byte yet; it may be in the making by its size; it changed while it was read; or it never holds
   * still, and what it held at one moment was sent.
   */
  readonly kind: "empty" | "doubtful" | "changing" | "growing";
  /** When it was seen first. */
  readonly sinceMs: number;
  /** When it is worth another look. */
  readonly checkMs: number;
  readonly waitMs: number;
}

/** A moment, and what was known of a file until then. */
export interface Before {
  readonly nowMs: number;
  /** What the file was known to hold, in bytes; 0 where it was not known. */
  readonly sizeBefore: number;
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
  check({ path, stamp, size }: FoundEntry, { nowMs, sizeBefore }: Before): "ready" | number {
    const before = this.#files.get(path);
    const isNew = before === undefined || (before.kind === "empty" && size > 0);
    const waitMs = doubtMs(size, sizeBefore);
    if (waitMs === 0 && (isNew || before.kind === "doubtful")) return "ready";
    if (isNew) {
      const kind = size === 0 ? "empty" : "doubtful";
      return this.#wait(path, { stamp, kind, sinceMs: nowMs, checkMs: nowMs + waitMs, waitMs });
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
    return file !== undefined && file.kind !== "growing" && !this.isOverdue(path, nowMs);
  }

  /**
   * What the file held a moment ago is sent. It is not worth that again for the next `restMs`, unless it holds
   * still. Answers when to look at it again.
   */
  copied({ path, stamp }: FoundEntry, nowMs: number, restMs: number): number {
    const sinceMs = nowMs + Math.max(0, restMs - this.#settleMaxMs);
    const checkMs = nowMs + WAIT_MS;
    return this.#wait(path, { stamp, kind: "growing", sinceMs, checkMs, waitMs: WAIT_MS });
  }

  /** The file changed while it was read: answers when to look at it again. */
  changed({ path, stamp }: FoundEntry, nowMs: number): number {
    const before = this.#files.get(path) ??
      { kind: "changing", sinceMs: nowMs, checkMs: nowMs, waitMs: WAIT_MS / 4 };
    const kind = before.kind === "growing" ? "growing" : "changing";
    return this.#waitLonger(path, { ...before, kind, stamp }, nowMs);
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

/** How long the first wait is for a file that may be in the making by its size; 0 where nothing says so. */
function doubtMs(size: number, sizeBefore: number): number {
  if (size === 0) return EMPTY_WAIT_MS;
  return size > SMALL_SIZE_MAX || size < sizeBefore ? WAIT_MS : 0;
}
