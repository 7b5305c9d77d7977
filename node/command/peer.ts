/**
 * `p2pnode peer`: shares a folder, fetches from the swarm into it, and serves while it fetches.
 *
 * On a terminal it has a prompt; elsewhere it takes the same commands line by line. What is wanted is
 * remembered, so a peer that was killed goes on where it was.
 */

import { AnySignal } from "../../protocol/any_signal.ts";
import { addressText } from "../../protocol/address.ts";
import type { Log } from "../../protocol/ports.ts";
import { untilAborted } from "../../protocol/until_aborted.ts";
import { SharedFolder } from "../swarm/shared_folder.ts";
import { SwarmNode } from "../swarm/swarm_node.ts";
import { completeWith } from "../terminal/completion.ts";
import { ProgressBoard } from "../terminal/progress_board.ts";
import { Prompt } from "../terminal/prompt.ts";
import { counted } from "../text/counted.ts";
import { printable } from "../text/printable.ts";
import { defineCommand } from "./declaration.ts";
import type { ParsedCommand } from "./declaration.ts";
import { Exit } from "./exit.ts";
import { nodeFlags, trackerPositionals } from "./node_flags.ts";
import { PeerSession } from "./peer_session.ts";
import { completePeerWords, runPeerLine, tellError } from "./peer_prompt.ts";
import type { Tell } from "./tell.ts";
import { printProgress, showBars } from "./transfers.ts";
import type { World } from "./world.ts";

export const peerCommand = defineCommand({
  name: "peer",
  summary: "Share a folder with the swarm and fetch files into it.",
  positionals: {
    ...trackerPositionals,
    port: { kind: "port", doc: "port to accept peers on; 0 picks a free one" },
    dir: { doc: "the folder to share; it is made if it is missing" },
  },
  flags: {
    get: { kind: "list", placeholder: "NAME", doc: "fetch this name or id" },
    exitWhenDone: { kind: "boolean", doc: "end when everything wanted is here" },
    json: { kind: "boolean", doc: "print one JSON object a line" },
    ...nodeFlags,
  },
  examples: [
    "p2pnode peer 127.0.0.1 5000 6001 ./peers_data/peer_6001",
    "p2pnode peer tracker.lan 5000 6001 ./data --get debian.iso --exit-when-done",
  ],
});

export type PeerFlags = ParsedCommand<typeof peerCommand>["flags"];

export async function runPeer(
  { positionals, flags }: ParsedCommand<typeof peerCommand>,
  world: World,
): Promise<void> {
  const { trackerHost, trackerPort, port, dir } = positionals;
  await using folder = await world.openFolder(dir, { create: true });
  const keys = await world.loadIdentity(folder.root);
  using board = new ProgressBoard(world.screen, world.clock);
  const tell = teller(flags.json, board, world);
  const log: Log = (line) => tell("log", { line }, printable(line));
  using disk = world.openDisk(folder, keys);
  using store = world.openManifestStore(folder, log);
  const ended = new AbortController();
  using stopping = new AnySignal([world.stopped, ended.signal]);
  const { signal } = stopping;
  const ready = Promise.withResolvers<void>();
  await using node = new SwarmNode({
    ...world,
    ...flags,
    identity: keys,
    tracker: { host: trackerHost, port: trackerPort },
    listen: { host: flags.host, port },
    folder,
    disk,
    cacheSize: flags.cache,
    log,
    ready: ready.promise,
    stopped: () => {
      log("the tracker says that everybody is done");
      ended.abort(new Exit(0));
    },
  });
  tell("listening", { ...node.address }, `listening on ${addressText(node.address)}`);
  const { clock } = world;
  const shared = new SharedFolder({
    folder,
    disk,
    store,
    catalog: node.catalog,
    publisher: keys.nodeId,
    clock,
    log,
  });
  const sharing = shared.run(signal);
  shared.ready.then(() => {
    const files = node.catalog.count;
    tell("sharing", { files }, `sharing ${counted(files, "file")}`);
    ready.resolve();
  }, (reason) => ended.abort(reason));
  const running = node.session.run();
  const showing = flags.json
    ? printProgress(node, { print: world.print, clock, signal })
    : showBars(node, { board, clock, signal });
  const session = new PeerSession({ node, folder, disk, store, shared, clock, signal, tell });
  try {
    await Promise.race([
      followWishes(session, { flags, signal, ended }),
      takeCommands(session, { board, world, flags, signal, ended }),
      untilAborted(signal),
    ]);
    if (!world.stopped.aborted && ended.signal.reason instanceof Error) throw ended.signal.reason;
  } finally {
    ended.abort(new Exit(0));
    await Promise.all([sharing, showing, session.settled()]);
    await node[Symbol.asyncDispose]();
    await running;
  }
}

function teller(json: boolean, board: ProgressBoard, world: World): Tell {
  if (json) return (event, fields) => world.print(JSON.stringify({ event, ...fields }));
  return (_event, _fields, text) => {
    for (const line of text.split("\n")) board.log(line);
  };
}

interface Ending {
  readonly flags: PeerFlags;
  readonly signal: AbortSignal;
  readonly ended: AbortController;
}

/** Fetches what was wanted before and what the command line wants; ends the peer then if it should. */
async function followWishes(session: PeerSession, { flags, signal, ended }: Ending): Promise<void> {
  const failedCount = await session.begin(flags.get);
  if (flags.exitWhenDone && !signal.aborted) {
    ended.abort(new Exit(failedCount > 0 ? 1 : 0));
  }
  await untilAborted(signal);
}

/** Carries out commands until `quit`; the end of a pipe ends nothing, that of a terminal does. */
async function takeCommands(
  session: PeerSession,
  { board, world, signal, ended }: Ending & { board: ProgressBoard; world: World },
): Promise<void> {
  const { keyboard, screen } = world;
  using prompt = new Prompt({
    keyboard,
    screen,
    board,
    text: "p2pnode> ",
    complete: completeWith((before) => {
      session.refreshNames();
      return completePeerWords(before, session.names);
    }),
  });
  if (prompt.isInteractive) session.refreshNames();
  for await (const line of prompt.lines()) {
    if (signal.aborted) return;
    try {
      if (await runPeerLine(session, line) === "quit") return ended.abort(new Exit(0));
    } catch (error) {
      tellError(session, error as Error);
    }
  }
  if (prompt.isInteractive) return ended.abort(new Exit(0));
  await untilAborted(signal);
}
