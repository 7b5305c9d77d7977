/**
 * Compares a user's folder with the index and puts right what differs: when the space is opened, and where
 * a change finds something else on the disk than the index says.
 *
 * What is new or different on the disk becomes a change by the server, unless it is what a device wanted there
 * when a crash came before the index: then it has that device's version. What is missing comes back from
 * wherever the user has the same content: it was moved or deleted by a batch of which the index has never
 * heard, and the device will say so again. The server makes no deletion of it. What cannot come back is
 * forgotten, and the index gets another id, so that the devices list everything and put it again.
 */

import type { Log } from "../../../protocol/ports.ts";
import type { ContentId } from "../../transfer/contents.ts";
import { FOLDER, sameState } from "../entry.ts";
import type { State } from "../entry.ts";
import { isDone } from "../../folder/live_folder.ts";
import type { FoundEntry } from "../../folder/live_folder.ts";
import { compareVersions, NO_VERSION } from "../version.ts";
import type { Version } from "../version.ts";
import type { ContentPlaces } from "./content_places.ts";
import { needsContent, ownVersion } from "./decision.ts";
import type { UserPieces } from "./ports.ts";
import type { IndexChanges, IndexedEntry, OldVersion, PresentEntry } from "./user_index.ts";

/** So many files are hashed before the index hears of them. */
const COMMIT_COUNT = 1000;

export interface InspectionOptions {
  readonly pieces: UserPieces;
  readonly places: ContentPlaces;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly log: Log;
}

/**
 * Puts right what differs at and below `path`, "" for everything. Answers whether anything did, stamps apart.
 * Nobody else changes the space meanwhile.
 */
export async function inspect(path: string, options: InspectionOptions): Promise<boolean> {
  return await new Inspection(options).run(path);
}

class Inspection {
  readonly #options: InspectionOptions;
  readonly #differing: FoundEntry[] = [];
  readonly #missing: string[] = [];
  #isDifferent = false;

  constructor(options: InspectionOptions) {
    this.#options = options;
  }

  async run(path: string): Promise<boolean> {
    const { folder } = this.#options.pieces;
    const { entries, skipped } = await folder.look(path);
    this.#compare(entries, this.#known(path));
    for (const { name, reason } of path === "" ? skipped : []) {
      this.#options.log(`${folder.root}: ${name} is not synced: ${reason}`);
    }
    for (let at = 0; at < this.#differing.length; at += COMMIT_COUNT) {
      await this.#adopt(this.#differing.slice(at, at + COMMIT_COUNT));
    }
    await this.#bringBack();
    return this.#isDifferent || this.#missing.length > 0;
  }

