/**
 * Keeps the registry in a file, so that a tracker that is started again knows its swarm at once.
 *
 * The file is an SQLite database, written behind: what has changed is saved about once a second, in one
 * transaction, a few rows at a time, so that requests are served in between. A process that is killed
 * loses about the last second. That is enough: a restored node has to announce itself within its time to
 * live anyway, as every node of a running swarm does when its tracker is back.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { ProtocolError } from "../protocol/errors.ts";
import type { Clock, Log } from "../protocol/ports.ts";
import { Changes } from "./changes.ts";
import type { ChangeSet } from "./changes.ts";
import type { Holding, SwarmFile, SwarmNode } from "./entries.ts";
import { eachListing, findListing } from "./listings.ts";
import type { Registry } from "./registry.ts";
import { openDatabase, reasonOf, unusable } from "./state_schema.ts";

const SAVE_EVERY_MS = 1000;
/** So many rows are written before others get a turn: one or two milliseconds' worth. */
const ROWS_PER_TURN = 500;

const LOAD_NODES = "SELECT serial, id, host, port FROM node ORDER BY serial";
const LOAD_HOLDINGS = `
  SELECT node, holding.block_size AS unit, have, serial, id, size, file.block_size, publisher
  FROM file JOIN holding ON file = serial ORDER BY serial`;
const LOAD_NAMES = "SELECT node, file, name FROM name";
/** What there may be a lot of is deleted a few at a time. */
const DROP_HOLDINGS_OF_NODE = `
  DELETE FROM holding WHERE node = ?1
  AND file IN (SELECT file FROM holding WHERE node = ?1 LIMIT ${ROWS_PER_TURN})`;
const DROP_NAMES_OF_NODE = `
  DELETE FROM name WHERE node = ?1
  AND (file, name) IN (SELECT file, name FROM name WHERE node = ?1 LIMIT ${ROWS_PER_TURN})`;
const DROP_NAMES_OF_HOLDING = `
  DELETE FROM name WHERE node = ?1 AND file = ?2
  AND name IN (SELECT name FROM name WHERE node = ?1 AND file = ?2 LIMIT ${ROWS_PER_TURN})`;

interface NodeRow {
  readonly serial: number;
  readonly id: Uint8Array;
  readonly host: string;
  readonly port: number;
}

interface HoldingRow {
  readonly node: number;
  readonly unit: number;
  readonly have: Uint8Array | null;
  readonly serial: number;
  readonly id: Uint8Array;
  readonly size: number;
  readonly block_size: number;
  readonly publisher: Uint8Array;
}

interface NameRow {
  readonly node: number;
  readonly file: number;
  readonly name: string;
}

/** Writes rows; the statements are compiled once. */
class RowWriter {
  readonly #putNode: StatementSync;
  readonly #putFile: StatementSync;
  readonly #putHolding: StatementSync;
  readonly #putName: StatementSync;
  readonly #dropNode: StatementSync;
  readonly #dropFile: StatementSync;
  readonly #dropHolding: StatementSync;
  readonly #dropName: StatementSync;
  readonly #dropHoldingsOfNode: StatementSync;
  readonly #dropNamesOfNode: StatementSync;
  readonly #dropNamesOfHolding: StatementSync;

  constructor(database: DatabaseSync) {
    this.#putNode = database.prepare("INSERT OR REPLACE INTO node VALUES (?, ?, ?, ?)");
    this.#putFile = database.prepare("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?)");
    this.#putHolding = database.prepare("INSERT OR REPLACE INTO holding VALUES (?, ?, ?, ?)");
    this.#putName = database.prepare("INSERT OR IGNORE INTO name VALUES (?, ?, ?)");
    this.#dropNode = database.prepare("DELETE FROM node WHERE serial = ?");
    this.#dropFile = database.prepare("DELETE FROM file WHERE serial = ?");
    this.#dropHolding = database.prepare("DELETE FROM holding WHERE node = ? AND file = ?");
    this.#dropName = database.prepare("DELETE FROM name WHERE node = ? AND file = ? AND name = ?");
    this.#dropHoldingsOfNode = database.prepare(DROP_HOLDINGS_OF_NODE);
    this.#dropNamesOfNode = database.prepare(DROP_NAMES_OF_NODE);
    this.#dropNamesOfHolding = database.prepare(DROP_NAMES_OF_HOLDING);
  }

  /** Writes all that has changed; each step tells how many rows it took. Whoever iterates decides how fast. */
  *write(changes: ChangeSet): Generator<number> {
    yield* this.#drop(changes);
    for (const node of changes.nodes) {
      if (!node.gone) yield this.#writeNode(node);
    }
    for (const file of changes.files) {
      if (!file.gone) yield this.#writeFile(file);
    }
    for (const holding of changes.holdings) {
      if (!holding.gone) yield this.#writeHolding(holding);
    }
    for (const [holding, listings] of changes.names) {
      for (const { name } of eachListing(listings)) {
        if (!holding.gone) yield this.#writeName(holding, name);
      }
    }
  }

