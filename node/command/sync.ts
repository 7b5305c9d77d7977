/**
 * `p2pnode sync`: keeps a local folder the same as a user's folder on a sync server, and so as that of the
 * user's other device.
 *
 * On a terminal it has a prompt; elsewhere it takes the same commands line by line. Three things go on side
 * by side, so that none holds up another: the commands, the local changes on their way up, and those of
 * the server on their way down; the last two are the device engine's (node/sync/device/).
 */

import { AnySignal } from "../../protocol/any_signal.ts";
import { addressText } from "../../protocol/address.ts";
import type { Address } from "../../protocol/ports.ts";
import { untilAborted } from "../../protocol/until_aborted.ts";
import type { SyncClient, SyncEvent } from "../sync/client.ts";
import { Refused } from "../sync/device/session.ts";
import { SyncDevice } from "../sync/device/sync_device.ts";
import { userNameProblem } from "../sync/user_name.ts";
import { completeWith } from "../terminal/completion.ts";
import { ProgressBoard } from "../terminal/progress_board.ts";
import { Prompt } from "../terminal/prompt.ts";
import { printable } from "../text/printable.ts";
import { defineCommand } from "./declaration.ts";
import type { ParsedCommand } from "./declaration.ts";
import { showSyncTransfers } from "./sync_bars.ts";
import { SyncEvents } from "./sync_events.ts";
import { SyncFiles } from "./sync_files.ts";
import { completeSyncWords, runSyncLine } from "./sync_prompt.ts";
import { SyncSession } from "./sync_session.ts";
import { Telling } from "./telling.ts";
import { UsageError } from "./usage_error.ts";
import type { World } from "./world.ts";

const PORT_DEFAULT = 7000;

export const syncCommand = defineCommand({
  name: "sync",
  summary: "Keep a local folder the same on your devices, through a sync server.",
  about: [
    "At most two devices of a user are connected at a time; a third one is refused. At the prompt, help\n" +
    "lists the commands: upload, download, lists, old versions and others.",
    "Without a terminal, commands are read from standard input, one a line, and carried out in order. The\n" +
    "end of the input ends nothing; exit does, once the server has stored what was commanded.",
  ],
  positionals: {
    user: { doc: "whose folder: 1 to 64 letters, digits, dots, underscores, hyphens" },
    host: { doc: "where the sync server is" },
    port: {
      kind: "port",
      presence: "optional",
      doc: `the server's port; ${PORT_DEFAULT} if not given`,
    },
  },
  flags: {
    dir: {
      kind: "text",
      placeholder: "DIR",
      doc: "the folder; ./sync_dir_USER if not given; it is made if it is missing",
    },
    device: {
      kind: "text",
      placeholder: "NAME",
      doc: "what this device is called; the name of this machine if not given",
    },
    yes: { kind: "boolean", doc: "pass on deletions without asking, however many they are" },
    rescan: {
      kind: "seconds",
      default: 30,
      min: 1,
      doc: "look at the whole folder this often, or less often where that takes long",
    },
    poll: {
      kind: "boolean",
      doc: "do not watch the folder, only look at it that often, as some network file systems need",
    },
    json: { kind: "boolean", doc: "print one JSON object a line" },
  },
  examples: [
    "p2pnode sync alice sync.lan",
    "p2pnode sync alice sync.lan 7000 --dir ~/shared --device laptop",
    "printf 'upload report.pdf\\nexit\\n' | p2pnode sync alice sync.lan",
  ],
});

type Parsed = ParsedCommand<typeof syncCommand>;

export async function runSync({ positionals, flags }: Parsed, world: World): Promise<void> {
  const { user, host, port = PORT_DEFAULT } = positionals;
  const { clock, keyboard, screen } = world;
  const canAsk = keyboard.isTerminal && screen.isTerminal;
  const device = checkNames({ user, device: flags.device ?? deviceNameOf(world.hostName()) });
  const server: Address = { host, port };
  using board = new ProgressBoard(screen, clock);
  const telling = new Telling({ json: flags.json, board, print: world.print });
  const log = (line: string) => telling.tell("log", { line }, line);
  await using space = await world.openDeviceSpace(flags.dir ?? `./sync_dir_${user}`, {
    poll: flags.poll,
    log,
  });
  const { folder } = space;
  const heard = Promise.withResolvers<void>();
  const events = new SyncEvents({
    telling,
    clock,
    user,
    device,
    server,
    root: folder.root,
    canAsk,
    count: () => client.count(),
  });
  const client: SyncClient = new SyncDevice({
    ...world,
    ...space,
    identity: await world.loadIdentity(folder.root),
    user,
    device,
    server,
    log,
    observe: (event: SyncEvent) => {
      events.take(event);
      if (event.kind === "listed" || event.kind === "offline") heard.resolve();
    },
    acceptDeletions: flags.yes,
    canAsk,
    timings: { rescanMs: flags.rescan * 1000 },
  });
  const ended = new AbortController();
  using stopping = new AnySignal([world.stopped, ended.signal]);
  const { signal } = stopping;
  const session = new SyncSession({
    client,
    files: new SyncFiles({ ...space, client, clock, files: world.localFiles }),
    telling,
    user,
    device,
    server,
    root: folder.root,
    heard: heard.promise,
    signal,
  });
  using prompt = new Prompt({
    keyboard,
    screen,
    board,
    text: "p2pnode> ",
    complete: completeWith((before) => completeSyncWords(before, session)),
  });
  const running = client.run(signal);
  const showing = showSyncTransfers(client, { board, telling, clock, signal });
  try {
    await Promise.race([running, takeCommands(session, { prompt, signal })]);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    space.abandon();
    throw refusal(error, { user, server });
  } finally {
    ended.abort();
    await Promise.allSettled([running, showing]);
  }
}

/** The server wants nothing to do with this device, for the reason that it gives. */
function refusal(
  { message }: Refused,
  { user, server }: { readonly user: string; readonly server: Address },
): Error {
  return new Error(`Cannot sync as ${user} at ${addressText(server)}: ${printable(message)}`);
}

/** Carries out commands until `exit`; the end of a pipe ends nothing, that of a terminal does. */
async function takeCommands(
  session: SyncSession,
  { prompt, signal }: { readonly prompt: Prompt; readonly signal: AbortSignal },
): Promise<void> {
  for await (const line of prompt.lines()) {
    if (signal.aborted) return;
    try {
      if (await runSyncLine(session, line) === "exit") return;
      session.telling.tell("done", { line });
    } catch (error) {
      if (signal.aborted) return;
      const { message } = error as Error;
      session.telling.tell("error", { error: message, line }, message);
    }
  }
  if (!prompt.isInteractive) await untilAborted(signal);
}

/** Throws a `UsageError` where one of the names cannot be used. Answers the device's. */
function checkNames({ user, device }: { user: string; device: string }): string {
  const userProblem = userNameProblem(user);
  if (userProblem !== undefined) {
    throw new UsageError(`Cannot sync as "${printable(user)}": ${userProblem}`);
  }
  // It becomes a part of file names, as a user's name does.
  if (userNameProblem(device) !== undefined) {
    throw new UsageError(
      `Cannot use the device name "${printable(device)}": it has 1 to 64 letters, digits, dots, ` +
        "underscores and hyphens, and no dot in front",
    );
  }
  return device;
}

/** A device's name made of the machine's: its first label, as far as that can be part of a file name. */
function deviceNameOf(hostName: string): string {
  const label = hostName.split(".")[0]!.replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 64);
  return label === "" ? "device" : label;
}
