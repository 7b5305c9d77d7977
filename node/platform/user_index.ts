/** The index of a user's space in an SQLite database. */

import { toHex } from "../../protocol/bytes.ts";
import { nameProblem } from "../../protocol/path.ts";
import type { Log } from "../../protocol/ports.ts";
import type { Entry, Kind } from "../sync/entry.ts";
import type { ReplicaId } from "../sync/version.ts";
import type {
  IndexChanges,
  IndexedEntry,
  OldVersion,
  PendingContent,
  PresentEntry,
  UserIndex,
  VersionLimits,
} from "../sync/server/user_index.ts";
import type { ContentId } from "../transfer/contents.ts";
import { DamagedDatabase } from "./database_file.ts";
import { IndexDatabase } from "./index_database.ts";
import { RecentEntries } from "./recent_entries.ts";

const ID_SIZE = 16;
const REPLICA_SIZE = 8;

/**
 * A changed entry is a new row at the end, so that the changes after a sequence number lie together. What
 * is never asked for by its content has no place in the index by content.
 */
const SCHEMA = `
  CREATE TABLE identity (id BLOB NOT NULL, replica TEXT NOT NULL);
  CREATE TABLE entry (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE,
    kind INTEGER NOT NULL,
    id BLOB NOT NULL,
    size INTEGER NOT NULL,
    executable INTEGER NOT NULL,
    version TEXT NOT NULL,
    stamp TEXT NOT NULL
  );
  CREATE INDEX entry_content ON entry (id) WHERE kind = 1;
  CREATE TABLE old_version (
    path TEXT NOT NULL,
    number INTEGER NOT NULL,
    id BLOB NOT NULL,
    size INTEGER NOT NULL,
    executable INTEGER NOT NULL,
    replaced_ms INTEGER NOT NULL,
    device TEXT NOT NULL,
    PRIMARY KEY (path, number)
  ) WITHOUT ROWID;
  CREATE INDEX old_version_content ON old_version (id);
  CREATE TABLE pending (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    size INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (id, size)
  );
  CREATE TABLE intention (
    path TEXT PRIMARY KEY,
    id BLOB NOT NULL,
    size INTEGER NOT NULL,
    executable INTEGER NOT NULL,
    version TEXT NOT NULL
  ) WITHOUT ROWID;
`;
const VERSION = 0x7032_0102;

/**
 * A limit that is a parameter. SQLite (3.50) prepares a statement anew each time that a plain `?` gets its
 * value there, which costs eight times what the search itself does; behind a cast it does not.
 */
const COUNT = "CAST(? AS INTEGER)";

/** Paths that are remembered because nothing is known of them. */
const UNKNOWN_COUNT_MAX = 2048;

/** Rows that are in memory at once while all are gone through. */
const PAGE_COUNT = 1000;

/** Their positions are what stands in the column `kind`. */
const KINDS: readonly Kind[] = ["absent", "file", "folder"];

type Value = string | number | Uint8Array;

interface EntryRow {
  readonly sequence: number;
  readonly path: string;
  readonly kind: number;
  readonly id: Uint8Array;
  readonly size: number;
  readonly executable: number;
  readonly version: string;
  readonly stamp: string;
}

interface VersionRow {
  readonly path: string;
  readonly number: number;
  readonly id: Uint8Array;
  readonly size: number;
  readonly executable: number;
  readonly replaced_ms: number;
  readonly device: string;
}

/** Opens the database at a path, or makes it. This process must have the folder for itself. */
export class UserDatabase implements UserIndex {
  readonly #database: IndexDatabase;
  #id: Uint8Array;
  readonly replica: ReplicaId;
  #sequence: number;
  readonly #recent: RecentEntries;
  /** Paths of which nothing is known: a new one is asked for several times before there is an entry. */
  readonly #unknown = new Set<string>();
  /** Whether there may be an old version. */
  #hasVersions: boolean;

