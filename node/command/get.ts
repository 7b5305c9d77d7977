/** `p2pnode get`: downloads files from the swarm and ends, or stays to share them. */

import { AnySignal } from "../../protocol/any_signal.ts";
import { fromHex } from "../../protocol/bytes.ts";
import { unlessAborted, untilAborted } from "../../protocol/until_aborted.ts";
import { fetchAll } from "../swarm/fetch_all.ts";
import type { ListedFile } from "../swarm/fetch_all.ts";
import { findAllWanted, findWanted } from "../swarm/listing.ts";
import { SwarmNode } from "../swarm/swarm_node.ts";
import { printable } from "../text/printable.ts";
import { ProgressBoard } from "../terminal/progress_board.ts";
import { defineCommand } from "./declaration.ts";
import type { ParsedCommand } from "./declaration.ts";
import { nodeFlags, trackerPositionals } from "./node_flags.ts";
import { printProgress, showBars } from "./transfers.ts";
import { UsageError } from "./usage_error.ts";
import { doneEvent, doneLine } from "./done.ts";
import { Exit } from "./exit.ts";
import { refusalText } from "./refusal.ts";
import type { World } from "./world.ts";

/** How long a file that is listed may stay without a block before its download is given up. */
const PATIENCE_MS = 60_000;
/** How long the tracker gets to hear that all is here; it may be away. */
const FAREWELL_MS = 5_000;

export const getCommand = defineCommand({
  name: "get",
  summary: "Download files from the swarm, every block verified.",
  positionals: {
    ...trackerPositionals,
    names: { doc: "names of files, or ids (at least 8 leading digits)", presence: "rest" },
  },
  flags: {
    all: { kind: "boolean", doc: "get every file that the tracker lists" },
    out: {
      kind: "text",
      short: "o",
      default: ".",
      placeholder: "DIR",
      doc: "where to put the files",
    },
    publisher: { kind: "text", placeholder: "KEY", doc: "accept only files signed by this key" },
    force: { kind: "boolean", doc: "replace other files of the same name" },
    seed: { kind: "boolean", doc: "stay and share the files until stopped" },
    json: { kind: "boolean", doc: "print one JSON object a line" },
    ...nodeFlags,
    port: { kind: "port", default: 0, doc: "port to accept peers on; 0 picks a free one" },
  },
  examples: [
    "p2pnode get 127.0.0.1 5000 debian.iso --out ./downloads",
    "p2pnode get tracker.lan 5000 --all --seed",
  ],
});

type Parsed = ParsedCommand<typeof getCommand>;

export async function runGet(parsed: Parsed, world: World): Promise<void> {
  try {
    await get(parsed, world);
  } catch (reason) {
    if (!world.stopped.aborted || reason !== world.stopped.reason) throw reason;
    // Whoever goes on after `get` must not take this for success.
    world.warn("p2pnode: stopped before everything was here; the same command goes on from here");
    throw new Exit(1);
  }
}

