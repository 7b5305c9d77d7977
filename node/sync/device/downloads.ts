/**
 * The stream of the server's changes into the folder: makes a step of each path that is to change, fetches
 * what contents it takes, makes the changes of many paths at once and notes what became of them.
 *
 * A change is made only where the folder still is as the index knows it. Otherwise the path is looked at,
 * and what is found there takes part in the next decision: so an edit that nobody knew of is never lost.
 */

import { AnySignal } from "../../../protocol/any_signal.ts";
import { folderOf } from "../../../protocol/path.ts";
import { contentKey } from "../../transfer/contents.ts";
import type { ArrivedContent, MissingContent, WantedContent } from "../../transfer/contents.ts";
import { untilAllDone } from "../../transfer/until_all_done.ts";
import type { SyncTransfer } from "../client.ts";
import type { Entry } from "../entry.ts";
import { isDone } from "../../folder/live_folder.ts";
import type { ChangeOutcome } from "../../folder/live_folder.ts";
import { bumpVersion } from "../version.ts";
import { Rank } from "./change_order.ts";
import { downStep, moveAside } from "./down_step.ts";
import type { DownStep } from "./down_step.ts";
import { IGNORE_FILE } from "./ignore_rules.ts";
import { LEFT_OVER } from "./leftover.ts";
import type { Row } from "./row.ts";
import type { SessionContext } from "./session_context.ts";
import { keptAwayBy, twinOf } from "./twin.ts";
import type { WorkQueue } from "./work_queue.ts";

/** Paths that are taken into work at once, and changes that are made at once. */
const BATCH_COUNT = 1024;
const CHANGE_COUNT = 256;
/** Large contents that are fetched in one go, and how often there is one. */
const LARGE_COUNT = 16;
const LARGE_LANES = 2;
/** Something here was not as expected; it is looked at, and then decided anew. */
const CHANGED_RETRY_MS = 1_000;
const NO_NAME =
  "both devices changed it, and its name is too long for a copy (give it a shorter one)";

/** A step whose content, if it takes any, is staged. */
interface Ready {
  readonly step: DownStep;
  readonly staged: string;
}

export class Downloads {
  readonly #context: SessionContext;
  readonly #queue: WorkQueue;
  /** Steps that take a large content, which are done beside the others. */
  readonly #large: DownStep[] = [];
  readonly #transfers = new Map<WantedContent, SyncTransfer>();
  /** Folders that had something in them that the index does not know, when they were to be removed. */
  readonly #notEmpty = new Set<string>();

  constructor(context: SessionContext) {
    this.#context = context;
    this.#queue = context.ledger.down;
  }

  /** Large contents that are being fetched. */
  transfers(): Iterable<SyncTransfer> {
    return this.#transfers.values();
  }

  /** Brings the folder to what the server has. When it ends, the paths are the next connection's. */
  async run(signal: AbortSignal): Promise<void> {
    const { local } = this.#context;
    local.bell.ringOn(signal);
    // What is in the folder and unknown would only be in the way.
    while (!local.isComplete && !signal.aborted) await local.bell.rung;
    const failed = new AbortController();
    using any = new AnySignal([signal, failed.signal]);
    this.#queue.bell.ringOn(any.signal);
    const lanes = Array.from({ length: LARGE_LANES }, () => this.#runLarge(any.signal));
    lanes.push(this.#runSmall(any.signal));
    for (const lane of lanes) lane.catch((reason) => failed.abort(reason));
    await untilAllDone(lanes);
  }

  async #runSmall(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const paths = this.#take();
      if (paths.length === 0) await this.#queue.bell.rung;
      else await this.#apply(paths, signal);
    }
  }

