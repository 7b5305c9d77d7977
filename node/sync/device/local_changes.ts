/**
 * What changes in the folder, found by looks: at the paths that hints name, at everything now and then.
 *
 * Hints only say where to look; what is found there against what the index knew says what changed. So
 * nothing is lost with a hint that does not come, and an echo of this device's own changes finds nothing.
 */

import { isAtOrBelowAny } from "../../../protocol/path.ts";
import type { Clock } from "../../../protocol/ports.ts";
import type { SkippedFile } from "../../store/folder.ts";
import type { Stage } from "../../transfer/stage.ts";
import type { HeldDeletions, SyncEvent } from "../client.ts";
import type { FolderLook, FoundEntry, Hint, LiveFolder } from "../../folder/live_folder.ts";
import { Bell } from "./bell.ts";
import { compareLook, topmost } from "./compare_look.ts";
import { Deletions } from "./deletions.ts";
import type { KnownEntry } from "./device_index.ts";
import { DueLooks } from "./due_looks.ts";
import { FoundFiles } from "./found_files.ts";
import { IGNORE_FILE, ignoreNothing, readRules } from "./ignore_rules.ts";
import type { IsIgnored } from "./ignore_rules.ts";
import type { Ledger } from "./ledger.ts";
import type { Timings } from "./options.ts";
import type { Look, OwnChanges } from "./own_changes.ts";
import type { Snapshots } from "./snapshots.ts";

/** A hint after so long without any is probably the only one. */
const QUIET_MS = 100;
/** With more hints than this at once, one look at everything is cheaper. */
const HINT_COUNT_MAX = 512;
/**
 * While the server is to be told of more paths than this, a look at everything would only hold that up, and finds what
 * was lost with hints that got lost by that very work: it waits, looks whether it still has to this often, and at most
 * so long after the last one.
 */
const BUSY_COUNT = 512;
const BUSY_CHECK_MS = 250;
const BUSY_WAIT_MAX_MS = 10_000;
/** What is put into a new folder at once may be there before the folder is watched. */
const NEW_FOLDER_PAUSE_MS = 200;
/** Looks at everything take at most this part of the time: those that hints ask for, and those without. */
const HINTED_SHARE = 1 / 10;
const RESCAN_SHARE = 1 / 20;
/** That the folder was replaced gives no hint where a file system was mounted on it, or taken off. */
const INTACT_CHECK_MS = 1_000;
/** A watcher that fails is tried again after this long. */
const WATCH_RETRY_MS = 30_000;
/** Why a sleep ends early. Without a reason of our own, each would make an exception with its stack. */
const AWAKE = "awake";

export interface LocalChangesOptions {
  readonly folder: LiveFolder;
  readonly stage: Stage;
  readonly ledger: Ledger;
  readonly snapshots: Snapshots;
  readonly own: OwnChanges;
  readonly clock: Clock;
  readonly timings: Timings;
  readonly acceptDeletions: boolean;
  readonly canAsk: boolean;
  readonly observe: (event: SyncEvent) => void;
  readonly isUnheardOf: (path: string) => boolean;
}

export class LocalChanges {
  /** Rings when a look has ended. */
  readonly bell = new Bell();
  readonly #options: LocalChangesOptions;
  readonly #due = new DueLooks();
  readonly #deletions: Deletions;
  readonly #found: FoundFiles;
  #skipped = new Map<string, string>();
  #isIgnored: IsIgnored = ignoreNothing;
  #isComplete = false;
  #isLooking = false;
  /** Whether something may have changed anywhere. */
  #isWholeWanted = false;
  /** When the last hint came. */
  #hintedMs = -Infinity;
  /** When the last look at everything was over, and how long it took without what was done about it. */
  #wholeEndMs = -Infinity;
  #wholeMs = 0;
  /** When it was last made sure that the folder is the one that it was. */
  #intactMs = -Infinity;
  readonly #wake = new Bell();
  #failure: { readonly reason: unknown } | undefined;

