/** Our own side of mirroring: content servers of the compiled binary, a mirror server and its initiator. */

import { join } from "node:path";
import { MeasuredProcess } from "./measured_process.ts";
import { binary } from "./p2pnode.ts";

const HOST = "127.0.0.1";

/** A mirror server that runs, and the folder for its mirrors. */
export interface MirrorServer {
  readonly process: MeasuredProcess;
  readonly port: string;
  readonly out: string;
}

/** A content server that runs. */
export interface ContentServer {
  readonly process: MeasuredProcess;
  /** `address:port`. */
  readonly address: string;
}

/** What to mirror. */
export interface MirrorSource {
  readonly server: ContentServer;
  /** Seconds that the content server waits before each file. */
  readonly delay: number;
}

export async function startContent(folder: string): Promise<ContentServer> {
  const { process, port } = await startServer(["content", "-d", folder]);
  return { process, address: `${HOST}:${port}` };
}

export async function startMirror(out: string): Promise<MirrorServer> {
  return { ...await startServer(["mirror", "-m", out]), out };
}

/**
 * Has these sources mirrored. Answers the seconds that each took, as the mirror server says, and those from the
 * start of the initiator to its end.
 */
export async function order({ port }: MirrorServer, sources: readonly MirrorSource[]) {
  const list = sources.map(({ server, delay }) => `${server.address}::${delay}`).join(",");
  const where = ["-n", HOST, "-p", port, "-s", list];
  await using initiator = new MeasuredProcess([await binary(), "mirror-init", ...where, "--json"]);
  await initiator.success();
  const events = initiator.lines.map((line) => JSON.parse(line));
  const secondsOf = ({ server }: MirrorSource): number =>
    events.find(({ event, source }) => event === "source" && source === server.address).seconds;
  return { seconds: initiator.seconds, each: sources.map(secondsOf) };
}

/** Waits until a content server has hashed every file: what it lists to a client must be. */
export async function untilHashed({ address }: ContentServer, emptyFolder: string): Promise<void> {
  const [host, port] = address.split(":");
  const where = ["-i", host!, "-p", port!, "-o", emptyFolder];
  await using client = new MeasuredProcess([await binary(), "fetch", ...where, "--dry-run"]);
  await client.success();
}

/** Where the mirror of a content server is. */
export function mirrorOf({ address }: ContentServer, { out }: MirrorServer): string {
  return join(out, address.replace(":", "_"));
}

async function startServer(args: readonly string[]) {
  const process = new MeasuredProcess([await binary(), ...args, "-p", "0", "--host", HOST]);
  const [, port] = await process.line(/^listening on .*:(\d+)$/);
  return { process, port: port! };
}
