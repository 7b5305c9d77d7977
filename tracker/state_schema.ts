/** The database behind the state file: its tables, and how it is opened without trusting what is there. */

import { DatabaseSync } from "node:sqlite";

/** "P2PT": marks a database as a tracker's state. */
const APPLICATION_ID = 0x50325054;
const SCHEMA_VERSION = 2;

/** The checks let SQLite's own integrity check find whatever the registry could not use. */
const SCHEMA = `
  CREATE TABLE node (
    serial INTEGER PRIMARY KEY CHECK (serial > 0),
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 32),
    host TEXT NOT NULL CHECK (length(host) BETWEEN 1 AND 64),
    port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535)
  ) STRICT;
  CREATE TABLE file (
    serial INTEGER PRIMARY KEY CHECK (serial > 0),
    id BLOB NOT NULL CHECK (length(id) = 32),
    size INTEGER NOT NULL CHECK (size BETWEEN 0 AND 9007199254740991),
    block_size INTEGER NOT NULL,
    publisher BLOB NOT NULL CHECK (length(publisher) = 32)
  ) STRICT;
  CREATE TABLE holding (
    node INTEGER NOT NULL,
    file INTEGER NOT NULL,
    block_size INTEGER NOT NULL,
    have BLOB, -- NULL: no block; empty: every block; otherwise one bit a block
    PRIMARY KEY (node, file)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE name ( -- what the node has the file under
    node INTEGER NOT NULL,
    file INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (node, file, name)
  ) STRICT, WITHOUT ROWID;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** SQLite's result codes. */
const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/**
 * Opens or makes a state file, for this process alone. Throws `Cannot use state file …` when it is damaged,
 * in use, or something else; what is something else is not changed.
 */
export function openDatabase(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    prepare(database);
    return database;
  } catch (error) {
    database?.close();
    throw unusable(path, reasonOf(error));
  }
}

/** The error for a state file that cannot be used, for whatever reason. */
export function unusable(path: string, reason: string): Error {
  return new Error(`Cannot use state file ${path}: ${reason}`);
}

/** What an error of SQLite means to the user. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "errcode" in error ? error.errcode : undefined;
  if (code === SQLITE_BUSY) return "another process is using it";
  if (code === SQLITE_NOTADB) return "it is something else (name another file)";
  if (code === SQLITE_CORRUPT) return "it is damaged (remove it to start afresh)";
  return error.message;
}

function prepare(database: DatabaseSync): void {
  database.exec("PRAGMA locking_mode = EXCLUSIVE");
  const isNew = number(database, "SELECT count(*) AS value FROM sqlite_schema") === 0;
  if (isNew) {
    // Nothing but the write-ahead log survives a kill and needs no wait for the disk at each commit.
    database.exec("PRAGMA journal_mode = WAL");
    database.exec(`BEGIN; ${SCHEMA} COMMIT;`);
  } else {
    check(database);
  }
  database.exec("PRAGMA synchronous = NORMAL");
}

/** Throws when a database is not a sound state file of this version. */
function check(database: DatabaseSync): void {
  if (
    number(database, "SELECT application_id AS value FROM pragma_application_id") !== APPLICATION_ID
  ) {
    throw new Error("it is something else (name another file)");
  }
  const version = number(database, "SELECT user_version AS value FROM pragma_user_version");
  if (version !== SCHEMA_VERSION) {
    throw new Error(`another version of p2pnode wrote it (remove it to start afresh)`);
  }
  const problems = database.prepare("PRAGMA quick_check(1)").get();
  if (problems?.quick_check !== "ok") {
    throw new Error("it is damaged (remove it to start afresh)");
  }
}

/** The number that a query of one row and one column called "value" answers. */
function number(database: DatabaseSync, query: string): unknown {
  return database.prepare(query).get()?.value;
}
