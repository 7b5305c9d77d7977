/** `p2pnode ls`: shows which files a swarm has, and which nodes. */

import { addressText } from "../../protocol/address.ts";
import { toHex } from "../../protocol/bytes.ts";
import { unlessAborted } from "../../protocol/until_aborted.ts";
import { Catalog } from "../swarm/catalog.ts";
import { TrackerSession } from "../swarm/tracker_session.ts";
import type { TrackedFile, TrackedNode } from "../swarm/tracker_session.ts";
import { formatSize } from "../text/size.ts";
import { formatTable } from "../text/table.ts";
import { defineCommand } from "./declaration.ts";
import type { ParsedCommand } from "./declaration.ts";
import { trackerPositionals } from "./node_flags.ts";
import type { World } from "./world.ts";

export const lsCommand = defineCommand({
  name: "ls",
  summary: "List the files and the active nodes that a tracker knows.",
  positionals: trackerPositionals,
  flags: { json: { kind: "boolean", doc: "print one JSON object a line" } },
  examples: ["p2pnode ls 127.0.0.1 5000"],
});

export async function runLs(
  { positionals, flags }: ParsedCommand<typeof lsCommand>,
  world: World,
): Promise<void> {
  using session = new TrackerSession({
    ...world,
    identity: world.makeIdentity(),
    tracker: { host: positionals.trackerHost, port: positionals.trackerPort },
    port: 0,
    catalog: new Catalog(),
    log: () => {},
    ready: Promise.resolve(),
    stopped: () => {},
  });
  const { files, nodes } = await unlessAborted(askFor(session), world.stopped);
  if (flags.json) printEvents(files, nodes, world);
  else for (const line of [...fileLines(files), "", ...nodeLines(nodes)]) world.print(line);
}

async function askFor(session: TrackerSession) {
  await session.connect();
  return { files: await session.listFiles(), nodes: await session.listNodes() };
}

/** A table of files, sorted by name. */
export function fileLines(files: readonly TrackedFile[]): string[] {
  if (files.length === 0) return ["no files"];
  const columns = [
    { title: "name" },
    { title: "size", align: "right" },
    { title: "seeders", align: "right" },
    { title: "leechers", align: "right" },
    { title: "id" },
    { title: "publisher" },
  ] as const;
  const sorted = files.toSorted((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  return formatTable(
    columns,
    sorted.map((file) => [
      file.name,
      formatSize(file.size),
      String(file.seeders),
      String(file.leechers),
      toHex(file.id).slice(0, 16),
      toHex(file.publisher).slice(0, 16),
    ]),
  );
}

/** A table of active nodes. */
export function nodeLines(nodes: readonly TrackedNode[]): string[] {
  if (nodes.length === 0) return ["no active nodes"];
  const columns = [{ title: "node" }, { title: "address" }, {
    title: "files",
    align: "right",
  }] as const;
  return formatTable(
    columns,
    nodes.map(({ nodeId, host, port, fileCount }) => [
      toHex(nodeId).slice(0, 16),
      addressText({ host, port }),
      String(fileCount),
    ]),
  );
}

function printEvents(files: readonly TrackedFile[], nodes: readonly TrackedNode[], world: World) {
  for (const { name, id, size, publisher, seeders, leechers } of files) {
    const ids = { id: toHex(id), publisher: toHex(publisher) };
    world.print(JSON.stringify({ event: "file", name, size, ...ids, seeders, leechers }));
  }
  for (const { nodeId, host, port, fileCount } of nodes) {
    const node = { id: toHex(nodeId), host, port, files: fileCount };
    world.print(JSON.stringify({ event: "node", ...node }));
  }
}
