/**
 * The manifest store in an SQLite database, `<root>/.p2pnode/state.db`.
 *
 * Commits are not synced (WAL, synchronous=NORMAL): a crash of the process loses nothing, a power failure
 * at most the last seconds, and never the database. What is read is checked all the same, and a database
 * that is damaged or not ours is moved aside and made anew, because everything in it can be found again.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { sameBytes } from "../../protocol/bytes.ts";
import { nameProblem, PRIVATE_FOLDER } from "../../protocol/path.ts";
import type { Log } from "../../protocol/ports.ts";
import { PUBLIC_KEY_SIZE } from "../content/identity.ts";
import { checkManifest } from "../content/manifest.ts";
import { blockCount, HASH_SIZE } from "../content/tree.ts";
import type {
  FileChanges,
  ManifestStore,
  RememberedFile,
  WantedFile,
} from "../store/manifest_store.ts";
import { isDamage, moveAside, openDatabase, transact } from "./database_file.ts";
import { reasonOf } from "./disk_failure.ts";

const FILE_NAME = "state.db";

/** The `PRAGMA user_version` of a database with the tables below: "p2" for p2pnode, and a count. */
const VERSION = 0x7032_0001;

/** `proof` is id, publisher, hashes and signatures in one: a row of few values is read faster. */
const SCHEMA = `
  CREATE TABLE file (
    position INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    stamp TEXT NOT NULL,
    size INTEGER NOT NULL,
    block_size INTEGER NOT NULL,
    proof BLOB NOT NULL
  );
  CREATE TABLE wanted (
    name TEXT PRIMARY KEY,
    id BLOB NOT NULL,
    size INTEGER NOT NULL,
    publisher BLOB,
    replaces INTEGER NOT NULL
  );
`;

const FORMAT = { schema: SCHEMA, version: VERSION, synchronous: "NORMAL" } as const;

/** Rows that are in memory at once while the files are read. */
const PAGE_COUNT = 1000;

interface FileRow {
  readonly position: number;
  readonly name: string;
  readonly stamp: string;
  readonly size: number;
  readonly block_size: number;
  readonly proof: Uint8Array;
}

interface WantedRow {
  readonly name: string;
  readonly id: Uint8Array;
  readonly size: number;
  readonly publisher: Uint8Array | null;
  readonly replaces: number;
}

/** Remembers in a database. Dispose of it before the folder. */
export class ManifestDatabase implements ManifestStore, Disposable {
  readonly #path: string;
  readonly #log: Log;
  #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #complained = false;

  /**
   * Opens the database of the folder `root`, or makes it. This process must have the folder for itself.
   *
   * @throws {Error} `Cannot use PATH: reason`.
   */
  constructor(root: string, log: Log) {
    this.#path = `${root}/${PRIVATE_FOLDER}/${FILE_NAME}`;
    this.#log = log;
    this.#database = this.#open();
  }

  *files(): Generator<RememberedFile> {
    let position = 0;
    let publisher: Uint8Array = new Uint8Array(0);
    for (;;) {
      const rows = this.#attempt(() => this.#filesAfter(position)) ?? [];
      for (const row of rows) {
        const file = fileOf(row, publisher);
        if (file === undefined) continue;
        publisher = file.manifest.publisher;
        yield file;
      }
      if (rows.length < PAGE_COUNT) return;
      position = rows.at(-1)!.position;
    }
  }

