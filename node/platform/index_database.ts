/**
 * An SQLite database in a folder's private area that keeps an index of sync: a cache that must never lie.
 *
 * Commits are synced (WAL, synchronous=FULL). A database that is damaged or not ours is moved aside, and
 * the next one to open it makes a new one; whoever was using it hears of an error and opens it anew.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Log } from "../../protocol/ports.ts";
import { isDamage, moveAside, openDatabase, transact } from "./database_file.ts";
import type { DatabaseFormat } from "./database_file.ts";
import { reasonOf } from "./disk_failure.ts";

/** The log in front of the database may grow to so many pages of 4 KiB before it is worked off. */
const CHECKPOINT_PAGES = 4000;

export interface IndexDatabaseOptions extends Omit<DatabaseFormat, "synchronous"> {
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
      transact(this.#database, change);
    } catch (error) {
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
      return openIndex(this.#path, options);
    } catch (error) {
      if (!isDamage(error)) throw this.#failure(error);
      this.#moveAside(error);
    }
    try {
      return openIndex(this.#path, options);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #moveAside(error: unknown): void {
    this.#isAside = true;
    const aside = moveAside(this.#path, error);
    this.#log(
      `Cannot use ${this.#path}: ${reasonOf(error)}; it is now ${aside}, and a new one is made`,
    );
  }
}

function openIndex(path: string, options: IndexDatabaseOptions): DatabaseSync {
  const database = openDatabase(path, { ...options, synchronous: "FULL" });
  database.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  return database;
}
