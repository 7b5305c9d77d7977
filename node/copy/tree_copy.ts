/**
 * Copies one tree from the other side of a connection to its place here.
 *
 * Three things go on side by side: entries are listed and decided about, contents are fetched, and what has come is
 * given its name. What is settled is told to the source, which keeps only the rest. What the source does not have
 * is removed last, if that is wanted, when its list is complete.
 */

import { AnySignal } from "../../protocol/any_signal.ts";
import type { Connection } from "../../protocol/connection.ts";
import type { Clock } from "../../protocol/ports.ts";
import type { DiskFailure } from "../store/disk.ts";
import { RateMeter } from "../traffic/rate_meter.ts";
import type { ContentFetcher, MissingContent } from "../transfer/contents.ts";
import type { Stage } from "../transfer/stage.ts";
import { untilAllDone } from "../transfer/until_all_done.ts";
import { ContentQueue } from "./content_queue.ts";
import type { Decision, FetchDecision, MakeDecision } from "./decision.ts";
import type { AppliedTask, Destination } from "./destination.ts";
import type { Removal } from "./leftovers.ts";
import { NewFolders } from "./new_folders.ts";
import { Placing } from "./placing.ts";
import type { IsExcluded } from "./selection.ts";
import { CopyTally } from "./tally.ts";
import type { TreeEntry, TreeTotals } from "./tree_entry.ts";
import { OPEN_ENTRIES_MAX, TreeListing } from "./tree_listing.ts";

/** Something that happens to a path. Of a trial run, what would happen. Paths are as they came, not made printable. */
export type CopyEvent =
  | { readonly kind: "opened"; readonly totals: TreeTotals }
  /** A file has arrived, as something new or in the place of something else. */
  | { readonly kind: "fetched"; readonly entry: TreeEntry; readonly replaced: boolean }
  /** A folder or a link was made, or a file's mode set. */
  | { readonly kind: "made"; readonly entry: TreeEntry; readonly replaced: boolean }
  | { readonly kind: "deleted"; readonly path: string }
  /** The source has it and cannot send it. */
  | { readonly kind: "skipped"; readonly path: string; readonly reason: string }
  | { readonly kind: "failed"; readonly path: string; readonly reason: string };

export interface TreeCopyOptions {
  readonly connection: Connection;
  readonly contents: ContentFetcher;
  readonly destination: Destination;
  /**
   * Where folders that are missing here are put together. Without it each file gets its name as soon as it can: others
   * may wait for that.
   */
  readonly stage?: Pick<Stage, "makeFolder">;
  readonly clock: Clock;
  /** A path of what the source offers, "" for all. */
  readonly path: string;
  readonly isExcluded: IsExcluded;
  /** Removes what the source does not have; a mass of it only where `accepted`. */
  readonly deletion: "none" | "guarded" | "accepted";
  /** Changes nothing, and tells what would happen. */
  readonly isTrial: boolean;
  /** The source waits so long before each file. */
  readonly delayMs?: number;
  readonly observe: (event: CopyEvent) => void;
  /** Called when all that was listed is here, before anything is removed. What it throws ends the copy. */
  readonly arrived?: () => void;
  readonly signal: AbortSignal;
}

/** Entries that wait for a folder to make way. They count as not settled for so long, and others need room beside them. */
const BLOCKED_COUNT_MAX = OPEN_ENTRIES_MAX / 2;
const CHANGED_AT_SOURCE = "it was changed at its source meanwhile (run this again)";

/** So much would be deleted that somebody has to say that it is meant. Nothing was. */
export class MassDeletion extends Error {
  override readonly name = "MassDeletion";
  constructor(readonly count: number, readonly fileCount: number) {
    super(`Cannot delete ${count} of ${fileCount} files: that is more than half of them`);
  }
}

export class TreeCopy {
  readonly tally: CopyTally;
  readonly #options: TreeCopyOptions;
  /** Aborted at the end in any case, so that nothing is left behind at the options' signal. */
  readonly #ended = new AbortController();
  readonly #signal: AbortSignal;
  readonly #queue: ContentQueue;
  readonly #placing: Placing;
  readonly #newFolders: NewFolders;
  readonly #blocked: TreeEntry[] = [];
  /** Paths that the source could not list in full. */
  readonly #unknown = new Set<string>();
  #listing: TreeListing | undefined;

