/**
 * What a user's space does on the side: brings the files of small contents to the disk for good, and lets
 * old versions go.
 *
 * The index keeps small contents until their files are safe. By the time that is seen to, the system has
 * usually written them by itself, and many have been replaced or deleted again.
 */

import { folderOf } from "../../../protocol/path.ts";
import type { ContentId } from "../../transfer/contents.ts";
import { contentKey } from "../../transfer/contents.ts";
import type { ContentPlaces } from "./content_places.ts";
import type { UserPieces } from "./ports.ts";
import type { Serial } from "./serial.ts";
import type { SpaceOptions } from "./space_options.ts";
import type { OldVersion } from "./user_index.ts";

/** The index keeps a small content for at least so long. */
const SETTLE_AFTER_MS = 30_000;
/** It keeps no more than this, for long. */
const PENDING_BYTES_MAX = 64 * 1024 * 1024;
/** So many contents are settled together. */
const SETTLE_COUNT_MAX = 256;
/** Files with the same content that are brought to the disk. */
const COPIES_MAX = 64;
/** All paths are gone through for what has expired. */
const EXPIRY_INTERVAL_MS = 60 * 60 * 1000;

interface Pending extends ContentId {
  readonly sinceMs: number;
}

export interface UpkeepOptions extends SpaceOptions {
  readonly pieces: UserPieces;
  readonly places: ContentPlaces;
  /** Runs what changes the space. */
  readonly turns: Serial;
}

export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #pending = new Map<string, Pending>();
  #pendingBytes = 0;
  /** Paths that have more old versions than before. */
  #replaced = new Set<string>();
  #nowMs = 0;
  #expiryMs: number | undefined;
  #running = false;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  /** The index keeps these small contents, and those that are needed have their places. */
  kept(contents: readonly ContentId[]): void {
    for (const { id, size } of contents) {
      const key = contentKey({ id, size });
      this.#forget(key);
      this.#pending.set(key, { id, size, sinceMs: this.#nowMs });
      this.#pendingBytes += size;
    }
  }

  /** These paths have one more old version. */
  replaced(paths: readonly string[]): void {
    for (const path of paths) this.#replaced.add(path);
  }

  /** Lets time pass. Answers the work that is due, if any; it rejects when the index fails. */
  tick(nowMs: number): Promise<void> | undefined {
    this.#nowMs = nowMs;
    this.#expiryMs ??= nowMs + EXPIRY_INTERVAL_MS;
    if (this.#running) return undefined;
    const due = this.#due(nowMs);
    const isExpiryDue = nowMs >= this.#expiryMs;
    if (isExpiryDue) this.#expiryMs = nowMs + EXPIRY_INTERVAL_MS;
    if (due.length === 0 && this.#replaced.size === 0 && !isExpiryDue) return undefined;
    return this.#run(due, isExpiryDue);
  }

  /** Settles all that is pending. */
  async settleAll(): Promise<void> {
    const all = [...this.#pending.values()];
    for (let at = 0; at < all.length; at += SETTLE_COUNT_MAX) {
      await this.#settle(all.slice(at, at + SETTLE_COUNT_MAX));
    }
  }

  /** Lets everything go that has expired, and what lies in the trash for nothing. */
  async expireAll(): Promise<void> {
    const { pieces: { index, trash }, places, turns, keepVersions, keepMs } = this.#options;
    await turns.run(async () => {
      const beforeMs = this.#options.expiryClock.now() - keepMs;
      index.commit({ expired: index.expiredVersions({ countMax: keepVersions, beforeMs }) });
      const keys = await trash.keys();
      await trash.remove(keys.filter((key) => !places.isNeeded(key)));
    });
  }

  /** The contents that have been pending for long enough, or are too many. */
  #due(nowMs: number): Pending[] {
    const due: Pending[] = [];
    for (const pending of this.#pending.values()) {
      const isOld = nowMs - pending.sinceMs >= SETTLE_AFTER_MS;
      if (due.length === SETTLE_COUNT_MAX || !isOld && this.#pendingBytes <= PENDING_BYTES_MAX) {
        break;
      }
      due.push(pending);
    }
    return due;
  }

  async #run(due: readonly Pending[], isExpiryDue: boolean): Promise<void> {
    this.#running = true;
    try {
      if (this.#replaced.size > 0) await this.#options.turns.run(() => this.#trim());
      if (due.length > 0) await this.#settle(due);
      if (!isExpiryDue) return;
      await this.expireAll();
      // Whoever wanted the others has not come for them.
      await this.#options.pieces.stage.keepParts([]);
    } finally {
      this.#running = false;
    }
  }

  /** Lets go of the old versions of paths that have too many. */
  async #trim(): Promise<void> {
    const { pieces: { index }, keepVersions } = this.#options;
    const paths = [...this.#replaced];
    this.#replaced = new Set();
    const expired = paths.flatMap((path) => index.versionsBeyond(path, keepVersions));
    if (expired.length === 0) return;
    index.commit({ expired });
    await this.#removeUnneeded(expired);
  }

  async #removeUnneeded(versions: readonly OldVersion[]): Promise<void> {
    const { pieces: { trash }, places } = this.#options;
    const keys = new Set(versions.map(contentKey));
    await trash.remove([...keys].filter((key) => !places.isNeeded(key)));
  }

  /** A content may go into the trash meanwhile, so that is looked at last. */
  async #settle(due: readonly Pending[]): Promise<void> {
    const { pieces: { index, folder, stage }, places } = this.#options;
    const files = due.flatMap((content) => index.filesWith(content, COPIES_MAX));
    const paths = files.map(({ path }) => folder.pathOf(path));
    const folders = new Set(paths.map(folderOf));
    const trashed = due.map((content) => places.trashPathOf(content));
    const failure = await stage.makeDurable([...paths, ...folders, ...trashed]);
    // Kept for now, and tried again with the next tick.
    if (failure !== undefined) return this.#options.log(failure.error);
    // What came again meanwhile may have another file by now.
    const settled = due.filter((content) => this.#pending.get(contentKey(content)) === content);
    index.commit({ settled });
    for (const content of settled) this.#forget(contentKey(content));
  }

  #forget(key: string): void {
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    this.#pending.delete(key);
    this.#pendingBytes -= pending.size;
  }
}
