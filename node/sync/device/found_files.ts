/**
 * From files that a look found new or different to states that the server hears of: waits until a file
 * holds still, hashes it, and saves what it is now. One that was only touched is no change.
 */

import { isAtOrBelowAny } from "../../../protocol/path.ts";
import type { Clock } from "../../../protocol/ports.ts";
import type { DiskFailure } from "../../store/disk.ts";
import { SMALL_SIZE_MAX } from "../../../protocol/content_messages.ts";
import type { ContentId } from "../../transfer/contents.ts";
import type { Stage } from "../../transfer/stage.ts";
import { FOLDER, sameState } from "../entry.ts";
import type { State } from "../entry.ts";
import type { FoundEntry, LiveFolder } from "../../folder/live_folder.ts";
import type { Ledger } from "./ledger.ts";
import { isLeftOver } from "./leftover.ts";
import { changedRow } from "./next_version.ts";
import type { Look, OwnChanges } from "./own_changes.ts";
import type { Row } from "./row.ts";
import { SNAPSHOT_STAMP } from "./snapshots.ts";
import type { Snapshots } from "./snapshots.ts";
import { UnsettledFiles } from "./unsettled_files.ts";

/** So many states are saved at once; the server can be told of them while the next ones are hashed. */
const BATCH_COUNT = 256;
/** Larger files are hashed beside everything else. */
const LARGE_SIZE_MIN = 64 * SMALL_SIZE_MAX;
/** A file that never holds still is copied, at most for this part of the time. */
const COPY_SHARE = 1 / 10;

export interface FoundFilesOptions {
  readonly folder: LiveFolder;
  readonly stage: Stage;
  readonly ledger: Ledger;
  readonly snapshots: Snapshots;
  readonly own: OwnChanges;
  readonly clock: Clock;
  /** A file that never holds still is hashed after this long. */
  readonly settleMaxMs: number;
  /** Asks for another look at a path. */
  readonly lookAgain: (path: string, atMs: number) => void;
  /** A file cannot be read. */
  readonly unreadable: (path: string, reason: string) => void;
  /** The deletion that makes a found content a moved one, if there is one. */
  readonly movedFrom: (content: ContentId, isLeftOut: (path: string) => boolean) => Row | undefined;
  /** What is done beside the looks failed for good. */
  readonly failed: (reason: unknown) => void;
}

export class FoundFiles {
  readonly #options: FoundFilesOptions;
  readonly #unsettled: UnsettledFiles;
  /** Large files that are being hashed. */
  readonly #hashing = new Set<string>();
  /** Files that never hold still, and of which a copy is being made. */
  readonly #copying = new Set<string>();

  constructor(options: FoundFilesOptions) {
    this.#options = options;
    this.#unsettled = new UnsettledFiles(options.settleMaxMs);
  }

  /** Whether no file waits to hold still or to be hashed. */
  get isSettled(): boolean {
    return this.#unsettled.count + this.#hashing.size + this.#copying.size === 0;
  }

