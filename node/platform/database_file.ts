/**
 * The file of an SQLite database in a folder's private area. One that is damaged or not ours is moved aside, so that
 * a new one can be made in its place: whatever is in it can be found again in another way.
 */

import { DatabaseSync } from "node:sqlite";
import { reasonOf } from "./disk_failure.ts";

/** SQLite's codes for a database that cannot be read, SQLITE_CORRUPT and SQLITE_NOTADB, and its words. */
const DAMAGE_CODES = [11, 26];
const DAMAGE_WORDS = /^(?:database disk image is malformed|file is not a database)/;
/** Files that SQLite keeps beside a database. */
const COMPANIONS = ["-wal", "-shm", "-journal"];

/** Something about a database that makes no sense, `it has …`: damage, as if SQLite had found it. */
export class DamagedDatabase extends Error {}

export interface DatabaseFormat {
  /** `CREATE` statements that make a new database. */
  readonly schema: string;
  /** The `PRAGMA user_version` of a database with that schema: "p2" for p2pnode, and a count. */
  readonly version: number;
  /** Whether a commit is on the disk for good ("FULL"), or only after the next checkpoint ("NORMAL"). */
  readonly synchronous: "FULL" | "NORMAL";
}

/**
 * Opens the database at `path`, or makes it. This process must have the folder for itself. Throws SQLite's errors,
 * those of the file system, and a `DamagedDatabase`.
 */
export function openDatabase(
  path: string,
  { schema, version, synchronous }: DatabaseFormat,
): DatabaseSync {
  requireRegular(path);
  const database = new DatabaseSync(path);
  try {
    // The folder's lock keeps others out, so SQLite need not share its memory with them.
    database.exec("PRAGMA locking_mode = EXCLUSIVE");
    database.exec("PRAGMA journal_mode = WAL");
    database.exec(`PRAGMA synchronous = ${synchronous}`);
    const found = (database.prepare("PRAGMA user_version").get() as { user_version: number })
      .user_version;
    if (found !== version) {
      if (found !== 0) {
        throw new DamagedDatabase(`it has version ${found} instead of ${version}`);
      }
      database.exec(`BEGIN; ${schema} PRAGMA user_version = ${version}; COMMIT`);
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Does all of `change` or nothing of it. */
export function transact(database: DatabaseSync, change: () => void): void {
  try {
    database.exec("BEGIN");
    change();
    database.exec("COMMIT");
  } catch (error) {
    // After some errors SQLite has rolled back already.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** Whether an error says that the database cannot be read. The errors of `exec` come without a code. */
export function isDamage(error: unknown): boolean {
  if (error instanceof DamagedDatabase) return true;
  if (!(error instanceof Error)) return false;
  const isCode = "errcode" in error && DAMAGE_CODES.includes(Number(error.errcode) & 0xff);
  return isCode || DAMAGE_WORDS.test(error.message);
}

/**
 * Moves a database aside that cannot be used because of `error`. Answers where it is now.
 *
 * @throws {Error} `Cannot use PATH: reason; and cannot move it aside: reason`.
 */
export function moveAside(path: string, error: unknown): string {
  const aside = `${path}.damaged`;
  try {
    Deno.renameSync(path, aside);
    for (const companion of COMPANIONS) removeIfThere(path + companion);
    return aside;
  } catch (reason) {
    throw new Error(
      `Cannot use ${path}: ${reasonOf(error)}; and cannot move it aside: ${reasonOf(reason)}`,
    );
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
  throw new DamagedDatabase("it is not a regular file");
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
