/**
 * A user's space on the server while devices use it: one folder, its index and its old versions.
 *
 * Every change goes through one queue. An index that fails ends the space: its connections are closed, and
 * the next device that comes has it opened, and looked through, anew.
 */

import type { Connection } from "../../../protocol/connection.ts";
import { sameBytes } from "../../../protocol/bytes.ts";
import { ErrorCode, ProtocolError } from "../../../protocol/errors.ts";
import type { BodyOf } from "../../../protocol/messages.ts";
import { VERSION_COUNT_MAX } from "../../../protocol/sync_messages.ts";
import type { Entry } from "../entry.ts";
import type { ContentSource } from "../../transfer/contents.ts";
import type { Stage } from "../../transfer/stage.ts";
import { ComingContents } from "./coming_contents.ts";
import { ContentPlaces } from "./content_places.ts";
import { ownVersion } from "./decision.ts";
import { EntryPolls } from "./entry_polls.ts";
import { makeReady } from "./opening.ts";
import type { UserPieces } from "./ports.ts";
import type { PutOutcome } from "./put_item.ts";
import { Puts, PutterGone } from "./puts.ts";
import type { Putter } from "./puts.ts";
import { Serial } from "./serial.ts";
import type { SpaceOptions } from "./space_options.ts";
import { Upkeep } from "./upkeep.ts";

/** A restored version is put again where others change the path meanwhile. */
const RESTORE_ATTEMPTS_MAX = 8;

export interface UserSpaceOptions extends SpaceOptions {
  readonly pieces: UserPieces;
  /** Called once when the devices have to connect anew. */
  readonly onEnded: (reason: ProtocolError) => void;
}

export class UserSpace {
  readonly #options: UserSpaceOptions;
  readonly #pieces: UserPieces;
  readonly #places: ContentPlaces;
  readonly #turns = new Serial();
  readonly #puts: Puts;
  readonly #upkeep: Upkeep;
  readonly #polls: EntryPolls;
  /** The index that the devices know. */
  readonly index: Uint8Array;
  #ended = false;

  private constructor(options: UserSpaceOptions, places: ContentPlaces) {
    this.#options = options;
    this.#pieces = options.pieces;
    this.#places = places;
    this.#polls = new EntryPolls(options.pieces.index);
    this.index = options.pieces.index.id;
    const { stage } = options.pieces;
    const coming = new ComingContents({ stage, listeners: () => this.#polls.waiting });
    const parts = { ...options, places, turns: this.#turns };
    this.#upkeep = new Upkeep(parts);
    this.#puts = new Puts({
      ...parts,
      onGrown: (content, from) => coming.grown(content, from),
      onApplied: (replaced) => {
        this.#upkeep.replaced(replaced);
        this.#applied();
      },
      onKept: (contents) => this.#upkeep.kept(contents),
    });
  }

  /** Makes the space ready. Throws, with the pieces closed, where that fails. */
  static async open(options: UserSpaceOptions): Promise<UserSpace> {
    const { pieces } = options;
    try {
      const places = new ContentPlaces(pieces);
      const kept = await makeReady({ ...options, places });
      const space = new UserSpace(options, places);
      space.#upkeep.kept(kept);
      await space.#upkeep.expireAll();
      return space;
    } catch (reason) {
      await pieces.close();
      throw reason;
    }
  }

  /** The sequence number of the last change. */
  get sequence(): number {
    return this.#pieces.index.sequence;
  }

  /** The contents that the user's devices may have. */
  get source(): ContentSource {
    return this.#places;
  }

  get stage(): Stage {
    return this.#pieces.stage;
  }

  /** The local path of what a `LocatedContent` names. */
  pathOf = (path: string): string => this.#places.pathOf(path);

  /** Answers now or later with what changed after a sequence number. Throws a `ProtocolError`. */
  ask(connection: Connection, request: number, after: number): void {
    try {
      // An index that was set back to an older state is another one.
      if (after > this.sequence) return this.#renew();
      this.#polls.ask(connection, request, after);
    } catch (reason) {
      if (!(reason instanceof ProtocolError)) this.#fail(reason);
      throw reason;
    }
  }

  /** A device asks no longer: for one of its questions, or for any. */
  forget(connection: Connection, request?: number): void {
    this.#polls.forget(connection, request);
  }

  /** Answers what became of each entry, when it is durable. Rejects when the putter is gone or the disk fails. */
  async put(putter: Putter, entries: readonly Entry[]): Promise<PutOutcome[]> {
    try {
      return await this.#puts.put(putter, entries);
    } catch (reason) {
      if (!(reason instanceof PutterGone)) this.#fail(reason);
      throw reason;
    }
  }

  /** The old versions of a path that can be restored, the newest first. */
  versionsOf(path: string): BodyOf<"versions">["versions"] {
    const { pieces: { index }, keepVersions } = this.#options;
    const versions = index.versionsOf(path, Math.min(keepVersions, VERSION_COUNT_MAX));
    return versions
      .filter((version) => this.#places.find(version) !== undefined)
      .map(({ number, id, size, executable, replacedMs, device }) => (
        { number, id, size, executable, replacedMs, device }
      ));
  }

  /** Makes an old version the current one. Answers why it cannot be done, if so. */
  async restore(
    putter: Putter,
    path: string,
    number: number,
  ): Promise<{ readonly code: ErrorCode; readonly reason: string } | undefined> {
    const version = this.#pieces.index.versionsOf(path, VERSION_COUNT_MAX)
      .find((one) => one.number === number);
    const gone = { code: ErrorCode.absent, reason: "there is no such version (any more)" };
    if (version === undefined) return gone;
    const { id, size, executable } = version;
    for (let attempt = 0; attempt < RESTORE_ATTEMPTS_MAX; attempt++) {
      const { index } = this.#pieces;
      const state = { kind: "file", id, size, executable } as const;
      const entry = { path, ...state, version: ownVersion(index.get(path), index) };
      const [outcome] = await this.put({ ...putter, fetcher: undefined }, [entry]);
      if (outcome?.outcome === "stored") return undefined;
      if (outcome?.outcome === "absent") return gone;
      if (outcome?.outcome === "refused") return { code: ErrorCode.failed, reason: outcome.reason };
    }
    return { code: ErrorCode.failed, reason: "it keeps changing (try again)" };
  }

  /** Lets time pass. */
  tick(nowMs: number): void {
    try {
      this.#polls.tick(nowMs);
      this.#upkeep.tick(nowMs)?.catch((reason) => this.#fail(reason));
    } catch (reason) {
      this.#fail(reason);
    }
  }

  /** Ends what is on its way and closes everything. Its devices must be gone. */
  async close(): Promise<void> {
    this.#ended = true;
    await this.#puts.idle();
    await this.#turns.idle();
    try {
      await this.#upkeep.settleAll();
    } catch (reason) {
      this.#options.log(textOf(reason));
    } finally {
      await this.#pieces.close();
    }
  }

  /** The devices hear of changes, or have to come again where the index is another one. */
  #applied(): void {
    if (sameBytes(this.index, this.#pieces.index.id)) return this.#polls.wake();
    this.#end("Cannot go on: the server's index was made anew (connect again)");
  }

  #renew(): void {
    this.#pieces.index.commit({ renew: true });
    this.#applied();
  }

  #fail(reason: unknown): void {
    this.#options.log(textOf(reason));
    this.#end("Cannot go on: the server's disk failed (see its log)");
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.onEnded(new ProtocolError(ErrorCode.failed, reason));
  }
}

function textOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
