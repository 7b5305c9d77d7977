/** Shows how far an order for a mirror is: bars and a table for people, or events for scripts. */

import type { Clock } from "../../protocol/ports.ts";
import { SizeStatistics } from "../copy/size_statistics.ts";
import type { OrderEvents } from "../mirror/initiator.ts";
import type { FileFailure } from "../mirror/source_manager.ts";
import { sourceText } from "../mirror/source_text.ts";
import type { MirrorSource } from "../mirror/source_text.ts";
import { noProgress } from "../mirror/wire_progress.ts";
import type { SourceProgress } from "../mirror/wire_progress.ts";
import { RateMeter } from "../traffic/rate_meter.ts";
import type { TransferProgress } from "../traffic/transfer_progress.ts";
import type { ProgressBoard } from "../terminal/progress_board.ts";
import { counted } from "../text/counted.ts";
import { printable } from "../text/printable.ts";
import { formatRate, formatSize } from "../text/size.ts";
import { formatTable } from "../text/table.ts";
import { Exit } from "./exit.ts";

/** So many files that could not be mirrored are shown one by one; of the others only the number. */
const FAILURES_SHOWN_MAX = 20;

export interface MirrorTellingOptions {
  readonly json: boolean;
  readonly board: ProgressBoard;
  readonly clock: Clock;
  readonly sources: readonly MirrorSource[];
  readonly print: (line: string) => void;
  readonly warn: (line: string) => void;
}

/** A source, and what was heard of it last. */
interface ShownSource {
  readonly name: string;
  readonly meter: RateMeter;
  progress: SourceProgress;
  bar: Disposable | undefined;
}

export class MirrorTelling implements OrderEvents {
  readonly #options: MirrorTellingOptions;
  readonly #sources: readonly ShownSource[];
  readonly #startMs: number;
  #failureCount = 0;
  #hasStarted = false;