async function get({ positionals, flags }: Parsed, world: World): Promise<void> {
  const { trackerHost, trackerPort, names } = positionals;
  if (names.length === 0 && !flags.all) {
    throw new UsageError("Cannot get: no file is named (give names or ids, or --all)");
  }
  if (names.length > 0 && flags.all) {
    throw new UsageError("Cannot get: --all and names exclude each other");
  }
  const publisher = flags.publisher === undefined ? undefined : readPublisher(flags.publisher);
  using board = new ProgressBoard(world.screen, world.clock);
  const warn = (line: string) => board.around(() => world.warn(`p2pnode: ${line}`));
  await using folder = await world.openFolder(flags.out, { create: true });
  using disk = world.openDisk(folder);
  disk.warmUp();
  const aborted = new AbortController();
  using stopping = new AnySignal([world.stopped, aborted.signal]);
  const { signal } = stopping;
  await using node = new SwarmNode({
    ...world,
    ...flags,
    identity: world.makeIdentity(),
    tracker: { host: trackerHost, port: trackerPort },
    listen: { host: flags.host, port: flags.port },
    folder,
    disk,
    cacheSize: flags.cache,
    log: (line) => warn(printable(line)),
    stopped: () => aborted.abort(new Exit(0)),
  });
  const finding = node.session.connect().then(() => find(node, { flags, names, publisher }));
  const { wanted, refused } = await unlessAborted(finding, signal).catch((error) => {
    folder.abandon();
    throw error;
  });
  if (wanted.length === 0) folder.abandon();
  for (const error of refused) warn(refusalText(error, "p2pnode ls"));
  if (wanted.length === 0 && refused.length > 0) throw new Exit(1);
  if (wanted.length === 0 && !flags.json) board.log("nothing to get: nobody shares a file");
  const running = node.session.run();
  await unlessAborted(node.session.assembled, signal);
  const telling = { node, folder, disk, signal, flags, world, board, warn };
  const failedCount = await fetchAndTell(wanted, telling);
  if (failedCount + refused.length > 0) throw new Exit(1);
  await Promise.race([
    node.session.terminated(),
    running,
    world.clock.sleep(FAREWELL_MS, signal),
  ]).catch(() => {});
  if (flags.seed) await untilAborted(signal);
}

/**
 * What the command line names, as the tracker lists it, and why something cannot be had. A file that is named
 * twice is fetched once.
 */
async function find(
  { session }: SwarmNode,
  { flags, names, publisher }: {
    flags: Parsed["flags"];
    names: readonly string[];
    publisher: Uint8Array | undefined;
  },
): Promise<{ wanted: ListedFile[]; refused: Error[] }> {
  const listing = { publisher, replace: flags.force, patienceMs: PATIENCE_MS };
  if (flags.all) return await findAllWanted(session, listing);
  const wanted = new Map<string, ListedFile>();
  const refused: Error[] = [];
  const finding = names.map((name) => findWanted(session, name, listing));
  for (const found of await Promise.allSettled(finding)) {
    if (found.status === "rejected") refused.push(found.reason);
    else wanted.set(found.value.name, found.value);
  }
  return { wanted: [...wanted.values()], refused };
}

interface Telling {
  readonly node: SwarmNode;
  readonly folder: Parameters<typeof fetchAll>[1]["folder"];
  readonly disk: Parameters<typeof fetchAll>[1]["disk"];
  readonly signal: AbortSignal;
  readonly flags: Parsed["flags"];
  readonly world: World;
  readonly board: ProgressBoard;
  /** Tells what went wrong, beside the bars. */
  readonly warn: (line: string) => void;
}

/** Fetches, shows how it goes, and answers how many files could not be had. */
async function fetchAndTell(wanted: readonly ListedFile[], telling: Telling): Promise<number> {
  const { node, flags, world, board, warn } = telling;
  const { clock, print } = world;
  const ended = new AbortController();
  const { signal } = ended;
  const showing = flags.json
    ? printProgress(node, { print, clock, signal })
    : showBars(node, { board, clock, signal });
  let failedCount = 0;
  try {
    await fetchAll(wanted, {
      ...telling,
      settled: (outcome) => {
        if ("error" in outcome) {
          failedCount++;
          warn(printable(outcome.error.message));
        } else if (flags.json) print(JSON.stringify(doneEvent(outcome)));
        else if (wanted.length <= LINES_MAX) board.log(doneLine(outcome));
      },
    });
  } finally {
    ended.abort();
    await showing;
  }
  if (!flags.json && wanted.length > LINES_MAX) {
    board.log(`${wanted.length - failedCount} of ${wanted.length} files are here`);
  }
  return failedCount;
}

/** More files than this are summed up in one line. */
const LINES_MAX = 20;

function readPublisher(text: string): Uint8Array {
  if (!/^[0-9a-fA-F]{64}$/.test(text)) {
    throw new UsageError("Cannot read --publisher: a key has 64 hexadecimal digits");
  }
  return fromHex(text);
}
