/** The process as the commands see it: real network, clock, folders, terminal and signals. */

import { KeyPair, verify } from "../content/identity.ts";
import { Exit } from "../command/exit.ts";
import type { World } from "../command/world.ts";
import type { Screen } from "../terminal/ports.ts";
import { BlockWorkers } from "./block_workers.ts";
import { systemClock } from "./clock.ts";
import { openFolder } from "./folder.ts";
import { loadOrCreateIdentity } from "./key_file.ts";
import { ManifestDatabase } from "./manifest_database.ts";
import { localFiles } from "./local_files.ts";
import { makeSampleFile } from "./sample_file.ts";
import { tcpNetwork } from "./network.ts";
import { ProcessKeyboard, ProcessScreen } from "./terminal.ts";

const STOP_SIGNALS = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"] as const
  : ["SIGINT", "SIGTERM"] as const;

/** The world of this process. The first signal asks commands to end; a second one ends the process. */
export function realWorld(agent: string, screen: Screen): World {
  const stopped = new AbortController();
  const stop = () => {
    if (stopped.signal.aborted) Deno.exit(1);
    stopped.abort(new Exit(0));
  };
  for (const signal of STOP_SIGNALS) Deno.addSignalListener(signal, stop);
  const errors = new ProcessScreen(Deno.stderr);
  return {
    network: tcpNetwork,
    clock: systemClock,
    random: Math.random,
    verify,
    nonce: () => crypto.getRandomValues(new Uint8Array(32)),
    agent,
    stopped: stopped.signal,
    screen,
    keyboard: new ProcessKeyboard(),
    wallClock: Date.now,
    hostName: Deno.hostname,
    localFiles,
    print: (line) => screen.write(`${line}\n`),
    warn: (line) => errors.write(`${line}\n`),
    openFolder,
    openDisk: ({ root }, keys) => new BlockWorkers(keys === undefined ? { root } : { root, keys }),
    openManifestStore: ({ root }, log) => new ManifestDatabase(root, log),
    // Loaded only by the commands that need them: other commands start faster.
    openDeviceSpace: async (root, options) => {
      const { openDeviceSpace } = await import("./device_space.ts");
      return await openDeviceSpace(root, options);
    },
    openServedFolder: async (path, workerCount) => {
      const { openServedFolder } = await import("./served_folder.ts");
      return await openServedFolder(path, workerCount);
    },
    openCopySpace: async (root, { isTrial }) => {
      const { openCopySpace, openTrialSpace } = await import("./copy_space.ts");
      return isTrial ? await openTrialSpace(root) : await openCopySpace(root);
    },
    openUserSpaces: async (root, log) => {
      const { openUserSpaces } = await import("./user_spaces.ts");
      return await openUserSpaces(root, log);
    },
    loadIdentity: loadOrCreateIdentity,
    makeIdentity: () => KeyPair.generate(),
    makeTemporaryFolder: () => Deno.makeTempDir({ prefix: "p2pnode-" }),
    removeFolder: (path) => Deno.remove(path, { recursive: true }),
    makeSampleFile,
    [Symbol.dispose]: () => {
      for (const signal of STOP_SIGNALS) Deno.removeSignalListener(signal, stop);
    },
  };
}