  async #runLarge(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const steps = this.#large.splice(0, LARGE_COUNT);
      if (steps.length === 0) await this.#queue.bell.rung;
      else await this.#fetch(steps, signal);
    }
  }

  /** The next paths: creations before deletions, so that moved contents are still here to be found. */
  #take(): string[] {
    const queue = this.#queue;
    const created = [
      ...queue.take(Rank.folder, BATCH_COUNT).sort(),
      ...queue.take(Rank.file, BATCH_COUNT),
      ...(this.#large.length < LARGE_COUNT ? queue.take(Rank.largeFile, LARGE_COUNT) : []),
    ];
    if (created.length > 0) return created;
    const deleted = queue.take(Rank.fileDeletion, BATCH_COUNT);
    if (deleted.length > 0) return deleted;
    const folders = [...queue.waiting(Rank.folderDeletion)].sort().reverse();
    for (const path of folders) queue.takeOne(path);
    return folders.length > 0 ? folders : queue.take(Rank.fileForFolder, BATCH_COUNT);
  }

  async #apply(paths: readonly string[], signal: AbortSignal): Promise<void> {
    const { ledger, device } = this.#context;
    const now: Ready[] = [];
    const fetched: DownStep[] = [];
    const wanted = new Set<string>();
    const moved = new Set<string>();
    const again: string[] = [];
    const folderless: string[] = [];
    for (const path of paths) {
      const row = ledger.row(path);
      if (this.#isKeptAway(row)) continue;
      if (!this.#hasFolder(row, now)) {
        folderless.push(path);
        continue;
      }
      const step = downStep(row, { ledger, device });
      if (step === undefined) this.#noStep(path);
      else if (step.touched.some((other) => moved.has(other))) again.push(path);
      else if (step.want === undefined) {
        for (const other of step.touched) moved.add(other);
        now.push({ step, staged: "" });
      } else if (wanted.has(contentKey(step.want))) {
        // The same content will be here in a moment.
        again.push(path);
      } else {
        wanted.add(contentKey(step.want));
        const isLarge = this.#isLarge(row);
        if (isLarge) this.#large.push(step);
        else fetched.push(step);
      }
    }
    if (this.#large.length > 0) this.#queue.bell.ring();
    await this.#makeAll(now);
    await this.#fetch(fetched, signal);
    this.#giveBack(again);
    for (const path of folderless) this.#waitForFolder(path);
  }

  /** Nothing is to be done any more, or what is to be done cannot be. */
  #noStep(path: string): void {
    this.#giveBack([path]);
    if (this.#queue.has(path)) this.#trouble(path, NO_NAME);
  }

  /** Goes on where the way is free now; otherwise a look has to find first what is in it. */
  #waitForFolder(path: string): void {
    const { ledger, clock } = this.#context;
    const folder = folderOf(path);
    const isInTrouble = this.#queue.has(folder) && !this.#queue.isOpen(folder);
    if (ledger.row(folder).local?.kind !== "file") this.#giveBack([path]);
    else if (isInTrouble) this.#trouble(path, "its folder cannot be made: there is a file");
    else this.#putOff(path, clock.now() + CHANGED_RETRY_MS);
  }

  #isLarge({ remote }: Row): boolean {
    return remote!.size > 256 * 1024;
  }

  /**
   * Whether what is to come at a path can be there. A file in the place of its folder, which somebody made
   * here, gets another name first.
   */
  #hasFolder({ path, remote }: Row, steps: Ready[]): boolean {
    const parent = folderOf(path);
    if (parent === "" || remote?.kind === "absent") return true;
    const { ledger, device } = this.#context;
    const row = ledger.row(parent);
    if (row.local?.kind !== "file") return true;
    const isUnderWay = steps.some(({ step }) => step.path === parent);
    const step = isUnderWay ? undefined : moveAside(row, { ledger, device });
    if (step !== undefined) steps.push({ step, staged: "" });
    return false;
  }

  /** Whether the disk cannot hold what is to come beside what it has; puts it off then. */
  #isKeptAway(row: Row): boolean {
    const { folder, ledger, clock } = this.#context;
    const twin = twinOf(row, { folder, ledger });
    if (twin === undefined) return false;
    const isLeaving = ledger.row(twin).remote?.kind === "absent";
    if (isLeaving) this.#putOff(row.path, clock.now() + CHANGED_RETRY_MS);
    else this.#trouble(row.path, keptAwayBy(twin));
    return true;
  }

  /** Paths that are not done wait again, or are put off where nothing became of them. */
  #giveBack(paths: readonly string[]): void {
    const { ledger } = this.#context;
    ledger.release(this.#queue, paths);
  }

  async #fetch(steps: readonly DownStep[], signal: AbortSignal): Promise<void> {
    const { contents } = this.#context;
    if (steps.length === 0) return;
    const open = new Map(steps.map((step) => [step.want!, step]));
    let ready: Ready[] = [];
    try {
      const options = {
        signal,
        durable: false,
        progress: (want: WantedContent, bytesDone: number) =>
          this.#progress(open.get(want), bytesDone),
      };
      for await (const result of contents.fetch([...open.keys()], options)) {
        const step = open.get(result.want)!;
        this.#transfers.delete(result.want);
        open.delete(result.want);
        if (isMissing(result)) this.#missing(step, result);
        else ready.push({ step, staged: result.staged });
        if (ready.length < CHANGE_COUNT) continue;
        const full = ready;
        ready = [];
        await this.#makeAll(full);
      }
    } finally {
      await this.#makeAll(ready);
      for (const want of open.keys()) this.#transfers.delete(want);
      this.#giveBack([...open.values()].map(({ path }) => path));
    }
  }

  #progress(step: DownStep | undefined, bytesDone: number): void {
    if (step?.want === undefined) return;
    const { path, want } = step;
    this.#transfers.set(want, { path, direction: "down", bytesDone, bytesTotal: want.size });
  }

  #missing({ path }: DownStep, { reason }: MissingContent): void {
    const { clock, timings } = this.#context;
    // Content that the server does not have any more was replaced; what replaced it is on its way.
    if (reason === "absent") this.#putOff(path, clock.now() + timings.retryMs);
    else this.#trouble(path, reason.error);
  }

  async #makeAll(ready: readonly Ready[]): Promise<void> {
    for (let start = 0; start < ready.length; start += CHANGE_COUNT) {
      await this.#make(ready.slice(start, start + CHANGE_COUNT));
    }
  }

  /** Makes the changes of some steps and saves what became of them. */
  async #make(ready: readonly Ready[]): Promise<void> {
    const { folder, stage, own } = this.#context;
    const outdated = ready.filter(({ step }) => this.#queue.isOutdated(step.path));
    const current = ready.filter(({ step }) => !this.#queue.isOutdated(step.path));
    const staged = outdated.map((one) => one.staged).filter((path) => path !== "");
    if (staged.length > 0) await stage.remove(staged);
    const plans = current.map(({ step, staged }) => ({
      step,
      staged,
      changes: step.changes(staged),
    }));
    const changes = plans.flatMap((plan) => plan.changes);
    const end = own.begin(current.flatMap(({ step }) => [step.path, ...step.touched]));
    try {
      if (changes.length > 0) this.#intend(plans.map(({ step }) => step));
      const outcomes = changes.length > 0 ? await folder.change(changes) : [];
      let position = 0;
      const results = plans.map(({ step, staged, changes: { length } }) => {
        const own = outcomes.slice(position, position += length);
        return { step, staged, outcome: lastOf(own), isChange: length > 0 };
      });
      await this.#note(results);
    } finally {
      end();
    }
    this.#giveBack(outdated.map(({ step }) => step.path));
  }

  #intend(steps: readonly DownStep[]): void {
    const entries: Entry[] = [];
    for (const { path, local } of steps.flatMap((step) => step.results(""))) {
      if (local === undefined || local.kind === "absent") continue;
      const { stamp: _, ...state } = local;
      entries.push({ path, ...state });
    }
    this.#context.ledger.index.intend(entries);
  }

  async #note(results: readonly Result[]): Promise<void> {
    const { ledger, observe, local, stage } = this.#context;
    const done = results.filter(({ outcome }) => isDone(outcome));
    const rows = done.flatMap(({ step, outcome }) => step.results((outcome as Done).stamp))
      .map(({ path, local }) => ({ ...ledger.row(path), local }));
    for (const { step } of done) this.#queue.free(step.path);
    ledger.save(rows);
    for (const { step, isChange } of done) {
      const { path, copy } = step;
      if (copy !== undefined) observe({ kind: "conflict", path, copy });
      else if (isChange) this.#received(path);
      if (path === IGNORE_FILE) await local.readRules();
    }
    const failed = results.filter(({ outcome }) => !isDone(outcome));
    const staged = failed.map((result) => result.staged).filter((path) => path !== "");
    if (staged.length > 0) await stage.remove(staged);
    for (const result of failed) this.#notDone(result);
  }

  #received(path: string): void {
    const { ledger, observe } = this.#context;
    const { local } = ledger.row(path);
    if (local === undefined) return;
    const { stamp: _, ...state } = local;
    observe({ kind: "received", entry: { path, ...state } });
  }

  #notDone({ step: { path, touched }, outcome }: Result): void {
    const { clock, local } = this.#context;
    if (outcome === "changed") {
      local.hint([path, ...touched]);
      this.#putOff(path, clock.now() + CHANGED_RETRY_MS);
    } else if (outcome === "not-empty") {
      this.#keepFolder(path);
    } else if ("error" in outcome) {
      this.#trouble(path, outcome.error);
    }
  }

  /**
   * A folder that is to go has something in it. What is known here and stays makes it stay; what is still to
   * go makes it wait; what is unknown is looked for, and if it is nothing that is synced, the folder stays
   * without being one of the synced ones.
   */
  #keepFolder(path: string): void {
    const { ledger, local, clock } = this.#context;
    const below = ledger.index.known(path);
    let isKnown = false;
    for (const entry of below) {
      if (entry.path === path) continue;
      isKnown = true;
      if (!this.#queue.has(entry.path)) continue;
      return this.#putOff(path, clock.now() + CHANGED_RETRY_MS);
    }
    if (!isKnown && !this.#notEmpty.has(path)) {
      this.#notEmpty.add(path);
      local.hint([path]);
      return this.#putOff(path, clock.now() + CHANGED_RETRY_MS);
    }
    this.#notEmpty.delete(path);
    const row = ledger.row(path);
    this.#queue.free(path);
    ledger.save([isKnown || row.remote?.kind !== "absent" ? this.#touched(row) : leftOver(row)]);
  }

  /** The folder is a change of this device, so that it outlives whatever the server has. */
  #touched(row: Row): Row {
    const { replica } = this.#context.ledger.index;
    return { ...row, local: { ...row.local!, version: bumpVersion(row.local!.version, replica) } };
  }

  /** Tries again later, and tells a person why. */
  #trouble(path: string, reason: string): void {
    const { clock, timings, observe } = this.#context;
    this.#queue.putOff(path, clock.now() + timings.retryMs, reason);
    observe({ kind: "trouble", path, reason });
  }

  /** Tries again later; sooner where the row has changed since. */
  #putOff(path: string, untilMs: number): void {
    if (this.#queue.isOutdated(path)) this.#giveBack([path]);
    else this.#queue.putOff(path, untilMs);
  }
}

type Done = Extract<ChangeOutcome, { readonly done: true }>;

interface Result extends Ready {
  readonly outcome: ChangeOutcome;
  /** Whether anything was to be changed in the folder, or only noted. */
  readonly isChange: boolean;
}

/** What became of a step: the first change that was not done, or else the last one. */
function lastOf(outcomes: readonly ChangeOutcome[]): ChangeOutcome {
  return outcomes.find((outcome) => !isDone(outcome)) ?? outcomes.at(-1) ??
    { done: true, stamp: "" };
}

function isMissing(result: ArrivedContent | MissingContent): result is MissingContent {
  return "reason" in result;
}

/** The row of a folder that was deleted elsewhere and holds only what is not synced. */
function leftOver(row: Row): Row {
  return { ...row, local: { ...row.remote!, stamp: LEFT_OVER } };
}
