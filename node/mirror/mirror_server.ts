/** The mirror server: gives each initiator that connects a session, and has the sessions share what they can. */

import { ErrorCode, ProtocolError } from "../../protocol/errors.ts";
import type { KnownContents } from "../copy/known_contents.ts";
import { runServer } from "../connecting/server.ts";
import type { ServerOptions } from "../connecting/server.ts";
import type { Stage } from "../transfer/stage.ts";
import type { MirrorContext } from "./context.ts";
import { FairWorkers } from "./fair_workers.ts";
import { MirrorSession } from "./mirror_session.ts";
import type { MirrorEvents } from "./mirror_session.ts";
import { Places } from "./places.ts";
import { SharedContents } from "./shared_contents.ts";

/** Each order may have many sources. */
const INITIATORS_MAX = 64;
/** Jobs that may wait for a worker, of each source. */
const QUEUE_LENGTH = 16;

export interface MirrorServerOptions extends ServerOptions, Pick<MirrorContext, "strict"> {
  /** Where the mirrors are, and what they are made with. */
  readonly space: MirrorContext["space"] & {
    readonly stage: Stage;
    readonly known: KnownContents;
  };
  /** How many jobs are done at once, unless there are more sources than that. */
  readonly workerCount: number;
  readonly events: MirrorEvents;
}

/** Runs a mirror server until `signal` is aborted. Throws when it cannot listen. */
export async function runMirrorServer(options: MirrorServerOptions): Promise<void> {
  const { space, events } = options;
  const context: MirrorContext = {
    ...options,
    shared: new SharedContents({ ...space, pathOf: (path) => space.folder.pathOf(path) }),
    workers: new FairWorkers({ workers: options.workerCount, queue: QUEUE_LENGTH }),
    places: new Places(),
  };
  let orderCount = 0;
  const nextNumber = () => ++orderCount;
  await runServer(options, () => ({
    role: "mirror",
    expect: "initiator",
    connectionsMax: INITIATORS_MAX,
    welcome: (connection) => new MirrorSession({ connection, context, events, nextNumber }),
    farewell: new ProtocolError(ErrorCode.failed, "Cannot go on: the mirror server stops"),
  }));
}