  /** What the index has at and below a path. */
  *#known(path: string): Iterable<PresentEntry> {
    const { index } = this.#options.pieces;
    if (path === "") return yield* index.present();
    const paths = [path, ...index.below(path, Number.MAX_SAFE_INTEGER)];
    for (const known of paths.map((one) => index.get(one))) {
      if (known !== undefined && known.kind !== "absent") yield known;
    }
  }

  #compare(entries: readonly FoundEntry[], known: Iterable<PresentEntry>): void {
    const found = new Map(entries.map((entry) => [entry.path, entry]));
    for (const { path, kind, stamp, executable } of known) {
      const there = found.get(path);
      if (there === undefined) {
        this.#missing.push(path);
        continue;
      }
      const isSame = there.kind === kind && there.stamp === stamp &&
        there.executable === executable;
      if (isSame) found.delete(path);
    }
    for (const entry of found.values()) this.#differing.push(entry);
  }

  /** The index learns of what it does not have, or has otherwise. */
  async #adopt(found: readonly FoundEntry[]): Promise<void> {
    const { index, folder, stage } = this.#options.pieces;
    const put: NonNullable<IndexChanges["put"]>[number][] = [];
    const stamps: NonNullable<IndexChanges["stamps"]>[number][] = [];
    const replaced: Omit<OldVersion, "number">[] = [];
    const files = found.filter(({ kind }) => kind === "file");
    for (const { path } of found.filter(({ kind }) => kind === "folder")) {
      const before = index.get(path);
      put.push({ ...FOLDER, path, version: ownVersion(before, index), stamp: "" });
      replaced.push(...this.#lost(before, FOLDER));
    }
    let at = 0;
    const local = files.map(({ path, size }) => ({ path: folder.pathOf(path), size }));
    for await (const hashed of stage.hashFiles(local)) {
      const { path, stamp, executable } = files[at++]!;
      if ("error" in hashed) {
        this.#options.log(`${folder.root}: ${path} is not synced: ${hashed.error}`);
        if (index.get(path)?.kind === "file") this.#missing.push(path);
        continue;
      }
      const before = index.get(path);
      const state: State = { kind: "file", ...hashed, executable };
      if (
        before !== undefined && !needsContent(state, before) && before.executable === executable
      ) {
        stamps.push({ path, stamp });
        continue;
      }
      const { id, size } = hashed;
      const version = this.#versionOf(path, state);
      put.push({ kind: "file", id, size, executable, path, version, stamp });
      replaced.push(...this.#lost(before, state));
    }
    index.commit({ put, stamps, replaced });
    this.#isDifferent ||= put.length > 0;
  }

  /** The version of what was found at a path. */
  #versionOf(path: string, state: State): Version {
    const { index } = this.#options.pieces;
    const before = index.get(path);
    const intended = index.intended(path);
    const isIntended = intended !== undefined && sameState(intended, state) &&
      compareVersions(intended.version, before?.version ?? NO_VERSION) === "follows";
    return isIntended ? intended.version : ownVersion(before, index);
  }

  /** A content that was at a path is an old version from now on, if it is in the trash. */
  #lost(before: IndexedEntry | undefined, now: State): Omit<OldVersion, "number">[] {
    const { places, nowMs: replacedMs } = this.#options;
    if (before?.kind !== "file" || !needsContent(before, now)) return [];
    if (places.findInTrash(before) === undefined) return [];
    const { path, id, size, executable } = before;
    return [{ path, id, size, executable, replacedMs, device: "" }];
  }

  /** Makes what is missing again, or forgets it. */
  async #bringBack(): Promise<void> {
    const { pieces: { index, folder, stage }, log } = this.#options;
    const missing = this.#missing.map((path) => index.get(path)!);
    const stamps: { readonly path: string; readonly stamp: string }[] = [];
    const dropped: string[] = [];
    for (const entry of missing.sort((a, b) => a.path < b.path ? -1 : 1)) {
      const stamp = await this.#make(entry);
      if (stamp === undefined) dropped.push(entry.path);
      else stamps.push({ path: entry.path, stamp });
    }
    if (stamps.length > 0) {
      await stage.makeDurable(stamps.map(({ path }) => folder.pathOf(path)));
      log(`${folder.root}: ${stamps.length} missing files and folders were made again`);
    }
    if (dropped.length > 0) {
      log(
        `${folder.root}: ${dropped.length} missing files are forgotten; the devices put them again`,
      );
    }
    if (missing.length > 0) index.commit({ stamps, dropped, renew: dropped.length > 0 });
  }

  /** Answers the stamp of what it made, or undefined where it could not. */
  async #make(entry: IndexedEntry): Promise<string | undefined> {
    const { folder, stage } = this.#options.pieces;
    const { path, kind, executable } = entry;
    if (kind === "folder") {
      const [outcome] = await folder.change([{ kind: "makeFolder", path }]);
      return isDone(outcome) ? "" : undefined;
    }
    const staged = await this.#copy(entry);
    if (staged === undefined) return undefined;
    const [outcome] = await folder.change([
      { kind: "place", path, staged, executable, expect: undefined },
    ]);
    if (isDone(outcome)) return outcome.stamp;
    await stage.remove([staged]);
    return undefined;
  }

  /** Copies a content from another place. Answers the local path of the copy. */
  async #copy(entry: IndexedEntry): Promise<string | undefined> {
    const { pieces: { index, stage }, places } = this.#options;
    const content: ContentId = entry;
    const files = index.filesWith(content, 2).filter(({ path }) => path !== entry.path);
    const sources = [...files, places.findInTrash(content)].filter((one) => one !== undefined);
    for (const { id, size, path, stamp } of sources) {
      const [copy] = await stage.copy([places.local({ id, size, path, stamp })], { durable: true });
      if (copy !== undefined && "staged" in copy) return copy.staged;
    }
    return undefined;
  }
}
