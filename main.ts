/**
 * The command line of p2pnode: picks the subcommand, wires the real ports, and owns exit codes and signals.
 *
 * Exit codes: 0 done, 1 failed while running, 2 wrong usage. An error is one line on stderr; its stack
 * follows with --debug. Output that could not be written is an error as well.
 */

import config from "./deno.json" with { type: "json" };
import type { CommandDeclaration, ParsedCommand } from "./node/command/declaration.ts";
import { helpText } from "./node/command/help.ts";
import { asksForDebug, asksForHelp, parseCommand } from "./node/command/options.ts";
import { unknownCommand, UsageError } from "./node/command/usage_error.ts";
import { Exit } from "./node/command/exit.ts";
import type { World } from "./node/command/world.ts";
import { ProcessScreen } from "./node/platform/terminal.ts";
import type { Screen } from "./node/terminal/ports.ts";

/** A subcommand. Its modules are loaded only when it is the one that runs. */
interface Subcommand {
  readonly summary: string;
  load(): Promise<LoadedCommand>;
}

interface LoadedCommand {
  readonly declaration: CommandDeclaration;
  run(args: readonly string[], world: World): Promise<void>;
}

const subcommands: Readonly<Record<string, Subcommand>> = {
  tracker: {
    summary: "Keep the list of nodes and files of a swarm",
    load: async () => {
      const { runTrackerCommand, trackerCommand } = await import("./node/command/tracker.ts");
      const { runTracker } = await import("./tracker/server.ts");
      return loaded(
        trackerCommand,
        (parsed, world) => runTrackerCommand(parsed, world, runTracker),
      );
    },
  },
  peer: {
    summary: "Share a folder and fetch from the swarm",
    load: async () => {
      const { peerCommand, runPeer } = await import("./node/command/peer.ts");
      return loaded(peerCommand, runPeer);
    },
  },
  get: {
    summary: "Download files from the swarm",
    load: async () => {
      const { getCommand, runGet } = await import("./node/command/get.ts");
      return loaded(getCommand, runGet);
    },
  },
  ls: {
    summary: "List the files and nodes of a swarm",
    load: async () => {
      const { lsCommand, runLs } = await import("./node/command/ls.ts");
      return loaded(lsCommand, runLs);
    },
  },
  "sync-server": {
    summary: "Keep a folder for each user, the same on the user's devices",
    load: async () => {
      const { runSyncServerCommand, syncServerCommand } = await import(
        "./node/command/sync_server.ts"
      );
      return loaded(syncServerCommand, runSyncServerCommand);
    },
  },
  sync: {
    summary: "Keep a local folder the same on your devices",
    load: async () => {
      const { runSync, syncCommand } = await import("./node/command/sync.ts");
      return loaded(syncCommand, runSync);
    },
  },
  serve: {
    summary: "Offer a folder, from which others copy",
    load: async () => {
      const { runServe, serveCommand } = await import("./node/command/serve.ts");
      return loaded(serveCommand, runServe);
    },
  },
  fetch: {
    summary: "Copy a folder from a server",
    load: async () => {
      const { fetchCommand, runFetch } = await import("./node/command/fetch.ts");
      return loaded(fetchCommand, runFetch);
    },
  },
  content: {
    summary: "Offer a folder or a file to mirror servers",
    load: async () => {
      const { contentCommand, runContent } = await import("./node/command/content.ts");
      return loaded(contentCommand, runContent);
    },
  },
  mirror: {
    summary: "Mirror content servers, as mirror-init orders it",
    load: async () => {
      const { mirrorCommand, runMirror } = await import("./node/command/mirror.ts");
      return loaded(mirrorCommand, runMirror);
    },
  },
  "mirror-init": {
    summary: "Order a mirror of content servers",
    load: async () => {
      const { mirrorInitCommand, runMirrorInit } = await import("./node/command/mirror_init.ts");
      return loaded(mirrorInitCommand, runMirrorInit);
    },
  },
  demo: {
    summary: "Watch a file travel between five nodes on this machine",
    load: async () => {
      const { demoCommand, runDemo } = await import("./node/command/demo.ts");
      const { runTracker } = await import("./tracker/server.ts");
      return loaded(demoCommand, (parsed, world) => runDemo(parsed, world, runTracker));
    },
  },
};

function loaded<const Command extends CommandDeclaration>(
  declaration: Command,
  run: (parsed: ParsedCommand<Command>, world: World) => Promise<void>,
): LoadedCommand {
  return { declaration, run: (args, world) => run(parseCommand(declaration, args), world) };
}

async function main(args: readonly string[], screen: Screen): Promise<void> {
  const [name, ...rest] = args;
  if (name === "version" || name === "--version") {
    return screen.write(`p2pnode ${config.version}\n`);
  }
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    return screen.write(await help(rest[0]));
  }
  const command = await find(name).load();
  if (asksForHelp(rest)) return screen.write(helpText(command.declaration));
  const { realWorld } = await import("./node/platform/world.ts");
  using world = realWorld(`p2pnode ${config.version}`, screen);
  await command.run(rest, world);
}

function find(name: string): Subcommand {
  const found = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
  if (found === undefined) {
    throw unknownCommand(name, [...Object.keys(subcommands), "help", "version"]);
  }
  return found;
}

/** What there is, or all about one command. */
async function help(name: string | undefined): Promise<string> {
  if (name !== undefined && !["help", "version"].includes(name)) {
    return helpText((await find(name).load()).declaration);
  }
  const width = Math.max(...Object.keys(subcommands).map((known) => known.length));
  return [
    `p2pnode ${config.version} moves files between machines and trusts nobody on the way.`,
    "",
    "Usage: p2pnode COMMAND ...",
    "",
    ...Object.entries(subcommands).map(([known, { summary }]) =>
      `  ${known.padEnd(width)}  ${summary}`
    ),
    `  ${"version".padEnd(width)}  Print the version`,
    "",
    "p2pnode help COMMAND tells more about one.",
    "",
  ].join("\n");
}

/** Tells what went wrong. Answers the exit code. */
function report(error: unknown, debug: boolean): number {
  if (error instanceof Exit) return error.code;
  const reason = error instanceof Error ? error : new Error(String(error));
  console.error(`p2pnode: ${reason.message}`);
  if (debug) console.error(reason.stack);
  return error instanceof UsageError ? error.exitCode : 1;
}

/** Carries out a command line to its end. Answers the exit code. */
async function run(args: readonly string[]): Promise<number> {
  const debug = asksForDebug(args);
  const screen = new ProcessScreen(Deno.stdout);
  let code = 0;
  try {
    await main(args, screen);
  } catch (error) {
    code = report(error, debug);
  }
  if (code > 0 || screen.failure === undefined) return code;
  return report(new Error(`Cannot write to standard output: ${screen.failure}`), debug);
}

if (import.meta.main) Deno.exit(await run(Deno.args));
