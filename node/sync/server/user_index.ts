/**
 * The port of a user's index on the server: what is at each path, in the order of the changes, which old
 * versions there are, and the small contents whose files may not have reached the disk yet.
 *
 * A cache, as every index here: one that is lost is made anew under another id and filled by a scan. The
 * real one is node/platform/user_index.ts; tests have one in memory.
 */

import type { ContentId } from "../../transfer/contents.ts";
import type { Entry } from "../entry.ts";
import type { ReplicaId } from "../version.ts";

/** An entry as the server knows it. */
export interface IndexedEntry extends Entry {
  /** Counts the changes of the index; no two entries have the same. */
  readonly sequence: number;
  /** Of a file: its stamp when it was hashed or stored (node/folder/live_folder.ts). "" for anything else. */
  readonly stamp: string;
}

/** What is known of a path that is not absent, as much as comparing it with the disk takes. */
export type PresentEntry = Pick<IndexedEntry, "path" | "kind" | "executable" | "stamp">;

/** A content that was at a path before. */
export interface OldVersion extends ContentId {
  readonly path: string;
  /** Counts the old versions of the path, from 1 on. */
  readonly number: number;
  readonly executable: boolean;
  /** When it was replaced or deleted: milliseconds since 1970. For display and expiry only. */
  readonly replacedMs: number;
  /** The name of the device that replaced or deleted it, "" where nobody knows. */
  readonly device: string;
}

/** Which old versions are kept. */
export interface VersionLimits {
  /** How many of a path, the newest ones. */
  readonly countMax: number;
  /** Those that were replaced earlier are not: milliseconds since 1970. */
  readonly beforeMs: number;
}

/** A small content, which the index keeps until its file is on the disk for good. */
export interface PendingContent extends ContentId {
  readonly bytes: Uint8Array;
}

/** Changes that are made together. */
export interface IndexChanges {
  /** Each gets the next sequence number, in this order. */
  readonly put?: readonly (Entry & { readonly stamp: string })[];
  /** Paths that are forgotten: not absent, but unknown. Whoever does so renews the index. */
  readonly dropped?: readonly string[];
  /** Files that have another stamp and still the same content: no change that anybody hears of. */
  readonly stamps?: readonly { readonly path: string; readonly stamp: string }[];
  /** Contents that were replaced or deleted; the index numbers them. */
  readonly replaced?: readonly Omit<OldVersion, "number">[];
  /** Old versions that are kept no longer. */
  readonly expired?: readonly Pick<OldVersion, "path" | "number">[];
  /** Small contents that need not be kept any longer: their files are on the disk for good, or are gone. */
  readonly settled?: readonly ContentId[];
  /** What was intended is done, or never will be. */
  readonly fulfilled?: boolean;
  /** Gives the index another id. */
  readonly renew?: boolean;
}

/**
 * Every method throws `Cannot use PATH: reason` where the index fails; whoever used it closes it then, and
 * opens it anew.
 */
export interface UserIndex extends Disposable {
  /** 16 random bytes. Sequence numbers count within the index of this id. */
  readonly id: Uint8Array;
  /** Under this name the server counts its own changes. */
  readonly replica: ReplicaId;
  /** The sequence number of the last change, 0 before the first. */
  readonly sequence: number;

  /** What is known of a path. */
  get(path: string): IndexedEntry | undefined;
  /** What a look at the folder must find, in any order. The index must not change meanwhile. */
  present(): Iterable<PresentEntry>;
  /** Paths below a folder that are not absent, in the order of paths. */
  below(folder: string, countMax: number): string[];
  /** Entries that changed after this sequence number, in the order of their changes. */
  after(sequence: number, countMax: number): IndexedEntry[];
  /** Files with this content. */
  filesWith(content: ContentId, countMax: number): IndexedEntry[];

  /** The old versions of a path, the newest first. */
  versionsOf(path: string, countMax: number): OldVersion[];
  /** Whether an old version, of whatever path, has this content. */
  hasVersionWith(content: ContentId): boolean;
  /** The old versions that are to go, of all paths. */
  expiredVersions(limits: VersionLimits): OldVersion[];
  /** The old versions of a path that come after the newest `countMax`. */
  versionsBeyond(path: string, countMax: number): OldVersion[];

  /** Keeps copies of small contents, which the next commit makes durable. */
  keep(contents: readonly PendingContent[]): void;
  /** The small contents that are kept, one after the other. */
  pending(): Iterable<PendingContent>;

  /**
   * Notes entries of files before the folder is changed to them, so that a file that is there without an entry
   * after a crash is known for what it is. A power failure may take these notes.
   */
  intend(entries: readonly Entry[]): void;
  /** The entry that was intended for a path. */
  intended(path: string): Entry | undefined;

  /** Makes all of the changes or none. They are on the disk for good when this returns. */
  commit(changes: IndexChanges): void;
}
