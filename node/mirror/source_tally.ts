/** Counts what happens at one source of an order, over all times that it is gone through. */

import type { Clock } from "../../protocol/ports.ts";
import type { CopyTally } from "../copy/tally.ts";
import { noProgress } from "./wire_progress.ts";
import type { SourceProgress } from "./wire_progress.ts";

/** What came over the network. */
interface Fetched {
  readonly filesFetched: number;
  readonly bytesFetched: number;
}

/** What adds up over all times. */
type Sums = Pick<SourceProgress, "filesFetched" | "bytesFetched" | "filesRemoved" | "elapsedMs">;

/** A time that the source is gone through. */
interface Pass {
  readonly startMs: number;
  readonly copy: CopyTally;
  readonly fetched: Fetched;
}

export class SourceTally {
  state: SourceProgress["state"] = "listing";
  readonly #clock: Clock;
  #reason = "";
  #isFinal = false;
  /** The one that is under way, or the last one. */
  #pass: Pass | undefined;
  #isRunning = false;
  /** Of the times that are over. */
  #earlier: Sums = { filesFetched: 0, bytesFetched: 0, filesRemoved: 0, elapsedMs: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Files that could not be mirrored the last time. */
  get filesFailed(): number {
    return this.#pass?.copy.failedCount ?? 0;
  }

  get progress(): SourceProgress {
    const { state, filesFailed } = this;
    const now = { ...noProgress, state, filesFailed, reason: this.#reason, final: this.#isFinal };
    if (this.#pass === undefined) return now;
    const { totals, sizes, excludedCount, excludedBytes, bytesDone } = this.#pass.copy;
    return {
      ...now,
      ...this.#sums(),
      // The tree may have grown since it was counted.
      fileCount: Math.max(totals.fileCount - excludedCount, sizes.count + filesFailed),
      byteCount: Math.max(totals.byteCount - excludedBytes, sizes.bytes),
      filesDone: sizes.count,
      bytesDone: Math.max(sizes.bytes, bytesDone - excludedBytes - this.#pass.copy.failedBytes),
      sizeVariance: sizes.variance,
    };
  }

  /** The source is gone through, until the result is disposed of. */
  begin(copy: CopyTally, fetched: Fetched): Disposable {
    this.#pass = { startMs: this.#clock.now(), copy, fetched };
    this.#isRunning = true;
    this.state = "fetching";
    this.#reason = "";
    const end = () => {
      this.#earlier = this.#sums();
      this.#isRunning = false;
    };
    return { [Symbol.dispose]: end };
  }

  /** It did not work, or not for all files. */
  fail(reason: string): void {
    this.state = "failed";
    this.#reason = reason;
  }

  /** Nothing will happen any more. */
  finish(): void {
    this.#isFinal = true;
  }

  /** Of all times until now. */
  #sums(): Sums {
    if (!this.#isRunning) return this.#earlier;
    const { filesFetched, bytesFetched, filesRemoved, elapsedMs } = this.#earlier;
    const { startMs, copy, fetched } = this.#pass!;
    return {
      filesFetched: filesFetched + fetched.filesFetched,
      bytesFetched: bytesFetched + fetched.bytesFetched,
      filesRemoved: filesRemoved + copy.deletedCount,
      elapsedMs: elapsedMs + Math.round(this.#clock.now() - startMs),
    };
  }
}