  save({ put, removed }: FileChanges): void {
    this.#change(() => {
      const remove = this.#prepare("DELETE FROM file WHERE name = ?");
      for (const name of removed) remove.run(name);
      const insert = this.#prepare(
        "REPLACE INTO file (name, stamp, size, block_size, proof) VALUES (?, ?, ?, ?, ?)",
      );
      for (const { manifest, stamp } of put) {
        const { name, size, blockSize, id, publisher, hashes, signatures } = manifest;
        insert.run(name, stamp, size, blockSize, concat([id, publisher, hashes, signatures]));
      }
    });
  }

  wanted(): WantedFile[] {
    const rows =
      this.#attempt(() =>
        this.#prepare("SELECT * FROM wanted ORDER BY name").all() as unknown as WantedRow[]
      ) ?? [];
    return rows.filter(isWanted).map(wantedOf);
  }

  want(files: readonly WantedFile[]): void {
    this.#change(() => {
      const insert = this.#prepare(
        "REPLACE INTO wanted (name, id, size, publisher, replaces) VALUES (?, ?, ?, ?, ?)",
      );
      for (const { name, id, size, publisher, replace } of files) {
        insert.run(name, id, size, publisher ?? null, replace ? 1 : 0);
      }
    });
  }

  unwant(names: readonly string[]): void {
    this.#change(() => {
      const remove = this.#prepare("DELETE FROM wanted WHERE name = ?");
      for (const name of names) remove.run(name);
    });
  }

  [Symbol.dispose](): void {
    this.#attempt(() => this.#database.close());
  }

  #filesAfter(position: number): FileRow[] {
    const select = this.#prepare(
      `SELECT * FROM file WHERE position > ? ORDER BY position LIMIT ${PAGE_COUNT}`,
    );
    return select.all(position) as unknown as FileRow[];
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Does all of `change` or nothing of it. */
  #change(change: () => void): void {
    this.#attempt(() => transact(this.#database, change));
  }

  /** Does something with the database; a damaged one is replaced and the action done again. */
  #attempt<Result>(action: () => Result): Result | undefined {
    try {
      return action();
    } catch (error) {
      if (!isDamage(error)) return this.#complain(error);
      this.#replace(error);
    }
    try {
      return action();
    } catch (error) {
      return this.#complain(error);
    }
  }

  /** One line is enough; a full disk fails every time. */
  #complain(error: unknown): undefined {
    if (this.#complained) return;
    this.#complained = true;
    this.#log(
      `Cannot use ${this.#path}: ${reasonOf(error)} (files may be hashed again at the next start)`,
    );
  }

  #replace(error: unknown): void {
    this.#statements.clear();
    try {
      this.#database.close();
    } catch {
      // It is damaged; there is nothing left to lose.
    }
    this.#moveAside(error);
    this.#database = this.#open();
  }

  /** Opens the database. One that cannot be used is moved aside, and the next one is new. */
  #open(): DatabaseSync {
    try {
      return openDatabase(this.#path, FORMAT);
    } catch (error) {
      this.#moveAside(error);
    }
    try {
      return openDatabase(this.#path, FORMAT);
    } catch (error) {
      throw new Error(`Cannot use ${this.#path}: ${reasonOf(error)}`);
    }
  }

  #moveAside(error: unknown): void {
    const aside = moveAside(this.#path, error);
    this.#log(
      `Cannot use ${this.#path}: ${
        reasonOf(error)
      }; it is now ${aside}, and all files are hashed again`,
    );
  }
}

/** The file in a row, or nothing where the row makes no sense. */
function fileOf(row: FileRow, lastPublisher: Uint8Array): RememberedFile | undefined {
  const { name, stamp, size, block_size: blockSize, proof } = row;
  let end = 0;
  const take = (count: number) => proof.subarray(end, end += count);
  try {
    const hashesSize = blockCount(size, blockSize) * HASH_SIZE;
    const id = take(HASH_SIZE);
    const publisher = take(PUBLIC_KEY_SIZE);
    const manifest = checkManifest({
      name,
      size,
      blockSize,
      id,
      // Most files have the same publisher, and so the same bytes in memory.
      publisher: sameBytes(publisher, lastPublisher) ? lastPublisher : publisher,
      hashes: take(hashesSize),
      signatures: proof.subarray(end),
    });
    return { manifest, stamp };
  } catch {
    return undefined;
  }
}

function isWanted({ name, id, size, publisher }: WantedRow): boolean {
  return nameProblem(name) === undefined && id.length === HASH_SIZE && size >= 0 &&
    (publisher === null || publisher.length === PUBLIC_KEY_SIZE);
}

function wantedOf({ name, id, size, publisher, replaces }: WantedRow): WantedFile {
  const wanted = { name, id, size, replace: replaces !== 0 };
  return publisher === null ? wanted : { ...wanted, publisher };
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    bytes.set(part, end);
    end += part.length;
  }
  return bytes;
}
