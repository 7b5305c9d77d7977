/**
 * Carries out a batch of entries: changes the tree, then the index, in one transaction.
 *
 * Whoever runs it keeps all others from changing the same space. Contents that came from the device are
 * staged already; those that the user has at other paths are copied. What a crash leaves between the change
 * of the tree and that of the index is put right when the space is opened (inspection.ts), with the versions
 * that the index knows as intended.
 */

import { SMALL_SIZE_MAX } from "../../../protocol/content_messages.ts";
import { folderOf } from "../../../protocol/path.ts";
import { contentKey } from "../../transfer/contents.ts";
import type { LocatedContent } from "../../transfer/contents.ts";
import { FOLDER } from "../entry.ts";
import type { Entry } from "../entry.ts";
import { isDone } from "../../folder/live_folder.ts";
import type { ChangeOutcome } from "../../folder/live_folder.ts";
import type { ContentPlaces } from "./content_places.ts";
import { decide, needsContent, ownVersion } from "./decision.ts";
import type { Accepted, Decided } from "./decision.ts";
import type { UserPieces } from "./ports.ts";
import { refused, STALE, STORED } from "./put_item.ts";
import type { PutItem } from "./put_item.ts";
import { findMoves, inTellingOrder, planTree } from "./tree_plan.ts";
import type { Step } from "./tree_plan.ts";

export interface ApplicationOptions {
  readonly pieces: UserPieces;
  readonly places: ContentPlaces;
  /** Whether replaced and deleted contents are kept. */
  readonly keepsVersions: boolean;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** The name of the device that makes the changes. */
  readonly device: string;
  /** Local paths of staged contents by key. Those that are used are taken out. */
  readonly staged: Map<string, string>;
}

/** What there is to know afterwards. */
export interface Applied {
  /** Paths at which the disk is not as the index says. */
  readonly unexpected: readonly string[];
  /** Paths that have one more old version. */
  readonly replaced: readonly string[];
}

export class Application {
  readonly #options: ApplicationOptions;
  /** Local paths of the contents that were found, each for one entry. */
  readonly #staged = new Map<Accepted, string>();
  /** Those of them that came from the device; small ones are kept by the index. */
  readonly #fetched = new Set<Accepted>();
  readonly #spare: string[] = [];
  readonly #stamps = new Map<string, string>();
  /** What is not done, or not yet. */
  readonly #left = new Set<Accepted>();
  readonly #unexpected: string[] = [];
  /** Folders of the server's own. */
  readonly #own = new Map<string, Entry>();

  constructor(options: ApplicationOptions) {
    this.#options = options;
  }

