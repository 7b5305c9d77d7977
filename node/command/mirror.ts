/** `p2pnode mirror`: makes mirrors of content servers, as initiators order them. */

import { addressText } from "../../protocol/address.ts";
import { runMirrorServer } from "../mirror/mirror_server.ts";
import type { EndedOrder, MirrorEvents, TakenOrder } from "../mirror/mirror_session.ts";
import { sourceText } from "../mirror/source_text.ts";
import { counted } from "../text/counted.ts";
import { formatSize } from "../text/size.ts";
import { defineCommand } from "./declaration.ts";
import type { ParsedCommand } from "./declaration.ts";
import { serverTelling } from "./server_telling.ts";
import type { Tell } from "./tell.ts";
import type { World } from "./world.ts";

export const mirrorCommand = defineCommand({
  name: "mirror",
  summary: "Mirror content servers into a folder, as p2pnode mirror-init orders it.",
  about: [
    "Each source gets a folder of its own, OUT/ADDRESS_PORT, with its files under their own paths.",
    "Of the path that is ordered, every listed file is taken whose path contains it between slashes: a/b takes\n" +
    "a/b, a/b/c and x/a/b/c, but not a/bc. With --strict, only exactly that file, or what is in exactly that\n" +
    "folder.",
    "What several sources list with the same content is fetched once. Whoever can reach the port can order\n" +
    "mirrors: run it inside a network that you trust.",
  ],
  positionals: {},
  flags: {
    out: {
      kind: "text",
      short: "m",
      default: ".",
      placeholder: "OUT",
      doc: "where the mirrors go; it is made if it is missing",
    },
    workers: {
      kind: "count",
      short: "w",
      default: 4,
      min: 1,
      max: 256,
      doc: "how many fetch at once, shared fairly; each source has one in any case",
    },
    port: {
      kind: "port",
      short: "p",
      default: 7300,
      doc: "port to listen on; 0 picks a free one",
    },
    strict: { kind: "boolean", short: "s", doc: "an ordered path must match exactly" },
    host: { kind: "text", default: "0.0.0.0", placeholder: "ADDR", doc: "address to listen on" },
    json: { kind: "boolean", doc: "print one JSON object a line" },
  },
  examples: ["p2pnode mirror -m ./mirrors", "p2pnode mirror -m /srv/mirrors -w 8 -p 7300 --strict"],
});

export async function runMirror(
  { flags }: ParsedCommand<typeof mirrorCommand>,
  world: World,
): Promise<void> {
  const { tell, log, onListening } = serverTelling(world, flags.json);
  await using space = await world.openCopySpace(flags.out, { isTrial: false });
  await runMirrorServer({
    ...world,
    space,
    port: flags.port,
    host: flags.host,
    identity: world.makeIdentity(),
    strict: flags.strict,
    workerCount: flags.workers,
    signal: world.stopped,
    log,
    onListening,
    events: eventsTo(tell),
  });
}

function eventsTo(tell: Tell): MirrorEvents {
  return {
    taken: (order) => tell("taken", fieldsOf(order), takenLine(order)),
    ended: (order) => {
      const { progress, isBrokenOff } = order;
      const failed = progress.filter(({ state }) => state === "failed").length;
      const sums = { complete: !isBrokenOff, failed, ...sumsOf(order) };
      tell("ended", { ...fieldsOf(order), ...sums }, endedLine(order, failed));
    },
  };
}

function fieldsOf({ number, initiator, sources }: TakenOrder): Record<string, unknown> {
  return { order: number, initiator: addressText(initiator), sources: sources.map(sourceText) };
}

function takenLine({ number, initiator, sources }: TakenOrder): string {
  const names = sources.map(sourceText).join(", ");
  return `order ${number} from ${addressText(initiator)}: ${
    counted(sources.length, "source")
  }: ${names}`;
}

function endedLine(order: EndedOrder, failed: number): string {
  const { number, isBrokenOff } = order;
  const { files, fetched, bytes_fetched: bytes } = sumsOf(order);
  const outcome = isBrokenOff
    ? "was broken off"
    : failed === 0
    ? "is done"
    : `is done, ${failed} failed`;
  return `order ${number} ${outcome}: ${counted(files, "file")}, ${fetched} of them fetched (${
    formatSize(bytes)
  })`;
}

function sumsOf({ progress }: EndedOrder) {
  const sums = { files: 0, fetched: 0, bytes_fetched: 0 };
  for (const { filesDone, filesFetched, bytesFetched } of progress) {
    sums.files += filesDone;
    sums.fetched += filesFetched;
    sums.bytes_fetched += bytesFetched;
  }
  return sums;
}