  /** @throws {Error} `Cannot use PATH: reason`. */
  constructor(path: string, log: Log) {
    const database = new IndexDatabase(path, { schema: SCHEMA, version: VERSION, log });
    this.#database = database;
    try {
      const { id, replica } = this.#identity();
      this.#id = id;
      this.replica = replica;
      this.#sequence = database.read(() => {
        const last = database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'entry'").get();
        return (last as { seq: number } | undefined)?.seq ?? 0;
      });
      this.#recent = new RecentEntries(this.#sequence);
      this.#hasVersions = this.#rows("SELECT 1 FROM old_version LIMIT 1").length > 0;
    } catch (error) {
      database[Symbol.dispose]();
      throw error;
    }
  }

  get id(): Uint8Array {
    return this.#id;
  }

  get sequence(): number {
    return this.#sequence;
  }

  get(path: string): IndexedEntry | undefined {
    const recent = this.#recent.get(path);
    if (recent !== undefined || this.#unknown.has(path)) return recent;
    const [entry] = this.#entries("SELECT * FROM entry WHERE path = ?", path);
    if (entry === undefined) this.#noteUnknown(path);
    return entry;
  }

  *present(): Generator<PresentEntry> {
    for (let last = 0;;) {
      const rows = this.#rows<EntryRow>(
        "SELECT sequence, path, kind, executable, stamp FROM entry " +
          `WHERE sequence > ? AND kind <> 0 ORDER BY sequence LIMIT ${PAGE_COUNT}`,
        last,
      );
      for (const { path, kind, executable, stamp } of rows) {
        yield { path, kind: kindOf(kind), executable: executable !== 0, stamp };
      }
      if (rows.length < PAGE_COUNT) return;
      last = rows.at(-1)!.sequence;
    }
  }

  /** "0" is the character after "/". */
  below(folder: string, countMax: number): string[] {
    return this.#rows<{ readonly path: string }>(
      `SELECT path FROM entry WHERE path > ? AND path < ? AND kind <> 0 ORDER BY path LIMIT ${COUNT}`,
      `${folder}/`,
      `${folder}0`,
      countMax,
    ).map(({ path }) => path);
  }

  after(sequence: number, countMax: number): IndexedEntry[] {
    return this.#recent.after(sequence, countMax) ?? this.#entries(
      `SELECT * FROM entry WHERE sequence > ? ORDER BY sequence LIMIT ${COUNT}`,
      sequence,
      countMax,
    );
  }

  filesWith({ id, size }: ContentId, countMax: number): IndexedEntry[] {
    const recent = countMax === 1 ? this.#recent.fileWith({ id, size }) : undefined;
    if (recent !== undefined) return [recent];
    return this.#entries(
      `SELECT * FROM entry WHERE kind = 1 AND id = ? AND size = ? LIMIT ${COUNT}`,
      id,
      size,
      countMax,
    );
  }

  versionsOf(path: string, countMax: number): OldVersion[] {
    return this.#versions(
      `SELECT * FROM old_version WHERE path = ? ORDER BY number DESC LIMIT ${COUNT}`,
      path,
      countMax,
    );
  }

  hasVersionWith({ id, size }: ContentId): boolean {
    if (!this.#hasVersions) return false;
    return this.#rows("SELECT 1 FROM old_version WHERE id = ? AND size = ? LIMIT 1", id, size)
      .length > 0;
  }

  expiredVersions({ countMax, beforeMs }: VersionLimits): OldVersion[] {
    return this.#versions(
      "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY path ORDER BY number DESC) AS rank " +
        "FROM old_version) WHERE rank > ? OR replaced_ms < ?",
      countMax,
      beforeMs,
    );
  }

  versionsBeyond(path: string, countMax: number): OldVersion[] {
    return this.#versions(
      `SELECT * FROM old_version WHERE path = ? ORDER BY number DESC LIMIT -1 OFFSET ${COUNT}`,
      path,
      countMax,
    );
  }

  keep(contents: readonly PendingContent[]): void {
    this.#database.changeSoon(() => {
      const insert = this.#prepare(
        "INSERT OR IGNORE INTO pending (id, size, bytes) VALUES (?, ?, ?)",
      );
      for (const { id, size, bytes } of contents) insert.run(id, size, bytes);
    });
  }

  *pending(): Generator<PendingContent> {
    for (let last = 0;;) {
      const [row] = this.#rows<PendingContent & { readonly position: number }>(
        "SELECT * FROM pending WHERE position > ? ORDER BY position LIMIT 1",
        last,
      );
      if (row === undefined) return;
      yield { id: row.id, size: row.size, bytes: row.bytes };
      last = row.position;
    }
  }

  intend(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    this.#database.changeSoon(() => {
      const insert = this.#prepare(
        "REPLACE INTO intention (path, id, size, executable, version) VALUES (?, ?, ?, ?, ?)",
      );
      for (const { path, id, size, executable, version } of entries) {
        insert.run(path, id, size, executable ? 1 : 0, version);
      }
    });
  }

  intended(path: string): Entry | undefined {
    const [row] = this.#rows<Omit<EntryRow, "kind" | "sequence" | "stamp">>(
      "SELECT * FROM intention WHERE path = ?",
      path,
    );
    return row && { ...row, kind: "file", executable: row.executable !== 0 };
  }

  commit(changes: IndexChanges): void {
    const id = changes.renew === true ? newId() : undefined;
    let sequence = this.#sequence;
    const put = changes.put?.map((entry) => ({ ...entry, sequence: ++sequence })) ?? [];
    this.#database.change(() => {
      if (id !== undefined) this.#prepare("UPDATE identity SET id = ?").run(id);
      this.#forget(changes);
      this.#put(put, changes);
      this.#number(changes);
    });
    if (id !== undefined) this.#id = id;
    this.#sequence = sequence;
    const isOther = changes.dropped !== undefined || changes.stamps !== undefined;
    if (isOther) this.#recent.clear(sequence);
    else this.#recent.add(put);
    for (const { path } of put) this.#unknown.delete(path);
    if (changes.replaced !== undefined && changes.replaced.length > 0) this.#hasVersions = true;
  }

  [Symbol.dispose](): void {
    this.#database[Symbol.dispose]();
  }

  #noteUnknown(path: string): void {
    if (this.#unknown.size === UNKNOWN_COUNT_MAX) this.#unknown.clear();
    this.#unknown.add(path);
  }

  #forget({ dropped = [], expired = [], settled = [], fulfilled = false }: IndexChanges): void {
    const drop = this.#prepare("DELETE FROM entry WHERE path = ?");
    for (const path of dropped) drop.run(path);
    const expire = this.#prepare("DELETE FROM old_version WHERE path = ? AND number = ?");
    for (const { path, number } of expired) expire.run(path, number);
    const settle = this.#prepare("DELETE FROM pending WHERE id = ? AND size = ?");
    for (const { id, size } of settled) settle.run(id, size);
    if (fulfilled) this.#prepare("DELETE FROM intention").run();
  }

  #put(put: readonly IndexedEntry[], { stamps = [] }: IndexChanges): void {
    const stamp = this.#prepare("UPDATE entry SET stamp = ? WHERE path = ?");
    for (const seen of stamps) stamp.run(seen.stamp, seen.path);
    const replace = this.#prepare(
      "REPLACE INTO entry (sequence, path, kind, id, size, executable, version, stamp) " +
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    );
    for (const { sequence, path, kind, id, size, executable, version, stamp } of put) {
      replace.run(
        sequence,
        path,
        KINDS.indexOf(kind),
        id,
        size,
        executable ? 1 : 0,
        version,
        stamp,
      );
    }
  }

  #number({ replaced = [] }: IndexChanges): void {
    const insert = this.#prepare(
      "INSERT INTO old_version (path, number, id, size, executable, replaced_ms, device) SELECT ?1, " +
        "ifnull((SELECT max(number) FROM old_version WHERE path = ?1), 0) + 1, ?2, ?3, ?4, ?5, ?6",
    );
    for (const { path, id, size, executable, replacedMs, device } of replaced) {
      insert.run(path, id, size, executable ? 1 : 0, replacedMs, device);
    }
  }

  /** Reads who the index is, or decides it. */
  #identity(): { readonly id: Uint8Array; readonly replica: ReplicaId } {
    const [row] = this.#rows<{ readonly id: Uint8Array; readonly replica: ReplicaId }>(
      "SELECT * FROM identity",
    );
    if (row !== undefined) return row;
    const replica = toHex(crypto.getRandomValues(new Uint8Array(REPLICA_SIZE)));
    const id = newId();
    this.#database.change(() => {
      this.#prepare("INSERT INTO identity (id, replica) VALUES (?, ?)").run(id, replica);
    });
    return { id, replica };
  }

  #entries(sql: string, ...values: Value[]): IndexedEntry[] {
    return this.#database.read(() => {
      const rows = this.#prepare(sql).all(...values) as unknown as EntryRow[];
      return rows.map(entryOf);
    });
  }

  #versions(sql: string, ...values: Value[]): OldVersion[] {
    return this.#rows<VersionRow>(sql, ...values).map(versionOf);
  }

  #rows<Row>(sql: string, ...values: Value[]): Row[] {
    return this.#database.read(() => this.#prepare(sql).all(...values) as unknown as Row[]);
  }

  #prepare(sql: string) {
    return this.#database.prepare(sql);
  }
}

function newId(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(ID_SIZE));
}

function entryOf(row: EntryRow): IndexedEntry {
  const { path, id, size, version, sequence, stamp } = row;
  // Whatever happened to the database, no path leads out of the folder.
  const problem = nameProblem(path);
  if (problem !== undefined) {
    throw new DamagedDatabase(`it has the unsafe name ${JSON.stringify(path)}`);
  }
  const [kind, executable] = [kindOf(row.kind), row.executable !== 0];
  return { path, kind, id, size, executable, version, sequence, stamp };
}

function versionOf({ replaced_ms: replacedMs, executable, ...row }: VersionRow): OldVersion {
  const { path, number, id, size, device } = row;
  return { path, number, id, size, executable: executable !== 0, replacedMs, device };
}

function kindOf(number: number): Kind {
  const kind = KINDS[number];
  if (kind === undefined) {
    throw new DamagedDatabase(`it has an entry of the unknown kind ${number}`);
  }
  return kind;
}
