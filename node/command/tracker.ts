/** `p2pnode tracker`: keeps the list of nodes and files of a swarm. */

import type { Random } from "../../protocol/ports.ts";
import type { ServerOptions } from "../connecting/server.ts";
import { defineCommand } from "./declaration.ts";
import type { ParsedCommand } from "./declaration.ts";
import { serverTelling } from "./server_telling.ts";
import type { World } from "./world.ts";

/** How to run a tracker. The room of the tracker is not to be seen from here, so `main.ts` hands it in. */
export type RunTracker = (
  options: ServerOptions & {
    readonly expect?: number | undefined;
    readonly ttlMs: number;
    readonly statePath?: string | undefined;
    readonly random: Random;
  },
) => Promise<void>;

export const trackerCommand = defineCommand({
  name: "tracker",
  summary: "Keep the list of nodes and files of a swarm.",
  positionals: { port: { kind: "port", doc: "port to listen on; 0 picks a free one" } },
  flags: {
    host: { kind: "text", default: "0.0.0.0", placeholder: "ADDR", doc: "address to listen on" },
    ttl: {
      kind: "seconds",
      default: 30,
      min: 1,
      doc: "forget a node that was silent for this long",
    },
    expect: {
      kind: "count",
      min: 1,
      doc: "batch: wait for this many nodes, and end with them when all are done",
    },
    state: { kind: "text", placeholder: "FILE", doc: "keep the list in this file over a restart" },
    json: { kind: "boolean", doc: "print one JSON object a line" },
  },
  examples: ["p2pnode tracker 5000", "p2pnode tracker 5000 --expect 30 --state tracker.db"],
});

export async function runTrackerCommand(
  { positionals, flags }: ParsedCommand<typeof trackerCommand>,
  world: World,
  runTracker: RunTracker,
): Promise<void> {
  const { log, onListening } = serverTelling(world, flags.json);
  await runTracker({
    ...world,
    ...flags,
    port: positionals.port,
    ttlMs: flags.ttl * 1000,
    statePath: flags.state,
    identity: world.makeIdentity(),
    signal: world.stopped,
    log,
    onListening,
  });
}
