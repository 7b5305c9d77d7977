/**
 * A device's index in an SQLite database.
 *
 * A row holds both sides of a path. Where the server has the same as the disk, which is nearly everywhere,
 * the server's side is not stored a second time. Commits are not brought to the disk for good each time:
 * the index is a cache, and an older one only means that more is looked at again.
 */

import { toHex } from "../../protocol/bytes.ts";
import type { Log } from "../../protocol/ports.ts";
import { HASH_SIZE } from "../content/tree.ts";
import type { FolderCount } from "../sync/client.ts";
import { NOWHERE } from "../sync/device/device_index.ts";
import type {
  DeviceIndex,
  IndexChanges,
  KnownEntry,
  ServerPosition,
} from "../sync/device/device_index.ts";
import { isSynced } from "../sync/device/reconcile.ts";
import { INTENTION_COUNT, Intentions } from "../sync/device/intentions.ts";
import type { RemoteSide, Row } from "../sync/device/row.ts";
import type { Entry, Kind } from "../sync/entry.ts";
import { sameState } from "../sync/entry.ts";
import type { ReplicaId } from "../sync/version.ts";
import type { ContentId } from "../transfer/contents.ts";
import { IndexDatabase } from "./index_database.ts";
import { RecentValues } from "./recent_values.ts";

/** "p2" for p2pnode, and a count. */
const VERSION = 0x7032_0002;

/** Columns of a side: `kind` is NULL where nothing is known. `remote` says where the server's side is. */
const SCHEMA = `
  CREATE TABLE entry (
    path TEXT PRIMARY KEY,
    kind INTEGER, id BLOB, size INTEGER, executable INTEGER, version TEXT, stamp TEXT,
    remote INTEGER NOT NULL,
    remote_kind INTEGER, remote_id BLOB, remote_size INTEGER, remote_executable INTEGER,
    remote_version TEXT,
    open INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX entry_open ON entry (path) WHERE open = 1;
  CREATE INDEX entry_content ON entry (id, size) WHERE kind = 1;
  CREATE TABLE intention (
    batch INTEGER NOT NULL, path TEXT NOT NULL,
    kind INTEGER NOT NULL, id BLOB, size INTEGER NOT NULL, executable INTEGER NOT NULL,
    version TEXT NOT NULL,
    PRIMARY KEY (batch, path)
  ) WITHOUT ROWID;
  CREATE TABLE device (replica TEXT NOT NULL, server TEXT NOT NULL, after INTEGER NOT NULL);
`;

/** In the order of their numbers in the database. */
const KINDS: readonly Kind[] = ["absent", "file", "folder"];
/** The column `remote`: nothing is known, it is the same as the local side, it stands in its own columns. */
const UNKNOWN = 0;
const SAME = 1;
const OWN = 2;

/** Rows that are in memory at once while many are read. */
const PAGE_COUNT = 1000;
/**
 * What was saved or asked for last is asked for again soon, also where nothing is known of a path: so many rows stay
 * in memory, or twice as many, with less than 1 KiB each.
 */
const RECENT_COUNT = 8192;
/** So many files with the same content are enough to choose from. */
const HOLDER_COUNT = 4;

interface StoredSide {
  readonly kind: number;
  readonly id: Uint8Array | null;
  readonly size: number;
  readonly executable: number;
  readonly version: string;
}

interface StoredRow extends Omit<StoredSide, "kind"> {
  readonly path: string;
  readonly kind: number | null;
  readonly stamp: string;
  readonly remote: number;
  readonly remote_kind: number;
  readonly remote_id: Uint8Array | null;
  readonly remote_size: number;
  readonly remote_executable: number;
  readonly remote_version: string;
}

/** Every method throws `Cannot use PATH: reason` where the database fails. */
export class DeviceDatabase implements DeviceIndex, Disposable {
  readonly replica: ReplicaId;
  readonly #database: IndexDatabase;
  /** By path; where nothing is known of a path, its row has neither side. */
  readonly #recent = new RecentValues<Row>(RECENT_COUNT);
  readonly #intentions = new Intentions();
  /** The number of the last batch of intentions. */
  #batch = 0;
  #position: ServerPosition;

  /**
   * Opens the database at `path`, or makes it under a new replica id. This process must have the folder for
   * itself.
   *
   * @throws {Error} `Cannot use PATH: reason`.
   */
  constructor(path: string, log: Log) {
    this.#database = new IndexDatabase(path, { schema: SCHEMA, version: VERSION, log });
    const { replica, ...position } = this.#begin();
    this.replica = replica;
    this.#position = position;
    this.#loadIntentions();
  }

  get position(): ServerPosition {
    return this.#position;
  }

