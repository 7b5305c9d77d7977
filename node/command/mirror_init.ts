/** `p2pnode mirror-init`: orders mirrors of content servers from a mirror server, and shows what becomes of them. */

import { addressText } from "../../protocol/address.ts";
import { ConnectionClosed, StreamCutOff } from "../../protocol/errors.ts";
import type { Address } from "../../protocol/ports.ts";
import { orderMirror } from "../mirror/initiator.ts";
import { parseSources } from "../mirror/source_text.ts";
import type { MirrorSource } from "../mirror/source_text.ts";
import { ProgressBoard } from "../terminal/progress_board.ts";
import { printable } from "../text/printable.ts";
import { defineCommand } from "./declaration.ts";
import type { ParsedCommand } from "./declaration.ts";
import { Exit } from "./exit.ts";
import { MirrorTelling } from "./mirror_telling.ts";
import { UsageError } from "./usage_error.ts";
import type { World } from "./world.ts";

export const mirrorInitCommand = defineCommand({
  name: "mirror-init",
  summary: "Have a mirror server mirror content servers, and show how far it is.",
  about: [
    "A source is address:port:path:delay, an IPv6 address in brackets. The path is a folder or a file of what\n" +
    "the content server offers; without one, all is mirrored. The delay is in seconds, such as 0.25: so long the\n" +
    "content server waits before each file; without one it does not wait. A comma in a path is written \\, and\n" +
    "a path with a colon needs the delay behind it.",
    "What is there already is not fetched again. If a source fails, the others complete nevertheless, and the\n" +
    "exit code is 1.",
  ],
  positionals: {},
  flags: {
    host: { kind: "text", short: "n", placeholder: "HOST", doc: "where the mirror server is" },
    port: { kind: "port", short: "p", default: 7300, doc: "the mirror server's port" },
    source: {
      kind: "list",
      short: "s",
      placeholder: "SRC[,SRC...]",
      doc: "what to mirror",
    },
    delete: { kind: "boolean", doc: "remove from the mirror what its source does not have" },
    yes: { kind: "boolean", doc: "delete even if it is more than half of the files" },
    watch: { kind: "boolean", doc: "keep the mirror up to date until this is stopped" },
    json: { kind: "boolean", doc: "print one JSON object a line" },
  },
  examples: [
    "p2pnode mirror-init -n mirror.lan -s 10.0.0.5:7200:photos,10.0.0.6:7200:photos:0.25",
    "p2pnode mirror-init -n ::1 -p 7300 -s '[2001:db8::5]:7200' --delete --watch",
  ],
});

export async function runMirrorInit(
  { flags }: ParsedCommand<typeof mirrorInitCommand>,
  world: World,
): Promise<void> {
  if (flags.host === undefined) {
    throw new UsageError(
      "Cannot run mirror-init: --host is missing (say where the mirror server is)",
    );
  }
  const sources = sourcesOf(flags.source);
  const server = { host: flags.host, port: flags.port };
  using board = new ProgressBoard(world.screen, world.clock);
  const telling = new MirrorTelling({ ...world, json: flags.json, board, sources });
  try {
    await orderMirror({
      ...world,
      identity: world.makeIdentity(),
      server,
      sources,
      wishes: { remove: flags.delete, confirmed: flags.yes, watch: flags.watch },
      events: telling,
      signal: world.stopped,
    });
  } catch (error) {
    if (!world.stopped.aborted) {
      if (telling.hasStarted) telling.sumUp();
      throw refusal(error, server);
    }
    // Whoever watches stops it some time; whoever does not wanted to see the end.
    if (!flags.watch) throw telling.stopped();
  }
  telling.sumUp();
  if (telling.hasFailures) throw new Exit(1);
}

/** Throws a `UsageError` where a source cannot be read. */
function sourcesOf(texts: readonly string[]): MirrorSource[] {
  if (texts.length === 0) {
    throw new UsageError("Cannot run mirror-init: --source is missing (say what to mirror)");
  }
  try {
    return texts.flatMap(parseSources);
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function refusal(error: unknown, server: Address): Error {
  const isCutOff = error instanceof StreamCutOff;
  const told = error instanceof Error ? error.message : String(error);
  const message = isCutOff ? "the connection was cut off" : printable(told);
  const text = message.startsWith("Cannot ")
    ? message
    : `Cannot mirror with ${addressText(server)}: ${message}`;
  if (!isCutOff && !(error instanceof ConnectionClosed)) return new Error(text);
  return new Error(`${text} (run the same command again: what is there is not fetched again)`);
}
