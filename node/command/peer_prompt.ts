/** The commands of a peer's prompt. */

import { toHex } from "../../protocol/bytes.ts";
import { counted } from "../text/counted.ts";
import { formatRate, formatSize } from "../text/size.ts";
import { splitWords } from "../text/words.ts";
import { printable } from "../text/printable.ts";
import { fileLines, nodeLines } from "./ls.ts";
import type { PeerSession } from "./peer_session.ts";
import {
  helpLines,
  namesOf,
  type PromptCommands,
  unknownPromptCommand,
} from "./prompt_commands.ts";
import { refusalText } from "./refusal.ts";

const commands: PromptCommands = {
  list: "the files of the swarm",
  "get NAME|ID": "fetch a file",
  peers: "the active nodes",
  status: "this node's key, what is served and fetched, rates, cache",
  help: "this list",
  quit: "leave the swarm",
};

/** Carries out one line. Answers "quit" when the peer should end; throws what went wrong. */
export async function runPeerLine(
  session: PeerSession,
  line: string,
): Promise<"quit" | undefined> {
  const [command, ...args] = splitWords(line);
  const say = (lines: readonly string[]) => {
    for (const text of lines) session.tell("text", { line: text }, text);
  };
  switch (command) {
    case undefined:
      return;
    case "list":
      return void say(fileLines(await session.list()));
    case "get":
      if (args.length === 0) throw new Error("Cannot get: no file is named (get NAME|ID)");
      for (const name of args) {
        await session.get(name).catch((error) => tellError(session, error));
      }
      return;
    case "peers":
      return void say(nodeLines(await session.node.session.listNodes()));
    case "status":
      return void say(statusLines(session));
    case "help":
      return void say(helpLines(commands));
    case "quit":
    case "exit":
      return "quit";
    default:
      throw unknownPromptCommand(command, commands);
  }
}

/** Tells that a command failed. */
export function tellError(session: PeerSession, error: Error): void {
  session.tell("error", { error: error.message }, refusalText(error, "list"));
}

function statusLines({ node }: PeerSession): string[] {
  const { cache, ...status } = node.status;
  const downloads = [...node.downloads].map(({ progress }) => {
    const { name, bytesDone, bytesTotal, peers, badBlocks } = progress;
    return `  ${printable(name)}: ${formatSize(bytesDone)} of ${formatSize(bytesTotal)} from ` +
      `${counted(peers, "peer")}, ${badBlocks} bad`;
  });
  return [
    `node           ${toHex(node.nodeId)}`,
    `files shared   ${status.fileCount}`,
    `links          ${status.linkCount}, tracker ${status.trackerOnline ? "online" : "away"}`,
    `sent           ${formatSize(status.sentBytes)}, ${formatRate(status.sentRate)} now`,
    `received       ${formatSize(status.receivedBytes)}, ${formatRate(status.receivedRate)} now`,
    `cache          ${cache.hits} hits, ${cache.misses} misses, ${cache.count} blocks, ` +
    `${formatSize(cache.bytes)} of ${formatSize(node.cacheSize)}`,
    `fetching       ${downloads.length === 0 ? "nothing" : ""}`,
    ...downloads,
  ];
}

/** What the Tab key offers behind these words: the commands, then the names of the swarm's files. */
export function completePeerWords(before: readonly string[], names: readonly string[]) {
  if (before.length === 0) return namesOf(commands);
  return before[0] === "get" ? names : [];
}