  row(path: string): Row | undefined {
    const row = this.#recent.get(path) ?? this.#read(path);
    return isKnown(row) ? row : undefined;
  }

  *known(path: string): Generator<KnownEntry> {
    const columns = "SELECT path, kind, stamp FROM entry WHERE kind > 0";
    type Known = Pick<StoredRow, "path" | "kind" | "stamp">;
    const own = this.#all(`${columns} AND path = ?`, path) as unknown as Known[];
    const { first, end } = rangeBelow(path);
    const paged = `${columns} AND path >= ? AND path < ? ORDER BY path LIMIT ${PAGE_COUNT}`;
    for (const rows of [own, this.#pages<Known>(paged, { first, end })]) {
      for (const { path, kind, stamp } of rows) {
        yield { path, kind: KINDS[kind!] as "file" | "folder", stamp };
      }
    }
  }

  count(): FolderCount {
    const count =
      "SELECT count(*) AS files, ifnull(sum(size), 0) AS bytes FROM entry WHERE kind = 1";
    const { files, bytes } = this.#one(count) as FolderCount;
    return { files, bytes };
  }

  *unsynced(): Generator<Row> {
    const paged = "SELECT * FROM entry WHERE open = 1 AND path >= ? AND path < ? " +
      `ORDER BY path LIMIT ${PAGE_COUNT}`;
    for (const row of this.#pages<StoredRow>(paged, rangeBelow(""))) yield rowOf(row);
  }

  holders({ id, size }: ContentId): Row[] {
    const select = "SELECT * FROM entry WHERE kind = 1 AND id = ? AND size = ? " +
      `LIMIT ${HOLDER_COUNT}`;
    return (this.#all(select, id, size) as unknown as StoredRow[]).map(rowOf);
  }

  *entries(side: "here" | "server"): Generator<Entry> {
    const paged = "SELECT * FROM entry WHERE path >= ? AND path < ? " +
      `ORDER BY path LIMIT ${PAGE_COUNT}`;
    for (const stored of this.#pages<StoredRow>(paged, rangeBelow(""))) {
      const row = rowOf(stored);
      const state = side === "here" ? row.local : row.remote;
      if (state === undefined || state.kind === "absent") continue;
      const { kind, id, size, executable, version } = state;
      yield { path: row.path, kind, id, size, executable, version };
    }
  }

  save({ rows = [], position }: IndexChanges): void {
    try {
      this.#database.changeSoon(() => {
        for (const row of rows) {
          // That the server has stored something it has often told before, as one of its changes.
          if (this.#recent.get(row.path) === row) continue;
          this.#put(row);
          this.#recent.set(row.path, row);
        }
        if (position !== undefined) this.#setPosition(position);
      });
    } catch (error) {
      // Nothing of it was saved.
      this.#recent.clear();
      throw error;
    }
    if (position !== undefined) this.#position = position;
  }

  intend(entries: readonly Entry[]): void {
    const batch = ++this.#batch;
    this.#database.changeSoon(() => {
      const insert = this.#database.prepare("REPLACE INTO intention VALUES (?, ?, ?, ?, ?, ?, ?)");
      for (const entry of entries) insert.run(batch, entry.path, ...sideColumns(entry));
      this.#database.prepare("DELETE FROM intention WHERE batch <= ?").run(batch - INTENTION_COUNT);
    });
    this.#intentions.add(entries);
  }

  intended(path: string): readonly Entry[] {
    return this.#intentions.of(path);
  }

