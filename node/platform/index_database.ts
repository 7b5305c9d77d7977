/**
 * An SQLite database in a folder's private area that keeps an index of sync: a cache that must never lie.
 *
 * Commits are synced (WAL, synchronous=FULL). A database that is damaged or not ours is moved aside, and
 * the next one to open it makes a new one; whoever was using it hears of an error and opens it anew.
 */

import { DatabaseSync } from "node:sqlite";
import type { StatementSync } from "node:sqlite";
import type { Log } from "../../protocol/ports.ts";
import { reasonOf } from "./disk_failure.ts";

/** SQLite's codes for a database that cannot be read, SQLITE_CORRUPT and SQLITE_NOTADB, and its words. */
const DAMAGE_CODES = [11, 26];
const DAMAGE_WORDS = /^(?:database disk image is malformed|file is not a database)/;
/** The log in front of the database may grow to so many pages of 4 KiB before it is worked off. */
const CHECKPOINT_PAGES = 4000;

/** Something about a database that makes no sense, `it has …`: damage, as if SQLite had found it. */
export class DamagedIndex extends Error {}

export interface IndexDatabaseOptions {
  /** `CREATE` statements that make a new database. */
  readonly schema: string;
  /** The `PRAGMA user_version` of a database with that schema: "p2" for p2pnode, and a count. */
  readonly version: number;
  readonly log: Log;
}

export class IndexDatabase implements Disposable {
  readonly #path: string;
  readonly #log: Log;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #isAside = false;

  /**
   * Opens the database at `path`, or makes it. This process must have the folder for itself.
   *
   * @throws {Error} `Cannot use PATH: reason`.
   */
  constructor(path: string, options: IndexDatabaseOptions) {
    this.#path = path;
    this.#log = options.log;
    this.#database = this.#open(options);
  }

  /** A statement of that text, prepared once. */
  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Reads something. @throws {Error} `Cannot use PATH: reason`. */
  read<Result>(action: () => Result): Result {
    try {
      return action();
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Does all of `change`, durably, or nothing of it. @throws {Error} `Cannot use PATH: reason`. */
  change(change: () => void): void {
    this.#transact(change);
  }

  /** Like `change`, but durable only with the next one. */
  changeSoon(change: () => void): void {
    try {
      this.#database.exec("PRAGMA synchronous = NORMAL");
      this.#transact(change);
    } finally {
      this.#database.exec("PRAGMA synchronous = FULL");
    }
  }

  [Symbol.dispose](): void {
    try {
      this.#database.close();
    } catch (error) {
      this.#log(`Cannot close ${this.#path}: ${reasonOf(error)}`);
    }
  }

  #transact(change: () => void): void {
    try {
      this.#database.exec("BEGIN");
      change();
      this.#database.exec("COMMIT");
    } catch (error) {
      // After some errors SQLite has rolled back already.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): Error {
    if (isDamage(error) && !this.#isAside) this.#moveAside(error);
    return new Error(`Cannot use ${this.#path}: ${reasonOf(error)}`, { cause: error });
  }

  /** Opens the database. A damaged one, or one that is not ours, is moved aside, and the next one is new. */
  #open(options: IndexDatabaseOptions): DatabaseSync {
    try {
      return openDatabase(this.#path, options);
    } catch (error) {
      if (!isDamage(error)) throw this.#failure(error);
      this.#moveAside(error);
    }
    try {
      return openDatabase(this.#path, options);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #moveAside(error: unknown): void {
    this.#isAside = true;
    const aside = `${this.#path}.damaged`;
    try {
      Deno.renameSync(this.#path, aside);
      for (const companion of ["-wal", "-shm", "-journal"]) removeIfThere(this.#path + companion);
    } catch (reason) {
      throw new Error(
        `Cannot use ${this.#path}: ${reasonOf(error)}; and cannot move it aside: ${
          reasonOf(reason)
        }`,
      );
    }
    this.#log(
      `Cannot use ${this.#path}: ${reasonOf(error)}; it is now ${aside}, and a new one is made`,
    );
  }
}

function openDatabase(path: string, { schema, version }: IndexDatabaseOptions): DatabaseSync {
  requireRegular(path);
  const database = new DatabaseSync(path);
  try {
    // The folder's lock keeps others out, so SQLite need not share its memory with them.
    database.exec("PRAGMA locking_mode = EXCLUSIVE");
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = FULL");
    database.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    const found = (database.prepare("PRAGMA user_version").get() as { user_version: number })
      .user_version;
    if (found !== version) {
      if (found !== 0) {
        throw new DamagedIndex(`it has version ${found} instead of ${version}`);
      }
      database.exec(`BEGIN; ${schema} PRAGMA user_version = ${version}; COMMIT`);
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Whatever else has the database's name, such as a symbolic link, is moved aside without a look inside. */
function requireRegular(path: string): void {
  try {
    if (Deno.lstatSync(path).isFile) return;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  throw new DamagedIndex("it is not a regular file");
}

/** The errors of `exec` come without a code. */
function isDamage(error: unknown): boolean {
  if (error instanceof DamagedIndex) return true;
  if (!(error instanceof Error)) return false;
  const isCode = "errcode" in error && DAMAGE_CODES.includes(Number(error.errcode) & 0xff);
  return isCode || DAMAGE_WORDS.test(error.message);
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