  constructor(options: MirrorTellingOptions) {
    this.#options = options;
    this.#startMs = options.clock.now();
    this.#sources = options.sources.map((source) => ({
      name: sourceText(source),
      meter: new RateMeter(options.clock),
      progress: noProgress,
      bar: undefined,
    }));
  }

  /** Whether the mirror server has taken the order. */
  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  /** Whether a source, or a file of one, could not be mirrored. */
  get hasFailures(): boolean {
    return this.#sources.some(({ progress: { state, filesFailed } }) =>
      state === "failed" || filesFailed > 0
    );
  }

  started(order: number): void {
    this.#hasStarted = true;
    if (this.#options.json) return this.#print({ event: "started", order });
    for (const source of this.#sources) {
      source.bar = this.#options.board.track(() => barOf(source));
    }
  }

  progress(index: number, progress: SourceProgress): void {
    const source = this.#sources[index]!;
    const before = source.progress;
    source.progress = progress;
    source.meter.add(Math.max(0, progress.bytesDone - before.bytesDone));
    if (progress.final) source.bar?.[Symbol.dispose]();
    if (this.#options.json) {
      return this.#print({ event: "progress", source: source.name, ...fieldsOf(progress) });
    }
    if (progress.state !== before.state) this.#tellState(source);
  }

  failed(index: number, { path, reason }: FileFailure): void {
    const { name } = this.#sources[index]!;
    if (this.#options.json) return this.#print({ event: "failed", source: name, path, reason });
    if (++this.#failureCount <= FAILURES_SHOWN_MAX) this.#warn(`${name}: ${path}: ${reason}`);
  }

  /** Shows the table of all sources, and what they are together. */
  sumUp(): void {
    for (const { bar } of this.#sources) bar?.[Symbol.dispose]();
    const seconds = (this.#options.clock.now() - this.#startMs) / 1000;
    if (!this.#options.json) {
      const more = this.#failureCount - FAILURES_SHOWN_MAX;
      if (more > 0) this.#warn(`and ${counted(more, "more file")}`);
      for (const line of summaryLines(this.#sources, seconds)) this.#options.board.log(line);
      return;
    }
    for (const { name, progress } of this.#sources) {
      this.#print({ event: "source", source: name, ...fieldsOf(progress) });
    }
    this.#print({ event: "done", ...sumsOf(this.#sources), seconds });
  }

  /** The user has stopped it before the end. Answers how the process ends. */
  stopped(): Exit {
    const line = "stopped; the same command goes on where this ended";
    if (this.#options.json) this.#print({ event: "stopped" });
    else this.#options.board.log(line);
    return new Exit(1);
  }

  #tellState({ name, progress: { state, filesDone, bytesDone, reason } }: ShownSource): void {
    if (state === "failed") return this.#warn(`${name} failed: ${reason}`);
    if (state === "waiting") {
      this.#options.board.log(`${name} waits: another order copies from it`);
    } else if (state === "watching") {
      const what = `${counted(filesDone, "file")}, ${formatSize(bytesDone)}`;
      this.#options.board.log(`${name} is up to date: ${what}`);
    }
  }

  #print(fields: Record<string, unknown>): void {
    this.#options.print(JSON.stringify(fields));
  }

  #warn(line: string): void {
    const { board, warn } = this.#options;
    board.around(() => warn(`p2pnode: ${printable(line)}`));
  }
}

function barOf({ name, meter, progress }: ShownSource): TransferProgress {
  const { state, bytesDone, byteCount, filesDone, fileCount } = progress;
  return {
    name,
    bytesDone,
    bytesTotal: byteCount,
    bytesPerSecond: meter.rate(),
    peers: 0,
    badBlocks: 0,
    note: state === "fetching" ? `${filesDone}/${counted(fileCount, "file")}` : state,
  };
}

function fieldsOf(progress: SourceProgress): Record<string, unknown> {
  const { state, fileCount, byteCount, filesDone, bytesDone, sizeVariance, reason } = progress;
  return {
    state,
    files: filesDone,
    files_total: fileCount,
    bytes: bytesDone,
    bytes_total: byteCount,
    fetched: progress.filesFetched,
    bytes_fetched: progress.bytesFetched,
    deleted: progress.filesRemoved,
    failed: progress.filesFailed,
    mean: filesDone === 0 ? 0 : bytesDone / filesDone,
    variance: sizeVariance,
    rate: rateOf(progress),
    seconds: progress.elapsedMs / 1000,
    ...(reason === "" ? {} : { reason }),
  };
}

/** Bytes that came over the network, a second. */
function rateOf({ bytesFetched, elapsedMs }: SourceProgress): number {
  return elapsedMs === 0 ? 0 : Math.round(bytesFetched / elapsedMs * 1000);
}

function sumsOf(sources: readonly ShownSource[]) {
  const sizes = new SizeStatistics();
  const sums = { fetched: 0, bytes_fetched: 0, deleted: 0, failed: 0, sources_failed: 0 };
  for (const { progress } of sources) {
    const { filesDone: count, bytesDone: bytes, sizeVariance: variance } = progress;
    sizes.addAll({ count, bytes, variance });
    sums.fetched += progress.filesFetched;
    sums.bytes_fetched += progress.bytesFetched;
    sums.deleted += progress.filesRemoved;
    sums.failed += progress.filesFailed;
    if (progress.state === "failed") sums.sources_failed++;
  }
  const { count: files, bytes, mean, variance } = sizes;
  return { files, bytes, mean, variance, ...sums };
}

/** The table, and a line about all sources together. */
function summaryLines(sources: readonly ShownSource[], seconds: number): string[] {
  const right = (title: string) => ({ title, align: "right" }) as const;
  const columns = [
    { title: "source" },
    right("files"),
    right("bytes"),
    right("fetched"),
    right("seconds"),
    right("rate"),
    { title: "failures" },
  ];
  const rows = sources.map(({ name, progress }) => [
    name,
    String(progress.filesDone),
    formatSize(progress.bytesDone),
    formatSize(progress.bytesFetched),
    (progress.elapsedMs / 1000).toFixed(2),
    formatRate(rateOf(progress)),
    failuresOf(progress),
  ]);
  const { files, bytes, mean, variance, bytes_fetched: fetched, deleted } = sumsOf(sources);
  const rate = formatRate(seconds === 0 ? 0 : fetched / seconds);
  return [
    ...formatTable(columns, rows),
    `${counted(files, "file")}, ${formatSize(bytes)} (mean ${
      formatSize(Math.round(mean))
    }, variance ${variance.toPrecision(4)} B²), ${formatSize(fetched)} fetched in ${
      seconds.toFixed(2)
    } s: ${rate}${deleted > 0 ? `, ${deleted} deleted` : ""}`,
  ];
}

function failuresOf({ state, filesFailed, reason }: SourceProgress): string {
  if (filesFailed > 0) return `${counted(filesFailed, "file")}: ${reason}`;
  if (state === "done" || state === "watching") return "none";
  return reason === "" ? "it was broken off" : reason;
}