  /**
   * Gives an outcome to each item that has none yet, except where its content is not here, or what is on
   * the disk is not what the index says. Throws what the index throws; the tree has changed then.
   */
  async run(items: readonly PutItem[]): Promise<Applied> {
    const { pieces, places, keepsVersions } = this.#options;
    const decided = decide(items, pieces);
    for (const folder of decided.own.values()) this.#own.set(folder.path, folder);
    const moves = findMoves(decided.accepted);
    await this.#stageContents(decided, moves);
    const steps = planTree({ decided, moves, staged: this.#staged, places, keepsVersions });
    const entries = steps.flatMap(({ accepted }) => accepted === undefined ? [] : [accepted.entry]);
    pieces.index.intend(entries.filter(({ kind }) => kind === "file"));
    const outcomes = await pieces.folder.change(steps.map(({ change }) => change));
    for (const [at, step] of steps.entries()) this.#settle(step, outcomes[at]!);
    await this.#makeDurable(steps);
    if (this.#spare.length > 0) await pieces.stage.remove(this.#spare);
    const done = [...decided.accepted.values()].filter((one) => !this.#left.has(one));
    const replaced = this.#commit(done, moves);
    for (const { item } of done) item.outcome = STORED;
    return { unexpected: this.#unexpected, replaced };
  }

  /** Takes the contents that came from the device, and finds those that the user has elsewhere. */
  async #stageContents(
    { accepted }: Decided,
    moves: ReadonlyMap<Accepted, Accepted>,
  ): Promise<void> {
    const { places, staged } = this.#options;
    const copies = new Map<Accepted, LocatedContent>();
    for (const one of accepted.values()) {
      if (!needsContent(one.entry, one.before) || moves.has(one)) continue;
      const key = contentKey(one.entry);
      const path = staged.get(key);
      const located = path === undefined ? places.find(one.entry) : undefined;
      if (path !== undefined) {
        staged.delete(key);
        this.#staged.set(one, path);
        this.#fetched.add(one);
      } else if (located !== undefined) {
        copies.set(one, located);
      } else {
        this.#left.add(one);
      }
    }
    if (copies.size > 0) await this.#copy(copies);
  }

  async #copy(copies: ReadonlyMap<Accepted, LocatedContent>): Promise<void> {
    const { pieces, places } = this.#options;
    const local = [...copies.values()].map((located) => places.local(located));
    const outcomes = await pieces.stage.copy(local, { durable: true });
    let at = 0;
    for (const [one, { path }] of copies) {
      const copy = outcomes[at++]!;
      if ("staged" in copy) {
        this.#staged.set(one, copy.staged);
        continue;
      }
      this.#left.add(one);
      if (copy.code === "changed" || copy.code === "missing") this.#unexpected.push(path);
      else one.item.outcome = refused(copy.error);
    }
  }

  /** Takes note of what became of a step. */
  #settle({ change, accepted, source }: Step, outcome: ChangeOutcome): void {
    if (isDone(outcome)) {
      this.#stamps.set(change.path, outcome.stamp);
      return;
    }
    if (source !== undefined) this.#left.add(source);
    if (accepted === undefined) {
      this.#own.delete(change.path);
      return;
    }
    this.#left.add(accepted);
    if (change.kind === "place") this.#handBack(accepted, change.staged);
    if (outcome === "not-empty") {
      // Something is in it of which the index knows nothing.
      const { entry: { path }, before } = accepted;
      const version = ownVersion(before, this.#options.pieces.index);
      this.#own.set(path, { ...FOLDER, path, version });
      accepted.item.outcome = STALE;
    } else if (outcome === "changed") {
      this.#unexpected.push(change.kind === "move" ? change.from : change.path);
    } else {
      accepted.item.outcome = refused(outcome.error);
    }
  }

  /** A content that was not used may be of use in the next attempt. */
  #handBack({ entry }: Accepted, staged: string): void {
    const key = contentKey(entry);
    if (this.#options.staged.has(key)) this.#spare.push(staged);
    else this.#options.staged.set(key, staged);
  }

  /**
   * Brings names to the disk for good. A small file that the index keeps need not be there; neither need a
   * new folder, which is made again when it is missed.
   */
  async #makeDurable(steps: readonly Step[]): Promise<void> {
    const { pieces } = this.#options;
    const folders = new Set<string>();
    for (const { change, accepted } of steps) {
      if (change.kind === "makeFolder" || change.kind === "mode") continue;
      const isKept = accepted!.entry.size <= SMALL_SIZE_MAX && this.#fetched.has(accepted!);
      if (change.kind === "place" && isKept) continue;
      folders.add(folderOf(pieces.folder.pathOf(change.path)));
      if (change.kind === "move") folders.add(folderOf(pieces.folder.pathOf(change.from)));
    }
    if (folders.size > 0) await pieces.stage.makeDurable([...folders]);
  }

  /** Answers the paths that have one more old version. */
  #commit(done: readonly Accepted[], moves: ReadonlyMap<Accepted, Accepted>): string[] {
    const { pieces: { index }, keepsVersions, nowMs: replacedMs, device } = this.#options;
    const entries = [...this.#own.values(), ...inTellingOrder(done, moves)];
    if (entries.length === 0) return [];
    const stampOf = ({ path, kind }: Entry) =>
      kind === "file" ? this.#stamps.get(path) ?? index.get(path)!.stamp : "";
    const put = entries.map((entry) => ({ ...entry, stamp: stampOf(entry) }));
    const moved = new Set(moves.values());
    const replaced = done.flatMap((one) => {
      const { entry, before } = one;
      if (!keepsVersions || before?.kind !== "file" || moved.has(one)) return [];
      if (entry.kind === "file" && !needsContent(entry, before)) return [];
      const { path, id, size, executable } = before;
      return [{ path, id, size, executable, replacedMs, device }];
    });
    index.commit({ put, replaced, fulfilled: true });
    return replaced.map(({ path }) => path);
  }
}