  constructor(options: LocalChangesOptions) {
    this.#options = options;
    const { ledger, timings, acceptDeletions: acceptAll, isUnheardOf } = options;
    this.#deletions = new Deletions({
      ledger,
      settleMs: timings.deletionSettleMs,
      acceptAll,
      held: (deletions) => this.#hold(deletions),
      found: () => options.observe({ kind: "trouble", reason: "what was missing is there again" }),
      isUnheardOf,
    });
    this.#found = new FoundFiles({
      ...options,
      settleMaxMs: timings.settleMaxMs,
      lookAgain: (path, atMs) => this.#lookAt(path, atMs),
      unreadable: (path, reason) => this.#skip({ name: path, reason }),
      movedFrom: (content, isLeftOut) => this.#deletions.movedFrom(content, isLeftOut),
      failed: (reason) => this.#fail(reason),
    });
  }

  /** Whether everything was looked at once, so that the index knows what is in the folder. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Whether all that is known of was looked at, and nothing is open about it. Held deletions are. */
  get isSettled(): boolean {
    return this.pending().next().done === true;
  }

  get held(): HeldDeletions | undefined {
    return this.#deletions.held;
  }

  get isIgnored(): IsIgnored {
    return this.#isIgnored;
  }

  skipped(): SkippedFile[] {
    return [...this.#skipped].map(([name, reason]) => ({ name, reason }));
  }

  /** Paths about which something is open; "" stands for all of them. */
  *pending(): Generator<string> {
    if (this.isPending("")) yield "";
    for (const path of this.#due.paths()) if (path !== "") yield path;
    yield* this.undecided();
  }

  /** Paths at which a look found a difference of which it is not known yet what it comes to. */
  *undecided(): Generator<string> {
    yield* this.#found.paths();
    yield* this.#deletions.paths();
  }

  /** Whether something may have changed anywhere, to be found by a look at everything that comes soon. */
  get #lacksHints(): boolean {
    return this.#isWholeWanted || this.#options.folder.isWatchPaused;
  }

  isPending(path: string): boolean {
    if (this.#isLooking || !this.#isComplete || this.#found.isPending(path)) return true;
    // There is always another look at everything some time later.
    if (path === "") return this.#lacksHints;
    return this.#due.dueMs(path) !== undefined || this.#deletions.isMissing(path);
  }

  /** Something may have changed at or below these paths. */
  hint(paths: Hint): void {
    const { folder, clock, timings } = this.#options;
    const nowMs = clock.now();
    // Somebody waits for a single change; where more come, it is cheaper to look at them together.
    const isSingle = nowMs - this.#hintedMs > QUIET_MS;
    this.#hintedMs = nowMs;
    const atMs = nowMs + (isSingle ? timings.settleMs / 4 : timings.settleMs);
    // Nobody says that all is in sync before it is known what happened while nobody watched.
    const restMs = folder.isWatchPaused ? 0 : this.#wholeMs * (1 / HINTED_SHARE - 1);
    for (const path of paths) {
      if (path === "") this.#lookAtAll(Math.max(atMs, this.#wholeEndMs + restMs));
      else this.#due.add(path, atMs);
    }
    this.#wake.ring();
  }

  /** Held deletions are passed on (`accept`), or what is missing comes back from the server. */
  answerDeletions(accept: boolean): void {
    const { length } = this.#deletions.answer(accept);
    if (length > 0) this.#lookAtAll(this.#options.clock.now());
  }

  /** The rules of what is ignored may have changed. */
  async readRules(): Promise<void> {
    const { folder, ledger, clock, observe } = this.#options;
    try {
      this.#isIgnored = await readRules(folder);
    } catch (error) {
      observe({ kind: "trouble", path: IGNORE_FILE, reason: (error as Error).message });
    }
    ledger.fill(this.#isIgnored);
    this.#lookAtAll(clock.now());
  }

  /**
   * Looks until `signal` is aborted. Throws what cannot be mended: the folder is not the one that it was, or
   * deletions are held back and nobody can be asked.
   */
  async run(signal: AbortSignal): Promise<void> {
    this.#wake.ringOn(signal);
    void this.#watch(signal);
    await this.readRules();
    while (!signal.aborted) {
      if (this.#failure !== undefined) throw this.#failure.reason;
      const paths = this.#waitWhileBusy(this.#due.take(this.#options.clock.now()));
      if (paths.length > 0) await this.#look(paths, signal);
      else {
        const isCheckDue = this.#options.clock.now() - this.#intactMs >= INTACT_CHECK_MS;
        if (isCheckDue) this.#requireIntact();
        await this.#sleep(signal);
      }
    }
  }

  /** The paths that are to be looked at now: without the one for everything where that waits. */
  #waitWhileBusy(paths: readonly string[]): readonly string[] {
    const { ledger, clock } = this.#options;
    const nowMs = clock.now();
    const isBusy = ledger.up.size > BUSY_COUNT && nowMs - this.#wholeEndMs < BUSY_WAIT_MAX_MS;
    if (!isBusy || !paths.includes("")) return paths;
    this.#due.add("", nowMs + BUSY_CHECK_MS);
    return paths.filter((path) => path !== "");
  }

  async #sleep(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const leftMs = Math.max(1, this.#due.nextMs - clock.now());
    const done = new AbortController();
    const sleeping = clock.sleep(Math.min(leftMs, INTACT_CHECK_MS), done.signal);
    if (!signal.aborted) await Promise.race([this.#wake.rung, sleeping]);
    done.abort(AWAKE);
  }

  async #look(paths: readonly string[], signal: AbortSignal): Promise<void> {
    const { own, clock } = this.#options;
    const isWhole = paths.includes("") || paths.length > HINT_COUNT_MAX;
    const tops = isWhole ? [""] : topmost(paths);
    const startMs = clock.now();
    this.#isLooking = true;
    if (isWhole) this.#isWholeWanted = false;
    try {
      using look = own.watch();
      const { changed, missing } = await this.#compare(tops, look, signal);
      if (isWhole) this.#wholeMs = clock.now() - startMs;
      const { gone, again } = this.#deletions.note(missing, tops, clock.now());
      for (const { path, atMs } of again) this.#lookAt(path, atMs);
      this.#found.forgetOthers(changed, tops);
      await this.#found.take(changed, look, signal);
      if (this.#mayTurnUp(isWhole)) this.#postpone(gone);
      else this.#delete(gone, look);
      if (this.#isComplete) this.#lookIntoNewFolders(changed);
      if (isWhole) this.#isComplete = true;
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#isLooking = false;
      if (isWhole) this.#planNext();
      this.bell.ring();
    }
  }

  async #compare(tops: readonly string[], look: Look, signal: AbortSignal) {
    const { folder, ledger, clock, timings } = this.#options;
    const changed: FoundEntry[] = [];
    const missing: KnownEntry[] = [];
    const isUntouched = ({ path }: KnownEntry | FoundEntry) => {
      const untouched = !look.touched.has(path);
      if (!untouched) this.#lookAt(path, clock.now() + timings.settleMs);
      return untouched;
    };
    for (const top of tops) {
      const seen = await this.#lookBelow(folder, top, signal);
      this.#noteSkipped(top, seen.skipped);
      const differences = compareLook(seen, ledger.index.known(top), {
        isIgnored: this.#isIgnored,
      });
      changed.push(...differences.changed.filter(isUntouched));
      missing.push(...differences.missing.filter(isUntouched));
    }
    const hasRules = ({ path }: { readonly path: string }) => path === IGNORE_FILE;
    if (!changed.some(hasRules) && !missing.some(hasRules)) return { changed, missing };
    await this.readRules();
    const isMeant = ({ path, kind }: KnownEntry) => !this.#isIgnored(path, kind === "folder");
    return { changed: changed.filter(isMeant), missing: missing.filter(isMeant) };
  }

  async #lookBelow(folder: LiveFolder, top: string, signal: AbortSignal): Promise<FolderLook> {
    let seen: FolderLook | undefined;
    let failure: unknown;
    try {
      seen = await folder.look(top, signal);
    } catch (error) {
      failure = error;
    }
    signal.throwIfAborted();
    this.#requireIntact();
    if (seen === undefined) throw failure;
    return seen;
  }

  #requireIntact(): void {
    const { folder, clock } = this.#options;
    this.#intactMs = clock.now();
    if (folder.isIntact()) return;
    throw new Error(
      `Cannot sync ${folder.root}: it was emptied or replaced, or is not mounted any more ` +
        "(nothing was deleted elsewhere; bring it back, or remove it and start anew)",
    );
  }

  /** Whether what is missing may be in a file that is not hashed yet, or where hints were lost. */
  #mayTurnUp(wasWhole: boolean): boolean {
    return this.#found.isUncertain(this.#options.clock.now()) || (this.#lacksHints && !wasWhole);
  }

  #postpone(gone: readonly KnownEntry[]): void {
    const { clock, timings } = this.#options;
    const atMs = clock.now() + timings.deletionSettleMs;
    for (const path of topmost(gone.map(({ path }) => path))) this.#lookAt(path, atMs);
  }

  #delete(gone: readonly KnownEntry[], { touched }: Look): void {
    const { index } = this.#options.ledger;
    // What was moved is deleted already.
    const isHere = (path: string) => (index.row(path)?.local?.kind ?? "absent") !== "absent";
    this.#deletions.commit(
      gone.filter(({ path }) => !touched.has(path) && isHere(path)),
      this.#options.clock.now(),
    );
  }

  #hold(deletions: HeldDeletions): void {
    const { canAsk, folder, observe } = this.#options;
    observe({ kind: "held", deletions });
    if (canAsk) return;
    const { count, total } = deletions;
    throw new Error(
      `Cannot sync ${folder.root}: ${count} of its ${total} files are gone ` +
        "(use --yes to delete them everywhere, or bring them back)",
    );
  }

  #lookIntoNewFolders(changed: readonly FoundEntry[]): void {
    const atMs = this.#options.clock.now() + NEW_FOLDER_PAUSE_MS;
    for (const { path, kind } of changed) if (kind === "folder") this.#due.add(path, atMs);
  }

  #planNext(): void {
    const { clock, timings } = this.#options;
    const nowMs = clock.now();
    this.#wholeEndMs = nowMs;
    this.#lookAt("", nowMs + Math.max(timings.rescanMs, this.#wholeMs / RESCAN_SHARE));
  }

  #lookAtAll(atMs: number): void {
    this.#isWholeWanted = true;
    this.#lookAt("", atMs);
  }

  #lookAt(path: string, atMs: number): void {
    this.#due.add(path, atMs);
    this.#wake.ring();
  }

  #noteSkipped(top: string, skipped: readonly SkippedFile[]): void {
    const before = this.#skipped;
    const tops = new Set([top]);
    this.#skipped = new Map(
      top === "" ? [] : [...before].filter(([name]) => !isAtOrBelowAny(name, tops)),
    );
    for (const { name, reason } of skipped) {
      if (before.get(name) === reason) this.#skipped.set(name, reason);
      else this.#skip({ name, reason });
    }
  }

  #skip({ name, reason }: SkippedFile): void {
    if (this.#skipped.get(name) === reason) return;
    this.#skipped.set(name, reason);
    this.#options.observe({ kind: "skipped", path: name, reason });
  }

  #fail(reason: unknown): void {
    this.#failure ??= { reason };
    this.#wake.ring();
  }

  /** Takes the hints of the watcher; without one, looks at everything have to do. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { folder, clock, observe } = this.#options;
    while (!signal.aborted) {
      try {
        for await (const hint of folder.watch(signal)) this.hint(hint);
      } catch (error) {
        if (signal.aborted) return;
        observe({ kind: "trouble", reason: (error as Error).message });
      }
      await clock.sleep(WATCH_RETRY_MS, signal);
    }
  }
}
