/** `p2pnode fetch`: copies a folder from a server, with everything below it. */

import { addressText } from "../../protocol/address.ts";
import type { Connection } from "../../protocol/connection.ts";
import { ProtocolError, RemoteError, StreamCutOff } from "../../protocol/errors.ts";
import type { Address } from "../../protocol/ports.ts";
import { withSource } from "../copy/connect.ts";
import { Destination } from "../copy/destination.ts";
import { exclusionBy } from "../copy/selection.ts";
import { MassDeletion, TreeCopy } from "../copy/tree_copy.ts";
import { RateLimit } from "../traffic/rate_limit.ts";
import { ProgressBoard } from "../terminal/progress_board.ts";
import { printable } from "../text/printable.ts";
import { RemoteContents } from "../transfer/content_fetcher.ts";
import { defineCommand } from "./declaration.ts";
import type { ParsedCommand } from "./declaration.ts";
import { Exit } from "./exit.ts";
import { FetchTelling } from "./fetch_telling.ts";
import { UsageError } from "./usage_error.ts";
import type { World } from "./world.ts";

export const fetchCommand = defineCommand({
  name: "fetch",
  summary: "Copy a folder from a server, with everything below it; every file verified.",
  about: [
    "The folder gets its path below the destination: `-d a/b` makes DEST/a/b. Files that are the same are\n" +
    "skipped, different ones are replaced, of which only the changed parts are sent. Nothing else is\n" +
    "touched. A run that was broken off is gone on with by the next one.",
    "Patterns are those of .gitignore, for paths from the top of what the server offers. What is excluded is\n" +
    "neither fetched nor deleted; --include makes exceptions, also in folders that are excluded.",
  ],
  positionals: {},
  flags: {
    host: { kind: "text", short: "i", placeholder: "HOST", doc: "where the server is" },
    port: { kind: "port", short: "p", default: 7100, doc: "the server's port" },
    directory: {
      kind: "text",
      short: "d",
      default: ".",
      placeholder: "PATH",
      doc: "what to fetch, from the top of what the server offers; . for all of it",
    },
    out: { kind: "text", short: "o", default: ".", placeholder: "DEST", doc: "where to put it" },
    exclude: { kind: "list", placeholder: "PATTERN", doc: "leave out what matches" },
    include: { kind: "list", placeholder: "PATTERN", doc: "take what matches, although excluded" },
    delete: { kind: "boolean", doc: "remove what the server does not have" },
    yes: { kind: "boolean", doc: "delete even if it is more than half of the files" },
    dryRun: { kind: "boolean", doc: "only say what would happen" },
    downLimit: { kind: "size", min: 1, doc: "bytes per second to receive at most" },
    json: { kind: "boolean", doc: "print one JSON object a line" },
  },
  examples: [
    "p2pnode fetch -i backup.lan -p 7100 -d photos/2025",
    "p2pnode fetch -i backup.lan -d photos -o ./mirror --delete --exclude '*.tmp'",
  ],
});

type Flags = ParsedCommand<typeof fetchCommand>["flags"];

export async function runFetch(
  { flags }: ParsedCommand<typeof fetchCommand>,
  world: World,
): Promise<void> {
  if (flags.host === undefined) {
    throw new UsageError("Cannot run fetch: --host is missing (say where the server is)");
  }
  const address = { host: flags.host, port: flags.port };
  const { clock } = world;
  using board = new ProgressBoard(world.screen, clock);
  const telling = new FetchTelling({ ...flags, ...world, board, isTrial: flags.dryRun });
  const options = {
    ...world,
    identity: world.makeIdentity(),
    address,
    limit: new RateLimit(flags.downLimit, clock),
    signal: world.stopped,
  };
  try {
    await withSource(options, (connection) => copy(connection, { flags, world, telling }));
  } catch (error) {
    if (world.stopped.aborted) throw telling.stopped();
    throw refusal(error, flags, address);
  }
  if (!telling.isComplete) throw new Exit(1);
}

interface Context {
  readonly flags: Flags;
  readonly world: World;
  readonly telling: FetchTelling;
}

async function copy(connection: Connection, { flags, world, telling }: Context): Promise<void> {
  await using space = await world.openCopySpace(flags.out, { isTrial: flags.dryRun });
  const { folder, stage } = space;
  const treeCopy = new TreeCopy({
    connection,
    contents: new RemoteContents(connection, { stage, pathOf: (path) => folder.pathOf(path) }),
    destination: new Destination({ ...space, deletes: flags.delete }),
    stage,
    clock: world.clock,
    path: flags.directory.replace(/^(?:\.\/+)+/, "").replace(/\/+$/, "").replace(/^\.$/, ""),
    isExcluded: exclusionBy(flags),
    deletion: !flags.delete ? "none" : flags.yes ? "accepted" : "guarded",
    isTrial: flags.dryRun,
    observe: (event) => telling.take(event),
    signal: world.stopped,
  });
  try {
    await telling.during(treeCopy.tally, () => treeCopy.run());
  } catch (error) {
    if (error instanceof RemoteError && !treeCopy.isOpened) space.abandon();
    throw error;
  }
  // What other runs have fetched in part, nobody wants any more.
  if (telling.isComplete) await stage.keepParts([]);
}

/** Why there is no copy, or not a whole one, and what to do about it. */
function refusal(error: unknown, { directory, host }: Flags, address: Address): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (error instanceof MassDeletion) {
    return new Error(`${error.message} (nothing was deleted; --yes deletes them)`);
  }
  const what = `${printable(directory)} from ${addressText({ ...address, host: host! })}`;
  const isCutOff = error instanceof StreamCutOff;
  const text = isCutOff ? "the connection was cut off" : printable(error.message);
  if (error instanceof RemoteError) return new Error(`Cannot fetch ${what}: ${text}`);
  if (text.startsWith("Cannot ")) return new Error(text);
  // To try again helps where a connection failed, not where somebody else answers.
  const isWrong = error instanceof ProtocolError && !isCutOff;
  const advice = isWrong ? "" : " (run the same command again to go on)";
  return new Error(`Cannot fetch ${what}: ${text}${advice}`);
}