  forgetServer(index: string): void {
    const position = { ...NOWHERE, index };
    this.#database.changeSoon(() => {
      this.#database.prepare("DELETE FROM entry WHERE kind IS NULL").run();
      this.#database.prepare(
        `UPDATE entry SET remote = ${UNKNOWN}, open = kind > 0, remote_kind = NULL, remote_id = NULL,
          remote_size = NULL, remote_executable = NULL, remote_version = NULL`,
      ).run();
      this.#setPosition(position);
    });
    this.#recent.clear();
    this.#position = position;
  }

  [Symbol.dispose](): void {
    this.#database[Symbol.dispose]();
  }

  #begin(): ServerPosition & { readonly replica: ReplicaId } {
    type Device = { replica: string; server: string; after: number };
    const found = this.#one("SELECT * FROM device") as Device | undefined;
    if (found !== undefined) {
      const { replica, server, after } = found;
      return { replica, index: server, after };
    }
    const replica = toHex(crypto.getRandomValues(new Uint8Array(8)));
    this.#database.change(() => {
      this.#database.prepare("INSERT INTO device VALUES (?, '', 0)").run(replica);
    });
    return { replica, ...NOWHERE };
  }

  #loadIntentions(): void {
    type Intention = StoredSide & { readonly batch: number; readonly path: string };
    const rows = this.#all("SELECT * FROM intention ORDER BY batch") as unknown as Intention[];
    for (const [batch, members] of Map.groupBy(rows, ({ batch }) => batch)) {
      this.#intentions.add(members.map((row) => ({ path: row.path, ...sideOf(row) })));
      this.#batch = batch;
    }
  }

  #setPosition({ index, after }: ServerPosition): void {
    this.#database.prepare("UPDATE device SET server = ?, after = ?").run(index, after);
  }

  #read(path: string): Row {
    const stored = this.#one("SELECT * FROM entry WHERE path = ?", path) as StoredRow | undefined;
    const row = stored === undefined
      ? { path, local: undefined, remote: undefined }
      : rowOf(stored);
    this.#recent.set(path, row);
    return row;
  }

  #put(row: Row): void {
    const { path, local, remote } = row;
    if (!isKnown(row)) {
      this.#database.prepare("DELETE FROM entry WHERE path = ?").run(path);
      return;
    }
    const isSame = local !== undefined && remote !== undefined &&
      local.version === remote.version && sameState(local, remote);
    const remoteColumns: RemoteColumns = [
      remote === undefined ? UNKNOWN : isSame ? SAME : OWN,
      ...sideColumns(isSame ? undefined : remote),
      isSynced(row) ? 0 : 1,
    ];
    const before = this.#recent.get(path);
    const isThere = before !== undefined && isKnown(before);
    if (isThere && before.local === local) this.#updateRemote(path, remoteColumns);
    else {
      this.#database.prepare(
        "REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      ).run(path, ...sideColumns(local), local?.stamp ?? null, ...remoteColumns);
    }
  }

  /** Leaves alone what is here, and with it the index by content, whose pages are spread all over. */
  #updateRemote(path: string, columns: RemoteColumns): void {
    this.#database.prepare(
      "UPDATE entry SET remote = ?, remote_kind = ?, remote_id = ?, remote_size = ?, " +
        "remote_executable = ?, remote_version = ?, open = ? WHERE path = ?",
    ).run(...columns, path);
  }

  #one(sql: string, ...values: (string | number)[]): unknown {
    return this.#database.read(() => this.#database.prepare(sql).get(...values));
  }

  #all(sql: string, ...values: (string | number | Uint8Array)[]): unknown[] {
    return this.#database.read(() => this.#database.prepare(sql).all(...values));
  }

  /** Rows of a statement that takes a range of paths, page by page, so that they may change meanwhile. */
  *#pages<Page extends { readonly path: string }>(
    sql: string,
    { first, end }: PathRange,
  ): Generator<Page> {
    for (let from = first;;) {
      const rows = this.#all(sql, from, end) as Page[];
      yield* rows;
      if (rows.length < PAGE_COUNT) return;
      // The smallest text after the last path.
      from = `${rows.at(-1)!.path}\0`;
    }
  }
}

/** Paths from `first` on and before `end`, by their bytes. */
interface PathRange {
  readonly first: string;
  readonly end: string;
}

/** The paths below a folder; "0" is the character after "/", and no text has a byte of 0xff. */
function rangeBelow(folder: string): PathRange {
  return folder === ""
    ? { first: "", end: "\u{10ffff}" }
    : { first: `${folder}/`, end: `${folder}0` };
}

type SideColumns = [number | null, Uint8Array | null, number | null, number | null, string | null];
type RemoteColumns = [remote: number, ...SideColumns, open: number];

function sideColumns(side: RemoteSide | undefined): SideColumns {
  if (side === undefined) return [null, null, null, null, null];
  const { kind, id, size, executable, version } = side;
  // Only files have an id, so that the others take no room.
  return [KINDS.indexOf(kind), kind === "file" ? id : null, size, executable ? 1 : 0, version];
}

const NO_ID = new Uint8Array(HASH_SIZE);

function sideOf({ kind, id, size, executable, version }: StoredSide): RemoteSide {
  return { kind: KINDS[kind]!, id: id ?? NO_ID, size, executable: executable !== 0, version };
}

function isKnown({ local, remote }: Row): boolean {
  return local !== undefined || remote !== undefined;
}

function rowOf(stored: StoredRow): Row {
  const { path, kind, stamp, remote } = stored;
  const local = kind === null ? undefined : { ...sideOf({ ...stored, kind }), stamp };
  if (remote === UNKNOWN) return { path, local, remote: undefined };
  if (remote === SAME && local !== undefined) {
    const { stamp: _, ...same } = local;
    return { path, local, remote: same };
  }
  return {
    path,
    local,
    remote: sideOf({
      kind: stored.remote_kind,
      id: stored.remote_id,
      size: stored.remote_size,
      executable: stored.remote_executable,
      version: stored.remote_version,
    }),
  };
}
