/**
 * Copies what an order wants of one source: connects, takes of the source's list what was asked for, has it
 * fetched by the workers, and does so again where something changed meanwhile, or as long as it shall watch.
 */

import type { Connection } from "../../protocol/connection.ts";
import { RemoteError } from "../../protocol/errors.ts";
import { withSource } from "../copy/connect.ts";
import { Destination } from "../copy/destination.ts";
import { MassDeletion, TreeCopy } from "../copy/tree_copy.ts";
import type { CopyEvent } from "../copy/tree_copy.ts";
import { RateLimit } from "../traffic/rate_limit.ts";
import type { MirrorContext } from "./context.ts";
import { placeOf } from "./places.ts";
import { selectionOf } from "./selection.ts";
import { SourceContents } from "./source_contents.ts";
import { sourceText } from "./source_text.ts";
import type { MirrorSource } from "./source_text.ts";
import { SourceTally } from "./source_tally.ts";
import type { SourceProgress } from "./wire_progress.ts";

/** How often a source is gone through when files could not be had, because they changed meanwhile for one. */
const ATTEMPTS_MAX = 3;
/** What could not be had is tried again after this time. */
const RETRY_MS = 1_000;
/** Failures of one source that are told one by one. */
const FAILURES_MAX = 1_000;
/** The source answers a question for changes much sooner, whether there are any or not. */
const WATCH_TIMEOUT_MS = 60_000;

/** What an order wants of each source. */
export interface OrderWishes {
  /** What a source does not have is removed. */
  readonly remove: boolean;
  /** It is removed even if that is most of the mirror. */
  readonly confirmed: boolean;
  /** The mirror is kept up to date until the order ends. */
  readonly watch: boolean;
}

/** A file that could not be mirrored. */
export interface FileFailure {
  readonly path: string;
  readonly reason: string;
}

export interface SourceManagerOptions {
  readonly source: MirrorSource;
  readonly wishes: OrderWishes;
  readonly context: MirrorContext;
  /** Told of files that could not be mirrored. */
  readonly failed: (failure: FileFailure) => void;
  /** Ends the order. */
  readonly signal: AbortSignal;
}

export class SourceManager {
  readonly #options: SourceManagerOptions;
  readonly #tally: SourceTally;
  #failures: FileFailure[] = [];

  constructor(options: SourceManagerOptions) {
    this.#options = options;
    this.#tally = new SourceTally(options.context.clock);
  }

  /** How far it has come. */
  get progress(): SourceProgress {
    return this.#tally.progress;
  }

  /** Mirrors the source. Never rejects: what went wrong is in `progress`. */
  async run(): Promise<void> {
    const { wishes, signal } = this.#options;
    if (wishes.watch) await this.#keepUp();
    else await this.#tryAttempts();
    if (!signal.aborted) this.#tally.finish();
  }

