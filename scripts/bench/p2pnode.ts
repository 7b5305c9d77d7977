/** Our own side: the compiled binary as tracker, as the peer that has the files, and as `get`. */

import { fileURLToPath } from "node:url";
import { parseSize } from "../../node/text/size.ts";
import { compile } from "../compile.ts";
import { MeasuredProcess } from "./measured_process.ts";

const HOST = "127.0.0.1";
/** How often the tracker is asked for what it knows. */
const ASK_AGAIN_MS = 20;

let compiled: Promise<string> | undefined;

/** The path of the binary: P2PNODE_BIN, or `dist/p2pnode`, compiled if its sources changed. */
export function binary(): Promise<string> {
  const given = Deno.env.get("P2PNODE_BIN");
  compiled ??= given === undefined
    ? compile(fileURLToPath(new URL("../..", import.meta.url)))
    : Promise.resolve(given);
  return compiled;
}

/** A tracker with the peer that has the files. */
export class OwnSwarm implements AsyncDisposable {
  readonly #program: string;
  readonly #tracker: MeasuredProcess;
  readonly #trackerPort: string;
  #peer: MeasuredProcess | undefined;

  private constructor(program: string, tracker: MeasuredProcess, port: string) {
    this.#program = program;
    this.#tracker = tracker;
    this.#trackerPort = port;
  }

  static async start(): Promise<OwnSwarm> {
    const program = await binary();
    const tracker = new MeasuredProcess([program, "tracker", "0", "--host", HOST]);
    const [, port] = await tracker.line(/^listening on .*:(\d+)$/);
    return new OwnSwarm(program, tracker, port!);
  }

  /** Starts the peer that shares `folder`. */
  startPeer(folder: string, flags: readonly string[] = []): MeasuredProcess {
    const where = [HOST, this.#trackerPort, "0", folder];
    const command = [this.#program, "peer", ...where, "--host", HOST, ...flags];
    this.#peer = new MeasuredProcess(command, { stdin: "piped" });
    return this.#peer;
  }

  /** Starts the peer and waits until the tracker lists all that it has. */
  async share(
    folder: string,
    { fileCount, flags = [] }: { fileCount: number; flags?: readonly string[] },
  ): Promise<MeasuredProcess> {
    const peer = this.startPeer(folder, flags);
    await peer.line(/^sharing \d+ files?$/);
    while (await this.#countListed() < fileCount) {
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    }
    return peer;
  }

  /** Starts a `get` into `folder`. */
  startGet(folder: string, args: readonly string[]): MeasuredProcess {
    const where = [HOST, this.#trackerPort, "--out", folder];
    // A later flag of the same name would be refused, so the caller may name another host.
    const host = args.includes("--host") ? [] : ["--host", HOST];
    return new MeasuredProcess([this.#program, "get", ...where, ...host, ...args]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer?.stop();
    await this.#tracker.stop();
  }

  async #countListed(): Promise<number> {
    const args = ["ls", HOST, this.#trackerPort, "--json"];
    await using ls = new MeasuredProcess([this.#program, ...args]);
    await ls.success();
    return ls.lines.filter((line) => line.startsWith('{"event":"file"')).length;
  }
}

/** What a peer says of itself when it is asked for its status. */
export interface PeerStatus {
  /** Bytes of blocks, to about three digits. */
  readonly sentBytes: number;
  readonly cacheHits: number;
  readonly cacheMisses: number;
}

/** Asks a peer for its status. */
export async function statusOf(peer: MeasuredProcess): Promise<PeerStatus> {
  const from = peer.lines.length;
  await peer.write("status");
  const [, sent] = await peer.line(/^sent +([^,]+),/, { from });
  const [, hits, misses] = await peer.line(/^cache +(\d+) hits, (\d+) misses/, { from });
  return { sentBytes: parseSize(sent!), cacheHits: Number(hits), cacheMisses: Number(misses) };
}
