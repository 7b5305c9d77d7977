/** Tells how a copy goes: as bars and a summary for people, or as events for scripts. */

import type { Clock } from "../../protocol/ports.ts";
import type { CopyTally } from "../copy/tally.ts";
import type { CopyEvent } from "../copy/tree_copy.ts";
import type { TreeEntry } from "../copy/tree_entry.ts";
import type { TransferProgress } from "../traffic/transfer_progress.ts";
import type { ProgressBoard } from "../terminal/progress_board.ts";
import { counted } from "../text/counted.ts";
import { printable } from "../text/printable.ts";
import { formatRate, formatSize } from "../text/size.ts";
import { Exit } from "./exit.ts";

/** How often progress is printed as an event. */
const EVENT_MS = 500;

export interface FetchTellingOptions {
  readonly json: boolean;
  /** Nothing is changed; what would happen is told line by line. */
  readonly isTrial: boolean;
  readonly board: ProgressBoard;
  readonly clock: Clock;
  readonly print: (line: string) => void;
  readonly warn: (line: string) => void;
}

export class FetchTelling {
  readonly #options: FetchTellingOptions;
  #tally: CopyTally | undefined;
  #isOpened = false;

  constructor(options: FetchTellingOptions) {
    this.#options = options;
  }

  /** Whether all that was wanted is here. */
  get isComplete(): boolean {
    return this.#tally?.failedCount === 0;
  }

  /** Something happened. */
  take(event: CopyEvent): void {
    if (event.kind === "opened") this.#isOpened = true;
    if (this.#options.json) return this.#print(fieldsOf(event));
    switch (event.kind) {
      case "opened":
        return;
      case "skipped":
        return this.#warn(`skipped ${event.path}: ${event.reason}`);
      case "failed":
        return this.#warn(sentenceOf(event));
      case "deleted":
        return this.#say(`would delete ${event.path}`);
      case "fetched":
        return this.#say(`would ${event.replaced ? "replace" : "fetch"} ${event.entry.path}`);
      case "made":
        return this.#say(`would ${makingOf(event.entry)}`);
    }
  }

  /** Shows how `work` goes, and what came of it in the end. */
  async during(tally: CopyTally, work: () => Promise<void>): Promise<void> {
    const { clock, board, json } = this.#options;
    this.#tally = tally;
    const startMs = clock.now();
    const ended = new AbortController();
    using _total = board.track(() => totalOf(tally));
    using _current = board.track(() => currentOf(tally));
    const telling = json ? this.#tellProgress(tally, ended.signal) : Promise.resolve();
    let isWhole = false;
    try {
      await work();
      isWhole = true;
    } finally {
      ended.abort();
      await telling;
      const seconds = (clock.now() - startMs) / 1000;
      if (this.#isOpened) this.#sumUp(tally, { seconds, isWhole });
    }
  }

  /** The user has stopped it. Answers how the process ends. */
  stopped(): Exit {
    const line = "stopped; the same command goes on where this ended";
    if (this.#options.json) this.#print({ event: "stopped" });
    else this.#options.board.log(line);
    return new Exit(1);
  }

  #sumUp(
    tally: CopyTally,
    { seconds, isWhole }: { readonly seconds: number; readonly isWhole: boolean },
  ): void {
    const { json, board, isTrial } = this.#options;
    if (json) {
      this.#print({
        event: "done",
        ...summaryFields(tally),
        seconds,
        complete: isWhole && this.isComplete,
      });
    } else board.log(summaryOf(tally, { seconds, isTrial }) + (isWhole ? "" : " (broken off)"));
  }

  async #tellProgress(tally: CopyTally, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      await clock.sleep(EVENT_MS, signal);
      if (signal.aborted) return;
      this.#print({
        event: "progress",
        files: tally.filesDone,
        files_total: tally.totals.fileCount,
        bytes: tally.bytesDone,
        bytes_total: tally.totals.byteCount,
        rate: Math.round(tally.bytesPerSecond),
        current: tally.currentFile?.path,
      });
    }
  }

  #print(fields: Record<string, unknown>): void {
    this.#options.print(JSON.stringify(fields));
  }

  /** Only a trial run tells of each path. */
  #say(line: string): void {
    if (this.#options.isTrial) this.#options.board.log(printable(line));
  }

  #warn(line: string): void {
    const { board, warn } = this.#options;
    board.around(() => warn(`p2pnode: ${printable(line)}`));
  }
}