  /** Mirrors until the order ends, however often the source fails. */
  async #keepUp(): Promise<void> {
    const { context: { clock }, signal } = this.#options;
    while (!signal.aborted) {
      await this.#tryAttempts();
      await clock.sleep(RETRY_MS, signal);
    }
  }

  /** Goes through the source, and again where files could not be had. */
  async #tryAttempts(): Promise<void> {
    const { context: { clock }, failed, signal } = this.#options;
    let error = await this.#try();
    for (let more = ATTEMPTS_MAX - 1; more > 0; more--) {
      if (error !== undefined || this.#tally.filesFailed === 0 || signal.aborted) break;
      await clock.sleep(RETRY_MS, signal);
      error = await this.#try();
    }
    for (const failure of this.#failures) failed(failure);
    if (error !== undefined) this.#tally.fail(error.message);
    else if (this.#tally.filesFailed > 0) this.#tally.fail("not all files could be mirrored");
    else this.#tally.state = "done";
  }

  /** Connects and copies. Answers why it did not work; what became of single files is counted. */
  async #try(): Promise<Error | undefined> {
    const { source: { host, port }, context, signal } = this.#options;
    const { clock } = context;
    try {
      const address = { host, port };
      const limit = new RateLimit(undefined, clock);
      await withSource(
        { ...context, address, limit, signal },
        (connection) => this.#visit(connection),
      );
      return undefined;
    } catch (error) {
      return this.#explain(error);
    }
  }

  #explain(error: unknown): Error {
    const { source } = this.#options;
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof MassDeletion) {
      return new Error(`${reason} (nothing was deleted; --yes deletes them)`);
    }
    if (reason.startsWith("Cannot ")) return new Error(reason);
    const says = error instanceof RemoteError ? "it says: " : "";
    return new Error(`Cannot mirror from ${sourceText(source)}: ${says}${reason}`);
  }

  /** Copies over one connection: once, or again after each change as long as nothing fails. */
  async #visit(connection: Connection): Promise<void> {
    const { wishes } = this.#options;
    for (;;) {
      const watch = new ChangeWatch(connection);
      await this.#pass(connection, () => wishes.watch && watch.start());
      if (!wishes.watch || this.#tally.filesFailed > 0) return;
      this.#tally.state = "watching";
      await watch.changed();
    }
  }

  /** Copies all once. */
  async #pass(connection: Connection, opened: () => void): Promise<void> {
    const { source, wishes, context, signal } = this.#options;
    const { space, shared, workers, places, strict, clock } = context;
    const place = placeOf(source);
    if (places.isTaken(place)) this.#tally.state = "waiting";
    using _place = await places.take(place);
    signal.throwIfAborted();
    if (!space.folder.isIntact()) {
      throw new Error(`Cannot write into ${space.folder.root}: it was replaced, or is not mounted`);
    }
    this.#failures = [];
    const { delayMs } = source;
    using lane = workers.openLane();
    using contents = new SourceContents({ connection, delayMs, lane, shared });
    const selects = selectionOf(source.path, { strict });
    let isFound = source.path === "";
    const copy = new TreeCopy({
      connection,
      contents,
      destination: new Destination({
        ...space,
        known: shared.known,
        stage: shared.placingStage,
        at: place,
        deletes: wishes.remove,
      }),
      clock,
      path: strict ? source.path : "",
      isExcluded: (path) => {
        const isSelected = selects(path);
        isFound ||= isSelected;
        return !isSelected;
      },
      deletion: !wishes.remove ? "none" : wishes.confirmed ? "accepted" : "guarded",
      isTrial: false,
      delayMs,
      observe: (event) => {
        if (event.kind === "opened") opened();
        else this.#note(event, selects);
      },
      arrived: () => {
        if (!isFound) throw new Error("nothing that it lists has this path");
      },
      signal,
    });
    using _pass = this.#tally.begin(copy.tally, contents);
    await copy.run();
  }

  #note(event: Exclude<CopyEvent, { kind: "opened" }>, selects: (path: string) => boolean): void {
    const { kind } = event;
    if (kind !== "failed" && kind !== "skipped" || this.#failures.length >= FAILURES_MAX) return;
    const { path, reason } = event;
    if (kind === "skipped" && !selects(path)) return;
    this.#failures.push({
      path,
      reason: kind === "skipped" ? `it was skipped: ${reason}` : reason,
    });
  }
}

/** Asks the source whether something has changed since the tree was opened. */
class ChangeWatch {
  readonly #connection: Connection;
  #answer: Promise<boolean> | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The tree was opened. */
  start(): void {
    this.#answer = this.#ask();
    // If nobody waits for it any more, the copy tells why the connection ended.
    this.#answer.catch(() => {});
  }

  /** Resolves when something has. Throws what ended the connection. */
  async changed(): Promise<void> {
    while (!await this.#answer) this.#answer = this.#ask();
  }

  async #ask(): Promise<boolean> {
    const message = { type: "watchTree" } as const;
    const { changed } = await this.#connection.request(message, "treeChanged", WATCH_TIMEOUT_MS);
    return changed;
  }
}
