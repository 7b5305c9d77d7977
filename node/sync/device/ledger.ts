/**
 * The index together with the work that follows from it: whoever saves a row here has it sorted into what
 * must go up to the server and what must come down from it.
 */

import { contentKey } from "../../transfer/contents.ts";
import type { ContentId } from "../../transfer/contents.ts";
import { ABSENT } from "../entry.ts";
import { Rank, rankOf } from "./change_order.ts";
import type { DeviceIndex, ServerPosition } from "./device_index.ts";
import { reconcile } from "./reconcile.ts";
import type { Row } from "./row.ts";
import { WorkQueue } from "./work_queue.ts";

export class Ledger {
  /** What is here and must go to the server. */
  readonly up = new WorkQueue();
  /** What the server has and must be dealt with here. */
  readonly down = new WorkQueue();
  /** Where contents were that have just been deleted here, by key: whatever has one of them now was moved. */
  readonly #departures = new Map<string, string>();
  #isIgnored: (path: string, isFolder: boolean) => boolean = () => false;

  constructor(readonly index: DeviceIndex) {}

  /** Sorts all that is not synced anew, leaving out what is ignored. */
  fill(isIgnored = this.#isIgnored): void {
    this.#isIgnored = isIgnored;
    for (const queue of [this.up, this.down]) {
      for (const path of [...queue.openPaths()]) this.#sort(this.row(path));
    }
    for (const row of this.index.unsynced()) this.#sort(row);
    this.#wakeUploads();
  }

  /** Nobody works on anything any more, however the work ended; the index says what is still to be done. */
  releaseAll(): void {
    for (const queue of [this.up, this.down]) {
      for (const path of queue.busyPaths()) queue.free(path);
    }
    this.fill();
  }

  /** The row of a path; one of which nothing is known has neither side. */
  row(path: string): Row {
    return this.index.row(path) ?? { path, local: undefined, remote: undefined };
  }

  /** Whether something is going to be done about a path without anybody's help. */
  isOpen(path: string): boolean {
    return this.up.isOpen(path) || this.down.isOpen(path);
  }

  /** Whether something is below a path, as far as is known here. What is ignored does not count. */
  hasBelow(path: string): boolean {
    for (const entry of this.index.known(path)) {
      if (entry.path === path || this.#isIgnored(entry.path, entry.kind === "folder")) continue;
      return true;
    }
    return false;
  }

  save(rows: readonly Row[], position?: ServerPosition): void {
    if (rows.length === 0 && position === undefined) return;
    this.index.save(position === undefined ? { rows } : { rows, position });
    for (const row of rows) this.#sort(row);
  }

  /** Nobody works on these paths any more; what is still to be done about them waits again. */
  release(queue: WorkQueue, paths: readonly string[]): void {
    for (const path of paths) queue.free(path);
    for (const path of paths) this.#sort(this.row(path));
  }

  /** What was put off until `nowMs` waits again. */
  retry(nowMs: number): void {
    for (const queue of [this.up, this.down]) {
      for (const path of queue.takeDue(nowMs)) this.#sort(this.row(path));
    }
    this.#wakeUploads();
  }

  /** The path at which a content was that is to be deleted on the server, if the deletion still waits. */
  departure(content: ContentId): string | undefined {
    if (this.up.waitingCount(Rank.fileDeletion) === 0) this.#departures.clear();
    if (this.#departures.size === 0) return undefined;
    const key = contentKey(content);
    const path = this.#departures.get(key);
    if (path === undefined) return undefined;
    this.#departures.delete(key);
    return this.up.isWaiting(path, Rank.fileDeletion) ? path : undefined;
  }

  #sort(row: Row): void {
    const { path, local, remote } = row;
    const { kind } = reconcile(row);
    const here = local ?? ABSENT;
    const there = remote ?? ABSENT;
    const isFolder = (here.kind === "absent" ? there : here).kind === "folder";
    const isNothing = kind === "synced" || this.#isIgnored(path, isFolder);
    const isUp = !isNothing && kind === "put";
    this.up.set(path, isUp ? rankOf(there.kind, here) : undefined);
    this.down.set(path, isNothing || isUp ? undefined : rankOf(here.kind, there));
    if (here.kind !== "file") this.#wakeUploads();
    if (isUp && here.kind === "absent" && there.kind === "file") {
      this.#departures.set(contentKey(there), path);
    }
  }

  /**
   * What waits for other paths may have waited for what has just changed: a file until nothing is below its
   * path, and what is in a folder until the server has no file in the folder's place.
   */
  #wakeUploads(): void {
    if (this.up.hasWaiting) this.up.bell.ring();
  }
}
