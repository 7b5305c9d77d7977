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
import type { Registry } from "./registry.ts";
import { openDatabase, reasonOf, unusable } from "./state_schema.ts";

const SAVE_EVERY_MS = 1000;
/** So many rows are written before others get a turn: one or two milliseconds' worth. */
const ROWS_PER_TURN = 500;

const LOAD_NODES = "SELECT serial, id, host, port FROM node ORDER BY serial";
const LOAD_HOLDINGS = `
  SELECT node, names, holding.block_size AS unit, have, serial, id, size, file.block_size, publisher
  FROM file JOIN holding ON file = serial ORDER BY serial`;
/** The holdings of a node that is gone are deleted a few at a time. */
const DROP_SOME_HOLDINGS = `
  DELETE FROM holding WHERE node = ?1
  AND file IN (SELECT file FROM holding WHERE node = ?1 LIMIT ${ROWS_PER_TURN})`;

interface NodeRow {
  readonly serial: number;
  readonly id: Uint8Array;
  readonly host: string;
  readonly port: number;
}

interface HoldingRow {
  readonly node: number;
  readonly names: string;
  readonly unit: number;
  readonly have: Uint8Array | null;
  readonly serial: number;
  readonly id: Uint8Array;
  readonly size: number;
  readonly block_size: number;
  readonly publisher: Uint8Array;
}

/** Writes single rows; the statements are compiled once. */
class RowWriter {
  readonly #putNode: StatementSync;
  readonly #putFile: StatementSync;
  readonly #putHolding: StatementSync;
  readonly #dropNode: StatementSync;
  readonly #dropFile: StatementSync;
  readonly #dropHolding: StatementSync;
  readonly #dropSomeHoldings: StatementSync;

  constructor(database: DatabaseSync) {
    this.#putNode = database.prepare("INSERT OR REPLACE INTO node VALUES (?, ?, ?, ?)");
    this.#putFile = database.prepare("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?)");
    this.#putHolding = database.prepare("INSERT OR REPLACE INTO holding VALUES (?, ?, ?, ?, ?)");
    this.#dropNode = database.prepare("DELETE FROM node WHERE serial = ?");
    this.#dropFile = database.prepare("DELETE FROM file WHERE serial = ?");
    this.#dropHolding = database.prepare("DELETE FROM holding WHERE node = ? AND file = ?");
    this.#dropSomeHoldings = database.prepare(DROP_SOME_HOLDINGS);
  }

  /** Writes all that has changed, row by row; whoever iterates decides how fast. */
  *write(changes: ChangeSet): Generator<void> {
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
  }

  /** Deletes come first: what has gone and come back stands in both halves. */
  *#drop({ droppedNodes, droppedFiles, droppedHoldings }: ChangeSet): Generator<void> {
    for (const { serial } of droppedNodes) {
      while (Number(this.#dropSomeHoldings.run(serial).changes) > 0) yield;
      yield void this.#dropNode.run(serial);
    }
    for (const { serial } of droppedFiles) yield void this.#dropFile.run(serial);
    for (const { node, file } of droppedHoldings) {
      yield void this.#dropHolding.run(node.serial, file.serial);
    }
  }

  #writeNode({ serial, nodeId, host, port }: SwarmNode): void {
    this.#putNode.run(serial, nodeId, host, port);
  }

  #writeFile({ serial, id, size, blockSize, publisher }: SwarmFile): void {
    this.#putFile.run(serial, id, size, blockSize, publisher);
  }

  #writeHolding({ node, file, listings, blockSize, have }: Holding): void {
    const names = listings.map(({ name }) => name).join("\n");
    const bits = have.extent === "none" ? null : have.bits;
    this.#putHolding.run(node.serial, file.serial, names, blockSize, bits);
  }
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
    for (const row of this.#rows<NodeRow>(LOAD_NODES)) {
      const { serial, id: nodeId, host, port } = row;
      nodes.set(serial, registry.restoreNode({ serial, nodeId, address: { host, port } }, 0));
    }
    for (const row of this.#rows<HoldingRow>(LOAD_HOLDINGS)) {
      const node = nodes.get(row.node);
      if (node !== undefined) this.#loadHolding(registry, node, row);
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
      for (const _row of this.#writer.write(changes)) {
        if (++count % ROWS_PER_TURN === 0) await pause();
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

  #loadHolding(registry: Registry, node: SwarmNode, row: HoldingRow): void {
    const { names, unit, have, serial, id, size, block_size: blockSize, publisher } = row;
    const saved = {
      file: { serial, id, size, blockSize, publisher },
      names: names.split("\n"),
      blockSize: unit,
      have: have ?? undefined,
    };
    try {
      registry.restoreHolding(node, saved);
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
