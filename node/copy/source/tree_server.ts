/** The source of trees: gives each copier that connects a session. The sessions share workers, watcher and limit. */

import { ErrorCode, ProtocolError } from "../../../protocol/errors.ts";
import type { Random } from "../../../protocol/ports.ts";
import { runServer } from "../../connecting/server.ts";
import type { ServerOptions } from "../../connecting/server.ts";
import { RateLimit } from "../../traffic/rate_limit.ts";
import type { ContentReader } from "../../transfer/stage.ts";
import { HashMemory } from "./hash_memory.ts";
import { HashWorkers } from "./hash_workers.ts";
import type { SourceFolder } from "./ports.ts";
import { SourceWatch } from "./source_watch.ts";
import { TreeSession } from "./tree_session.ts";
import type { TreeEvents } from "./tree_session.ts";

/** Each open tree takes a few megabytes at most. */
const CLIENTS_MAX = 256;
/** Files whose contents are remembered: 64 MiB for that many. */
const REMEMBERED_MAX = 2 ** 20;

export interface TreeServerOptions extends ServerOptions {
  readonly random: Random;
  /** What is offered. */
  readonly folder: SourceFolder;
  /** Reads and hashes its files. */
  readonly contents: ContentReader;
  /** How many workers hash files. */
  readonly workerCount: number;
  /** How many files may wait for the workers, those of all clients together. */
  readonly queueLength: number;
  /** How many bytes are sent at once, at most `CHUNK_SIZE_MAX`. */
  readonly chunkSize: number;
  /** Bytes a second to send at most, to all clients together. */
  readonly upLimit?: number | undefined;
  readonly events: TreeEvents;
}

/** Runs a source until `signal` is aborted. Throws when it cannot listen. */
export async function runTreeServer(options: TreeServerOptions): Promise<void> {
  await runServer(options, ({ log, signal }) => {
    const { clock, random, folder } = options;
    const memory = new HashMemory({ countMax: REMEMBERED_MAX, random });
    const workers = new HashWorkers({ ...options, memory });
    const watch = new SourceWatch(folder, { signal, log: (line) => log.write(line) });
    const limit = new RateLimit(options.upLimit, clock);
    let hashingAhead: Promise<void> | undefined;
    return {
      role: "source",
      expect: "copier",
      connectionsMax: CLIENTS_MAX,
      welcome: (connection) => new TreeSession(connection, { ...options, workers, watch, limit }),
      farewell: new ProtocolError(ErrorCode.failed, "Cannot go on: the source stops"),
      begin() {
        hashingAhead = workers.hashAhead();
      },
      async close() {
        await workers.close();
        await hashingAhead;
        await watch.ended();
      },
    };
  });
}