function fieldsOf(event: CopyEvent): Record<string, unknown> {
  switch (event.kind) {
    case "opened": {
      const { fileCount, byteCount, otherCount } = event.totals;
      return { event: "opened", files: fileCount, bytes: byteCount, others: otherCount };
    }
    case "fetched": {
      const { path, size, executable } = event.entry;
      return { event: "fetched", path, bytes: size, executable, replaced: event.replaced };
    }
    case "made": {
      const { path, kind } = event.entry;
      return { event: "made", path, what: kind === "file" ? "mode" : kind };
    }
    case "deleted":
      return { event: "deleted", path: event.path };
    case "skipped":
    case "failed":
      return { event: event.kind, path: event.path, reason: event.reason };
  }
}

/** Reasons that come from the disk are sentences already. */
function sentenceOf({ path, reason }: Extract<CopyEvent, { kind: "failed" }>): string {
  return reason.startsWith("Cannot ") ? reason : `Cannot copy ${path}: ${reason}`;
}

function makingOf({ kind, path, target, executable }: TreeEntry): string {
  switch (kind) {
    case "folder":
      return `make the folder ${path}`;
    case "link":
      return `make the link ${path} to ${target}`;
    default:
      return `make ${path} ${executable ? "" : "not "}executable`;
  }
}

function totalOf(tally: CopyTally): TransferProgress {
  const { fileCount, byteCount } = tally.totals;
  return {
    name: "total",
    bytesDone: tally.bytesDone,
    bytesTotal: byteCount,
    bytesPerSecond: tally.bytesPerSecond,
    peers: 0,
    badBlocks: 0,
    note: `${Math.min(tally.filesDone, fileCount)}/${counted(fileCount, "file")}`,
  };
}

function currentOf(tally: CopyTally): TransferProgress {
  const { path = "", bytesDone = 0, bytesTotal = 0 } = tally.currentFile ?? {};
  const { bytesPerSecond } = tally;
  return { name: path, bytesDone, bytesTotal, bytesPerSecond, peers: 0, badBlocks: 0, note: "" };
}

function summaryFields(tally: CopyTally): Record<string, unknown> {
  return {
    fetched: tally.fetchedCount,
    bytes: tally.fetchedBytes,
    same: tally.sameCount,
    made: tally.madeCount,
    deleted: tally.deletedCount,
    excluded: tally.excludedCount,
    skipped: tally.skippedCount,
    failed: tally.failedCount,
  };
}

/** One line, such as `fetched 12 files (3 MiB), 10,000 the same, 1 failed in 1.20 s: 2.5 MiB/s`. */
function summaryOf(
  tally: CopyTally,
  { seconds, isTrial }: { readonly seconds: number; readonly isTrial: boolean },
): string {
  const { fetchedCount, fetchedBytes } = tally;
  const parts = [
    `${isTrial ? "would fetch" : "fetched"} ${grouped(fetchedCount)} ` +
    `${fetchedCount === 1 ? "file" : "files"} (${formatSize(fetchedBytes)})`,
    ...partsOf([
      [tally.sameCount, "the same"],
      [tally.deletedCount, isTrial ? "to delete" : "deleted"],
      [tally.excludedCount, "excluded"],
      [tally.skippedCount, "skipped"],
      [tally.failedCount, "failed"],
    ]),
  ].join(", ");
  if (isTrial) return `${parts}; nothing was changed`;
  const rate = seconds > 0 ? `: ${formatRate(fetchedBytes / seconds)}` : "";
  return `${parts} in ${seconds.toFixed(2)} s${rate}`;
}

function partsOf(counts: readonly (readonly [number, string])[]): string[] {
  return counts.filter(([count]) => count > 0).map(([count, what]) => `${grouped(count)} ${what}`);
}

/** `12,345`. */
function grouped(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");
}
