/**
 * Decides which entries of a batch the server takes, before anything is changed.
 *
 * An entry is taken when its version follows the server's, and when it fits to everything else: whatever is
 * present lies in folders, and a folder goes only when nothing is left in it. Where it does not fit, the
 * folder stays, as a change by the server: the device then sees two concurrent changes, as it would with
 * any other replica, and mends what it has.
 */

import { sameBytes } from "../../../protocol/bytes.ts";
import { foldersAbove, nameOf } from "../../../protocol/path.ts";
import type { LiveFolder } from "../../folder/live_folder.ts";
import { FOLDER, sameState } from "../entry.ts";
import type { Entry, State } from "../entry.ts";
import {
  bumpVersion,
  compareVersions,
  isTellable,
  mergeVersions,
  NO_ROOM_IN_VERSION,
  NO_VERSION,
} from "../version.ts";
import type { Version } from "../version.ts";
import { refused, STALE, STORED } from "./put_item.ts";
import type { PutItem, PutOutcome } from "./put_item.ts";
import type { IndexedEntry, UserIndex } from "./user_index.ts";

/** An entry that is to be what the server has at its path. */
export interface Accepted {
  readonly item: PutItem;
  /** The entry, under the version that it gets here. */
  readonly entry: Entry;
  readonly before: IndexedEntry | undefined;
}

/** What of a batch is to be carried out. */
export interface Decided {
  readonly accepted: ReadonlyMap<string, Accepted>;
  /** Folders that are there because something is in them: entries by the server itself. */
  readonly own: ReadonlyMap<string, Entry>;
}

/** Whether the server takes an entry as far as versions go: an outcome if not, its version here if so. */
export function compareAndSet(
  entry: Entry,
  before: IndexedEntry | undefined,
): PutOutcome | { readonly version: Version } {
  const { version } = entry;
  if (before === undefined) return { version };
  switch (compareVersions(version, before.version)) {
    case "follows":
      return { version };
    case "precedes":
      return STALE;
    case "equal":
      return sameState(entry, before) ? STORED : STALE;
    case "concurrent":
      return sameState(entry, before) ? { version: mergeVersions(version, before.version) } : STALE;
  }
}

/** Whether an entry needs bytes that are not at its path yet. */
export function needsContent(entry: State, before: State | undefined): boolean {
  if (entry.kind !== "file") return false;
  return before?.kind !== "file" || before.size !== entry.size || !sameBytes(before.id, entry.id);
}

/** What a decision takes into account. */
export interface DecisionContext {
  readonly index: UserIndex;
  readonly folder: Pick<LiveFolder, "twinOf">;
}

/** Decides about the items that have no outcome yet, and gives those an outcome that are not taken. */
export function decide(items: readonly PutItem[], context: DecisionContext): Decided {
  return new Decision(context).of(items);
}

class Decision {
  readonly #index: UserIndex;
  readonly #folder: DecisionContext["folder"];
  readonly #accepted = new Map<string, Accepted>();
  readonly #own = new Map<string, Entry>();
  /** Folders that are folders now and afterwards. */
  readonly #firm = new Set<string>();

  constructor({ index, folder }: DecisionContext) {
    this.#index = index;
    this.#folder = folder;
  }

  of(items: readonly PutItem[]): Decided {
    for (const item of items) if (item.outcome === undefined) this.#compare(item);
    for (const accepted of [...this.#accepted.values()]) this.#refuseTwin(accepted);
    for (const accepted of [...this.#accepted.values()]) {
      if (accepted.entry.kind !== "absent") this.#secureFolders(accepted);
    }
    const deepestFirst = [...this.#accepted.values()]
      .filter(({ entry, before }) => before?.kind === "folder" && entry.kind !== "folder")
      .sort((a, b) => a.entry.path < b.entry.path ? 1 : -1);
    for (const accepted of deepestFirst) this.#emptyFolder(accepted);
    return { accepted: this.#accepted, own: this.#own };
  }

  #compare(item: PutItem): void {
    const { entry } = item;
    const before = this.#index.get(entry.path);
    const decided = compareAndSet(entry, before);
    if ("outcome" in decided) {
      item.outcome = decided;
    } else if (!isTellable(decided.version)) {
      item.outcome = refused(NO_ROOM_IN_VERSION);
    } else {
      this.#accepted.set(entry.path, {
        item,
        entry: { ...entry, version: decided.version },
        before,
      });
    }
  }

  /** Refuses what is new and what the disk cannot hold beside what it has. */
  #refuseTwin({ item, entry, before }: Accepted): void {
    const isNew = entry.kind !== "absent" && (before?.kind ?? "absent") === "absent";
    const twin = isNew ? this.#twinOf(entry.path) : undefined;
    if (twin === undefined) return;
    const reason = `the server's disk takes it and ${twin} for the same name (rename one of them)`;
    this.#settle(item, refused(reason));
  }

  /** What stays on the disk under another spelling of a path, or of a folder on the way to it. */
  #twinOf(path: string): string | undefined {
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
      const twin = this.#folder.twinOf(path.slice(0, end));
      if (twin !== undefined && this.#accepted.get(twin)?.entry.kind !== "absent") return twin;
    }
    return undefined;
  }

  /** Sees to it that everything above an entry is a folder. */
  #secureFolders({ item, entry }: Accepted): void {
    for (const above of foldersAbove(entry.path)) {
      if (this.#firm.has(above)) continue;
      const decided = this.#accepted.get(above);
      const before = this.#index.get(above);
      const kind = decided?.entry.kind ?? before?.kind ?? "absent";
      if (kind === "file") return this.#settle(item, refused(`${nameOf(above)} is a file`));
      if (kind === "absent") {
        if (decided !== undefined) this.#settle(decided.item, STALE);
        this.#keepFolder(above, before);
      }
      this.#firm.add(above);
    }
  }

  /** A folder goes only with everything that is in it. */
  #emptyFolder({ item, entry, before }: Accepted): void {
    const { path } = entry;
    // Somebody needs it as a folder.
    if (!this.#accepted.has(path)) return;
    const left = this.#index.below(path, this.#accepted.size + 1)
      .some((below) => this.#accepted.get(below)?.entry.kind !== "absent");
    if (!left) return;
    this.#settle(item, STALE);
    this.#keepFolder(path, before);
  }

  #keepFolder(path: string, before: IndexedEntry | undefined): void {
    this.#own.set(path, { ...FOLDER, path, version: ownVersion(before, this.#index) });
  }

  #settle(item: PutItem, outcome: PutOutcome): void {
    item.outcome = outcome;
    this.#accepted.delete(item.entry.path);
  }
}

/** The version after a change by the server itself. One that has no room for it stays as it is. */
export function ownVersion(before: IndexedEntry | undefined, { replica }: UserIndex): Version {
  const version = bumpVersion(before?.version ?? NO_VERSION, replica);
  return isTellable(version) ? version : before!.version;
}
