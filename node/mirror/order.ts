/** An order: its sources, each with its manager, side by side, and what the initiator hears of them. */

import type { Connection } from "../../protocol/connection.ts";
import { cutToSize } from "../../protocol/fields.ts";
import { REASON_SIZE_MAX } from "../../protocol/mirror_messages.ts";
import type { Clock } from "../../protocol/ports.ts";
import type { MirrorContext } from "./context.ts";
import { SourceManager } from "./source_manager.ts";
import type { FileFailure, OrderWishes } from "./source_manager.ts";
import type { MirrorSource } from "./source_text.ts";
import { progressToWire } from "./wire_progress.ts";
import type { SourceProgress } from "./wire_progress.ts";

/** How often the initiator hears of a source at most. */
const REPORT_MS = 200;
/** Failures that wait to be told; there is no end of them where nobody listens. */
const FAILURES_MAX = 10_000;

export interface OrderOptions {
  /** By which logs know it. */
  readonly number: number;
  readonly sources: readonly MirrorSource[];
  readonly wishes: OrderWishes;
  readonly context: MirrorContext;
  /** Where it is reported to, as answers to this request. */
  readonly connection: Connection;
  readonly request: number;
  /** Ends it. */
  readonly signal: AbortSignal;
}

interface Source {
  readonly manager: SourceManager;
  /** What was told last. */
  told: SourceProgress | undefined;
}

export class MirrorOrder {
  readonly #options: OrderOptions;
  readonly #sources: readonly Source[];
  readonly #failures: (FileFailure & { readonly source: number })[] = [];

  constructor(options: OrderOptions) {
    const { sources, wishes, context, signal } = options;
    this.#options = options;
    this.#sources = sources.map((source, index) => ({
      manager: new SourceManager({
        source,
        wishes,
        context,
        failed: (failure) => this.#failed(index, failure),
        signal,
      }),
      told: undefined,
    }));
  }

  /** How far the sources have come, in their order. */
  get progress(): readonly SourceProgress[] {
    return this.#sources.map(({ manager }) => manager.progress);
  }

  /** Carries it out. Never rejects. */
  async run(): Promise<void> {
    const { number, connection, request, context: { clock } } = this.#options;
    connection.send({ type: "mirrorStarted", order: number }, request);
    const done = new AbortController();
    const reporting = this.#reportUntil(done.signal, clock);
    await Promise.all(this.#sources.map(({ manager }) => manager.run()));
    done.abort();
    await reporting;
    this.#report({ isLast: true });
  }

  #failed(source: number, failure: FileFailure): void {
    if (this.#failures.length < FAILURES_MAX) this.#failures.push({ source, ...failure });
  }

  async #reportUntil(done: AbortSignal, clock: Clock): Promise<void> {
    while (!done.aborted) {
      this.#report({ isLast: false });
      await clock.sleep(REPORT_MS, done);
    }
  }

  /** Tells what is new, as far as the other side takes it. */
  #report({ isLast }: { readonly isLast: boolean }): void {
    const { connection, request } = this.#options;
    if (connection.isClosed) return;
    while (this.#failures.length > 0 && (isLast || !connection.congested)) {
      const { source, path, reason } = this.#failures.shift()!;
      const message = {
        type: "mirrorFailure",
        source,
        path,
        reason: cutToSize(reason, REASON_SIZE_MAX),
      } as const;
      connection.send(message, request);
    }
    for (const [index, source] of this.#sources.entries()) {
      if (connection.congested && !isLast) return;
      const { progress } = source.manager;
      // The end of a source comes after its failures.
      if (!isNews(progress, source.told) || progress.final && this.#failures.length > 0) continue;
      source.told = progress;
      connection.send(progressToWire(index, progress), request);
    }
  }
}

/** Whether anything has changed but the time. */
function isNews(now: SourceProgress, told: SourceProgress | undefined): boolean {
  if (told === undefined) return true;
  const keys = Object.keys(now) as (keyof SourceProgress)[];
  return keys.some((key) => key !== "elapsedMs" && now[key] !== told[key]);
}