  /** Whether a file that may be the new place of a missing one is not hashed yet. */
  isUncertain(nowMs: number): boolean {
    if (this.#hashing.size > 0) return true;
    return [...this.#unsettled.paths()].some((path) => this.#unsettled.isPromising(path, nowMs));
  }

  isPending(path: string): boolean {
    return this.#unsettled.has(path) || this.#isAtWork(path);
  }

  *paths(): Generator<string> {
    yield* this.#unsettled.paths();
    yield* this.#hashing;
    yield* this.#copying;
  }

  #isAtWork(path: string): boolean {
    return this.#hashing.has(path) || this.#copying.has(path);
  }

  /** Of the files that a look at `tops` did not find to be changed nothing is waited for. */
  forgetOthers(changed: readonly FoundEntry[], tops: readonly string[]): void {
    if (this.#unsettled.count === 0) return;
    const found = new Set(changed.map(({ path }) => path));
    const seen = new Set(tops);
    for (const path of [...this.#unsettled.paths()]) {
      const wasLookedAt = isAtOrBelowAny(path, seen);
      if (wasLookedAt && !found.has(path)) this.#unsettled.settled(path);
    }
  }

  /** Takes what a look found. Resolves when all but large files are saved. Throws the signal's reason. */
  async take(found: readonly FoundEntry[], look: Look, signal: AbortSignal): Promise<void> {
    const { ledger, clock, lookAgain } = this.#options;
    const folders = found.filter((entry) =>
      entry.kind === "folder" && this.#isSynced(entry, found)
    );
    for (const batch of batchesOf(folders)) {
      ledger.save(batch.map(({ path }) => this.#changed(path, { state: FOLDER, stamp: "" })));
    }
    const small: FoundEntry[] = [];
    for (const entry of found) {
      if (entry.kind === "folder" || this.#isAtWork(entry.path)) continue;
      const sizeBefore = ledger.row(entry.path).local?.size ?? 0;
      const verdict = this.#unsettled.check(entry, { nowMs: clock.now(), sizeBefore });
      if (verdict !== "ready") lookAgain(entry.path, verdict);
      else if (entry.size < LARGE_SIZE_MIN) small.push(entry);
      else void this.#takeLarge(entry, signal);
    }
    await this.#hash(small, look, signal);
  }

  /** A folder that was left over is none of the synced ones before something synced is in it. */
  #isSynced({ path }: FoundEntry, found: readonly FoundEntry[]): boolean {
    const { ledger } = this.#options;
    if (!isLeftOver(ledger.row(path).local)) return true;
    const prefix = `${path}/`;
    return found.some((other) => other.path.startsWith(prefix)) ||
      !ledger.index.known(path)[Symbol.iterator]().next().done;
  }

  async #takeLarge(entry: FoundEntry, signal: AbortSignal): Promise<void> {
    const { own, failed, lookAgain, clock } = this.#options;
    this.#hashing.add(entry.path);
    try {
      using look = own.watch();
      await this.#hash([entry], look, signal);
    } catch (reason) {
      if (!signal.aborted) failed(reason);
    } finally {
      this.#hashing.delete(entry.path);
      // Hints that came meanwhile found the path taken.
      lookAgain(entry.path, clock.now());
    }
  }

  async #hash(files: readonly FoundEntry[], look: Look, signal: AbortSignal): Promise<void> {
    if (files.length === 0) return;
    const { folder, stage } = this.#options;
    const local = files.map(({ path, size }) => ({ path: folder.pathOf(path), size }));
    let batch: Hashed[] = [];
    let position = 0;
    for await (const result of stage.hashFiles(local, signal)) {
      const found = files[position++]!;
      if ("error" in result) this.#failed(found, result, signal);
      else batch.push({ found, content: result });
      if (batch.length < BATCH_COUNT) continue;
      this.#save(batch, look);
      batch = [];
    }
    this.#save(batch, look);
  }

  #save(batch: readonly Hashed[], { touched }: Look): void {
    const { ledger, movedFrom, lookAgain, clock } = this.#options;
    const rows: Row[] = [];
    for (const { found, content } of batch) {
      const { path, stamp, executable } = found;
      this.#unsettled.settled(path);
      if (touched.has(path)) {
        lookAgain(path, clock.now());
        continue;
      }
      const { id, size } = content;
      rows.push(this.#changed(path, { state: { kind: "file", id, size, executable }, stamp }));
      const deletion = movedFrom(content, (from) => from === path || touched.has(from));
      if (deletion !== undefined) rows.push(deletion);
    }
    ledger.save(rows);
  }

  #changed(path: string, { state, stamp }: { state: State; stamp: string }): Row {
    const { ledger } = this.#options;
    const row = ledger.row(path);
    const { local } = row;
    if (local !== undefined && sameState(local, state)) {
      return { ...row, local: { ...local, stamp } };
    }
    return changedRow(row, { state, stamp, index: ledger.index });
  }

  #failed(found: FoundEntry, { error, code }: DiskFailure, signal: AbortSignal): void {
    const { lookAgain, unreadable, clock } = this.#options;
    const nowMs = clock.now();
    if (code === "changed" && this.#unsettled.isOverdue(found.path, nowMs)) {
      void this.#copy(found, signal);
    } else if (code === "changed" || code === "missing" || code === "not-regular") {
      lookAgain(found.path, this.#unsettled.changed(found, nowMs));
    } else {
      this.#unsettled.settled(found.path);
      unreadable(found.path, error);
    }
  }

  /** Sends what a file holds now from a copy, once what was sent of it before was stored. */
  async #copy(found: FoundEntry, signal: AbortSignal): Promise<void> {
    const { folder, snapshots, ledger, own, clock, lookAgain, unreadable, failed } = this.#options;
    const { path, size, executable } = found;
    if (ledger.up.has(path)) return lookAgain(path, this.#unsettled.changed(found, clock.now()));
    const startMs = clock.now();
    this.#copying.add(path);
    try {
      using look = own.watch();
      const content = await snapshots.take(path, { path: folder.pathOf(path), size }, signal);
      if ("error" in content) {
        if (content.code !== "changed" && content.code !== "missing") {
          unreadable(path, content.error);
        }
      } else if (!look.touched.has(path)) {
        const state: State = { kind: "file", ...content, executable };
        ledger.save([this.#changed(path, { state, stamp: SNAPSHOT_STAMP })]);
      }
    } catch (reason) {
      if (!signal.aborted) failed(reason);
    } finally {
      this.#copying.delete(path);
      const nowMs = clock.now();
      lookAgain(path, this.#unsettled.copied(found, nowMs, (nowMs - startMs) / COPY_SHARE));
    }
  }
}

interface Hashed {
  readonly found: FoundEntry;
  readonly content: ContentId;
}

function* batchesOf<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let start = 0; start < items.length; start += BATCH_COUNT) {
    yield items.slice(start, start + BATCH_COUNT);
  }
}
