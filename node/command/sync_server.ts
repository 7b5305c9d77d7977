/** `p2pnode sync-server`: keeps a folder for each user, the same on all of the user's devices. */

import { addressText } from "../../protocol/address.ts";
import { VERSION_COUNT_MAX } from "../../protocol/sync_messages.ts";
import { runSyncServer } from "../sync/server/sync_server.ts";
import { printable } from "../text/printable.ts";
import { defineCommand } from "./declaration.ts";
import type { ParsedCommand } from "./declaration.ts";
import { serverTelling } from "./server_telling.ts";
import type { World } from "./world.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

export const syncServerCommand = defineCommand({
  name: "sync-server",
  summary: "Keep a folder for each user, the same on the user's devices.",
  about: [
    "Each user's files lie under their own names in <data-dir>/USER. Whoever can reach the port can join\n" +
    "as any user and see that user's files: run it inside a network that you trust.",
  ],
  positionals: {
    port: { kind: "port", doc: "port to accept devices on; 0 picks a free one" },
    dataDir: { doc: "where the users' folders are; it is made if it is missing" },
  },
  flags: {
    host: { kind: "text", default: "0.0.0.0", placeholder: "ADDR", doc: "address to listen on" },
    keepVersions: {
      kind: "count",
      default: 10,
      max: VERSION_COUNT_MAX,
      doc: "old versions to keep of each file; 0 keeps none",
    },
    keepDays: {
      kind: "count",
      default: 30,
      max: 36_500,
      doc: "days to keep old versions and deleted files",
    },
    json: { kind: "boolean", doc: "print one JSON object a line" },
  },
  examples: ["p2pnode sync-server 7000 ./sync_data"],
});

export async function runSyncServerCommand(
  { positionals, flags }: ParsedCommand<typeof syncServerCommand>,
  world: World,
): Promise<void> {
  const { tell, log } = serverTelling(world, flags.json);
  await using spaces = await world.openUserSpaces(positionals.dataDir, log);
  await runSyncServer({
    ...world,
    port: positionals.port,
    host: flags.host,
    identity: await world.loadIdentity(spaces.root),
    signal: world.stopped,
    log,
    onListening: (address) => {
      const folder = spaces.root;
      if (!flags.json) world.print(`serving the folders of users in ${printable(folder)}`);
      tell("listening", { ...address, folder }, `listening on ${addressText(address)}`);
    },
    openUser: (name) => spaces.open(name),
    keepVersions: flags.keepVersions,
    keepMs: flags.keepDays * DAY_MS,
  });
}
