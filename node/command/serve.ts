/** `p2pnode serve`: offers a folder, from which others copy with `p2pnode fetch`. */

import { addressText } from "../../protocol/address.ts";
import { CHUNK_SIZE_MAX } from "../../protocol/header.ts";
import { runTreeServer } from "../copy/source/tree_server.ts";
import type { ClosedTree, OpenedTree, TreeEvents } from "../copy/source/tree_session.ts";
import { counted } from "../text/counted.ts";
import { formatRate, formatSize } from "../text/size.ts";
import { defineCommand } from "./declaration.ts";
import type { ParsedCommand } from "./declaration.ts";
import { serverTelling } from "./server_telling.ts";
import type { Tell } from "./tell.ts";
import type { World } from "./world.ts";

const KIB = 1024;

export const serveCommand = defineCommand({
  name: "serve",
  summary: "Offer a folder, from which others copy with p2pnode fetch.",
  about: [
    "Nothing in the folder is ever changed. Symbolic links that stay inside are offered as links, others,\n" +
    "pipes and devices are left out. Whoever can reach the port can copy everything: run it inside a network\n" +
    "that you trust.",
  ],
  positionals: {},
  flags: {
    port: {
      kind: "port",
      short: "p",
      default: 7100,
      doc: "port to listen on; 0 picks a free one",
    },
    host: { kind: "text", default: "0.0.0.0", placeholder: "ADDR", doc: "address to listen on" },
    root: {
      kind: "text",
      short: "d",
      default: ".",
      placeholder: "DIR",
      doc: "the folder, or the file, to offer",
    },
    workers: {
      kind: "count",
      short: "s",
      min: 1,
      max: 64,
      doc: "threads that hash and read files (default: one for each processor)",
    },
    queue: {
      kind: "count",
      short: "q",
      default: 256,
      min: 1,
      max: 65_536,
      doc: "files of all clients that may wait for the workers",
    },
    block: {
      kind: "size",
      short: "b",
      default: 256 * KIB,
      min: 16 * KIB,
      max: CHUNK_SIZE_MAX,
      doc: "bytes to send at once",
    },
    upLimit: { kind: "size", min: 1, doc: "bytes per second to send at most" },
    json: { kind: "boolean", doc: "print one JSON object a line" },
  },
  examples: ["p2pnode serve -d ./photos", "p2pnode serve -p 7100 -s 4 -q 64 -b 1MiB -d /srv/data"],
});

/** What is offered, and how. */
export interface OfferOptions {
  /** A folder or a file. */
  readonly path: string;
  readonly port: number;
  readonly host: string;
  readonly workers: number | undefined;
  readonly queue: number;
  /** Bytes of a chunk of contents. */
  readonly block: number;
  readonly upLimit?: number | undefined;
  readonly json: boolean;
}

export async function runServe(
  { flags }: ParsedCommand<typeof serveCommand>,
  world: World,
): Promise<void> {
  await offerTree({ ...flags, path: flags.root }, world);
}

/** Offers a folder or a file until the process is stopped. */
export async function offerTree(options: OfferOptions, world: World): Promise<void> {
  const { tell, log, onListening } = serverTelling(world, options.json);
  using served = await world.openServedFolder(options.path, options.workers);
  await runTreeServer({
    ...world,
    ...served,
    port: options.port,
    host: options.host,
    identity: world.makeIdentity(),
    signal: world.stopped,
    log,
    onListening,
    queueLength: options.queue,
    chunkSize: options.block,
    upLimit: options.upLimit,
    events: eventsTo(tell),
  });
}

function eventsTo(tell: Tell): TreeEvents {
  return {
    opened: (tree) =>
      tell("opened", {
        client: addressText(tree.client),
        path: tree.path,
        files: tree.fileCount,
        bytes: tree.byteCount,
        others: tree.otherCount,
      }, openedLine(tree)),
    closed: (tree) =>
      tell("closed", {
        client: addressText(tree.client),
        path: tree.path,
        complete: tree.isComplete,
        files_done: tree.filesDone,
        files_failed: tree.filesFailed,
        bytes_sent: tree.bytesSent,
        seconds: tree.seconds,
        ...(tree.reason === undefined ? {} : { reason: tree.reason }),
      }, closedLine(tree)),
  };
}

function openedLine({ client, path, fileCount, byteCount }: OpenedTree): string {
  const size = `${counted(fileCount, "file")}, ${formatSize(byteCount)}`;
  return `${addressText(client)} copies ${nameOf(path)}: ${size}`;
}

function closedLine(tree: ClosedTree): string {
  const { client, path, isComplete, filesDone, filesFailed, bytesSent, seconds, reason } = tree;
  const failed = filesFailed > 0 ? `, ${filesFailed} failed` : "";
  const rate = seconds > 0
    ? ` in ${seconds.toFixed(2)} s (${formatRate(bytesSent / seconds)})`
    : "";
  const done = `${counted(filesDone, "file")} done${failed}, ${formatSize(bytesSent)} sent${rate}`;
  const outcome = isComplete ? "has" : "did not get all of";
  const why = reason === undefined ? "" : ` (${reason})`;
  return `${addressText(client)} ${outcome} ${nameOf(path)}: ${done}${why}`;
}

function nameOf(path: string): string {
  return path === "" ? "everything" : path;
}