  constructor(options: TreeCopyOptions) {
    const { contents, destination, stage, clock, delayMs = 0 } = options;
    this.#options = options;
    this.tally = new CopyTally(new RateMeter(clock));
    this.#signal = new AnySignal([options.signal, this.#ended.signal]).signal;
    const failed = (error: unknown) => this.#ended.abort(error);
    this.#placing = new Placing({
      destination,
      clock,
      applied: (tasks, outcomes) => {
        this.#applied(outcomes);
        this.#newFolders.applied(tasks);
      },
      failed,
    });
    this.#newFolders = new NewFolders({ stage, place: (tasks) => this.#placing.add(...tasks) });
    this.#queue = new ContentQueue({
      contents,
      signal: this.#signal,
      oneByOne: delayMs > 0,
      arrived: (decision, staged) => {
        const { path, size } = decision.entry;
        // It may take a while until it gets its name.
        this.tally.advance({ path, bytesDone: size, bytesTotal: size });
        this.#newFolders.arrived({ ...decision, staged, cameMs: clock.now() });
      },
      missing: (decision, reason) => this.#missing(decision, reason),
      progress: ({ entry: { path, size } }, bytesDone) =>
        this.tally.advance({ path, bytesDone, bytesTotal: size }),
      failed,
    });
  }

  /** Whether the source offers the tree. */
  get isOpened(): boolean {
    return this.#listing !== undefined;
  }

  /**
   * Copies the tree. What cannot be copied is told and counted.
   *
   * @throws {RemoteError} why the source does not offer the tree.
   * @throws {MassDeletion} when all has come, and so much is left over that it is kept.
   * @throws what ended the connection, or the signal's reason.
   */
  async run(): Promise<void> {
    const { destination, path } = this.#options;
    try {
      this.#signal.throwIfAborted();
      // Both sides look through their trees at the same time; what the source says about the path counts first.
      const [listing] = await untilAllDone([
        this.#open(),
        destination.look(path, this.#signal),
      ]);
      for await (const page of listing.pages()) await this.#take(page);
      await this.#done();
      this.#options.arrived?.();
      await this.#removeLeftovers();
      await this.#takeBlocked();
    } catch (error) {
      // What failed first says more than the end of the connection that follows from it.
      throw this.#signal.aborted ? this.#signal.reason : error;
    } finally {
      this.#ended.abort(new Error("the copy has ended"));
      await this.#queue.done();
      this.#newFolders.breakOff();
      await this.#placing.done();
      this.#newFolders[Symbol.dispose]();
    }
  }

  async #open(): Promise<TreeListing> {
    const { connection, path, delayMs = 0, observe } = this.#options;
    const listing = await TreeListing.open(connection, { path, delayMs });
    this.#listing = listing;
    this.tally.totals = listing.totals;
    observe({ kind: "opened", totals: listing.totals });
    return listing;
  }

  async #take(page: readonly TreeEntry[]): Promise<void> {
    const { skipped = [], excluded = [], wanted = [] } = Object.groupBy(
      page,
      (entry) => this.#classOf(entry),
    );
    for (const entry of skipped) this.#noteSkipped(entry);
    for (const entry of excluded) this.tally.excluded(entry);
    this.#settle([...skipped, ...excluded], "done");
    this.#carryOut(await this.#options.destination.decide(wanted, this.#signal));
  }

  #classOf({ path, kind }: TreeEntry): "skipped" | "excluded" | "wanted" {
    // The path of what is skipped may be anything, so no rule applies to it.
    if (kind === "skipped") return "skipped";
    return this.#options.isExcluded(path, kind === "folder") ? "excluded" : "wanted";
  }

  #noteSkipped({ path, target: reason }: TreeEntry): void {
    this.#unknown.add(path);
    this.tally.skippedCount++;
    this.#options.observe({ kind: "skipped", path, reason });
  }

  #carryOut(decisions: readonly Decision[]): void {
    const { same = [], failed = [], blocked = [], make = [], fetch = [] } = Object.groupBy(
      decisions,
      ({ kind }) => kind,
    ) as { [Kind in Decision["kind"]]?: Extract<Decision, { kind: Kind }>[] };
    for (const { entry } of same) this.tally.same(entry);
    this.#settle(same.map(({ entry }) => entry), "done");
    for (const { entry, reason } of failed) this.#fail(entry, reason);
    this.#settle(failed.map(({ entry }) => entry), "failed");
    this.#block(blocked.map(({ entry }) => entry));
    if (this.#options.isTrial) return this.#pretend([...make, ...fetch]);
    const wanted = this.#newFolders.take(decisions.filter(needsWork));
    // The source has nothing more to give for a folder that waits until what is in it is listed.
    const held = make.filter((decision) => this.#newFolders.isHeld(decision));
    this.#settle(held.map(({ entry }) => entry), "done");
    if (wanted.length > 0) this.#queue.add(wanted);
    this.#signal.throwIfAborted();
  }

  /** They are decided about again when what is left over was removed; of too many, only the first ones. */
  #block(entries: readonly TreeEntry[]): void {
    const room = BLOCKED_COUNT_MAX - this.#blocked.length;
    this.#blocked.push(...entries.slice(0, room));
    for (const entry of entries.slice(room)) {
      this.#fail(entry, "a folder is in its place (run this again)");
    }
    this.#settle(entries.slice(room), "failed");
  }

  /** Tells of tasks as if they were done. */
  #pretend(decisions: readonly (FetchDecision | MakeDecision)[]): void {
    for (const { kind, entry, found } of decisions) {
      this.#noteDone(kind, entry, found !== undefined);
    }
    this.#settle(decisions.map(({ entry }) => entry), "done");
  }

  #applied(applied: readonly AppliedTask[]): void {
    const done: TreeEntry[] = [];
    const failed: TreeEntry[] = [];
    for (const { task, failure } of applied) {
      if (!this.#newFolders.isHeld(task)) (failure === undefined ? done : failed).push(task.entry);
      if (failure === undefined) this.#noteDone(task.kind, task.entry, task.found !== undefined);
      else this.#failOnDisk(task.entry, failure);
    }
    this.#settle(done, "done");
    this.#settle(failed, "failed");
  }

  #noteDone(kind: "fetch" | "make", entry: TreeEntry, replaced: boolean): void {
    if (kind === "fetch") this.tally.fetched(entry);
    else this.tally.made(entry);
    this.#options.observe({ kind: kind === "fetch" ? "fetched" : "made", entry, replaced });
  }

  #missing(decision: FetchDecision, reason: MissingContent["reason"]): void {
    const { entry } = decision;
    this.#newFolders.missing(decision);
    if (reason === "absent") this.#fail(entry, CHANGED_AT_SOURCE);
    else this.#failOnDisk(entry, reason);
    this.#settle([entry], "failed");
  }

  #fail(entry: TreeEntry, reason: string): void {
    this.tally.failed(entry);
    this.#options.observe({ kind: "failed", path: entry.path, reason });
  }

  /** What a full disk does to one file it does to all. */
  #failOnDisk(entry: TreeEntry, { error, code }: DiskFailure): void {
    if (code === "no-space") this.#ended.abort(new Error(error));
    else this.#fail(entry, error);
  }

  #settle(entries: readonly TreeEntry[], outcome: "done" | "failed"): void {
    if (entries.length > 0) this.#listing!.settle(entries, outcome);
  }

  /** Resolves when all that was decided until now is done. */
  async #done(): Promise<void> {
    this.#newFolders.close();
    await this.#queue.done();
    await this.#placing.done();
    this.#signal.throwIfAborted();
  }

  async #removeLeftovers(): Promise<void> {
    const { deletion, destination, isExcluded, isTrial, observe } = this.#options;
    if (deletion === "none") return;
    const leftovers = destination.leftovers(isExcluded, this.#unknown);
    if (leftovers.isMass && deletion === "guarded") {
      throw new MassDeletion(leftovers.paths.length, leftovers.fileCount);
    }
    const removals: readonly Removal[] = isTrial
      ? leftovers.paths.map((path) => ({ path }))
      : await leftovers.remove();
    for (const { path, error } of removals) {
      if (error === undefined) {
        this.tally.deletedCount++;
        observe({ kind: "deleted", path });
      } else {
        this.tally.failedCount++;
        observe({ kind: "failed", path, reason: error });
      }
    }
  }

  /** Decides again about what a folder was in the way of. */
  async #takeBlocked(): Promise<void> {
    const { destination, isTrial } = this.#options;
    const entries = this.#blocked.splice(0);
    if (isTrial) {
      for (const entry of entries) {
        this.#noteDone(entry.kind === "file" ? "fetch" : "make", entry, true);
      }
      return this.#settle(entries, "done");
    }
    this.#carryOut(await destination.decideAgain(entries, this.#signal));
    for (const entry of this.#blocked) this.#fail(entry, "a folder is in its place");
    this.#settle(this.#blocked.splice(0), "failed");
    await this.#done();
  }
}

function needsWork(decision: Decision): decision is FetchDecision | MakeDecision {
  return decision.kind === "fetch" || decision.kind === "make";
}