  /** Deletes come first: what has gone and come back stands in both halves. */
  *#drop({ droppedNodes, droppedFiles, droppedHoldings }: ChangeSet): Generator<number> {
    for (const { serial } of droppedNodes) {
      yield* repeat(this.#dropNamesOfNode, serial);
      yield* repeat(this.#dropHoldingsOfNode, serial);
      yield rowCount(this.#dropNode.run(serial));
    }
    for (const { serial } of droppedFiles) yield rowCount(this.#dropFile.run(serial));
    for (const { node, file } of droppedHoldings) {
      yield* repeat(this.#dropNamesOfHolding, node.serial, file.serial);
      yield rowCount(this.#dropHolding.run(node.serial, file.serial));
    }
  }

  #writeNode({ serial, nodeId, host, port }: SwarmNode): number {
    return rowCount(this.#putNode.run(serial, nodeId, host, port));
  }

  #writeFile({ serial, id, size, blockSize, publisher }: SwarmFile): number {
    return rowCount(this.#putFile.run(serial, id, size, blockSize, publisher));
  }

  #writeHolding({ node, file, blockSize, have }: Holding): number {
    const bits = have.extent === "none" ? null : have.bits;
    return rowCount(this.#putHolding.run(node.serial, file.serial, blockSize, bits));
  }

  #writeName({ node, file, listings }: Holding, name: string): number {
    const isThere = findListing(listings, name) !== undefined;
    const statement = isThere ? this.#putName : this.#dropName;
    return rowCount(statement.run(node.serial, file.serial, name));
  }
}

/** Runs a statement that deletes some rows until there are no more. */
function* repeat(statement: StatementSync, ...key: number[]): Generator<number> {
  let count: number;
  do {
    count = rowCount(statement.run(...key));
    yield count;
  } while (count === ROWS_PER_TURN);
}

/** How many rows a statement took. One that found none has taken its time, too. */
function rowCount({ changes }: { readonly changes: number | bigint }): number {
  return Math.max(1, Number(changes));
}

export class StateFile implements AsyncDisposable {
  readonly #path: string;
  readonly #log: Log;
  readonly #database: DatabaseSync;
  readonly #writer: RowWriter;
  #failing = false;
  /** To be told of every change of the registry. */
  readonly changes = new Changes();

  private constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
    this.#database = openDatabase(path);
    this.#writer = new RowWriter(this.#database);
  }

  /** Opens or makes the file. Throws `Cannot use state file …` when it cannot be used. */
  static open(path: string, log: Log): StateFile {
    return new StateFile(path, log);
  }

  /** Fills an empty registry. Throws when the file holds what no tracker would have written. */
  load(registry: Registry): void {
    const nodes = new Map<number, SwarmNode>();
    const files = new Map<number, SwarmFile>();
    for (const row of this.#rows<NodeRow>(LOAD_NODES)) {
      const { serial, id: nodeId, host, port } = row;
      nodes.set(serial, registry.restoreNode({ serial, nodeId, address: { host, port } }, 0));
    }
    for (const row of this.#rows<HoldingRow>(LOAD_HOLDINGS)) {
      const node = nodes.get(row.node);
      if (node !== undefined) files.set(row.serial, this.#loadHolding(registry, node, row).file);
    }
    for (const { node, file, name } of this.#rows<NameRow>(LOAD_NAMES)) {
      const holding = nodes.get(node)?.holdings.get(files.get(file)!);
      if (holding !== undefined) this.#restore(() => registry.restoreName(holding, name));
    }
    this.changes.take();
  }

  /** Saves what has changed about once a second, until `signal` is aborted. */
  async run(clock: Clock, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(SAVE_EVERY_MS, signal);
      await this.save(() => clock.sleep(0));
    }
  }

  /**
   * Saves what has changed; `pause` lets others have a turn. When that fails, it is logged, and tried again
   * the next time.
   */
  async save(pause: () => Promise<void>): Promise<void> {
    const changes = this.changes.take();
    try {
      this.#database.exec("BEGIN");
      let count = 0;
      for (const rows of this.#writer.write(changes)) {
        count += rows;
        if (count < ROWS_PER_TURN) continue;
        count = 0;
        await pause();
      }
      this.#database.exec("COMMIT");
      this.#failing = false;
    } catch (error) {
      this.changes.putBack(changes);
      this.#rollBack();
      if (!this.#failing) this.#log(`Cannot save state file ${this.#path}: ${reasonOf(error)}`);
      this.#failing = true;
    }
  }

  /** Saves what is left, and closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.save(() => Promise.resolve());
    this.#database.close();
  }

  #loadHolding(registry: Registry, node: SwarmNode, row: HoldingRow): Holding {
    const { unit, have, serial, id, size, block_size: blockSize, publisher } = row;
    const file = { serial, id, size, blockSize, publisher };
    const saved = { blockSize: unit, have: have ?? undefined };
    return this.#restore(() => registry.restoreHolding(node, file, saved));
  }

  /** Restores an entry, which throws when no tracker would have saved it. */
  #restore<T>(entry: () => T): T {
    try {
      return entry();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      throw unusable(this.#path, "it is damaged (remove it to start afresh)");
    }
  }

  /** The rows of a query, whose columns the schema vouches for. */
  #rows<Row>(query: string): Iterable<Row> {
    return this.#database.prepare(query).iterate() as Iterable<unknown> as Iterable<Row>;
  }

  /** SQLite may have rolled back by itself. */
  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // Nothing was open.
    }
  }
}
