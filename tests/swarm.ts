/**
 * A swarm of real processes for the end-to-end tests: a tracker, peers and `get`s of the compiled binary,
 * in one temporary folder, on loopback, gone when the test ends.
 *
 *     await using swarm = await startSwarm();
 *     await randomFile(swarm.join("seeder", "a.bin"), 5_000_000, 1);
 *     await swarm.startPeer("seeder");
 *     const { code } = await swarm.get(["a.bin"], "here");
 *
 * Each node works in the folder of its name. Peers run with `--json`, so that tests wait for events and
 * never for time.
 */

import { join } from "node:path";
import { parseSize } from "../node/text/size.ts";
import { randomBytes, temporaryFolder } from "./files.ts";
import {
  type JsonEvent,
  type Result,
  run,
  type RunningProcess,
  start,
  withStart,
} from "./harness.ts";
import type { StartOptions } from "./harness.ts";

export const HOST = "127.0.0.1";
export const MIB = 1024 * 1024;

const LISTING_TIMEOUT_MS = 60_000;

/** What `p2pnode ls --json` tells. */
export interface Listing {
  readonly files: readonly JsonEvent[];
  readonly nodes: readonly JsonEvent[];
}

/** Starts a swarm whose tracker runs with these flags. */
export async function startSwarm(...trackerFlags: string[]): Promise<TestSwarm> {
  return await withStart(new TestSwarm(), (swarm) => swarm.startTracker(trackerFlags));
}

export class TestSwarm implements AsyncDisposable {
  readonly #resources = new AsyncDisposableStack();
  readonly #root = temporaryFolder();
  #tracker: RunningProcess | undefined;
  readonly #peers: TestPeer[] = [];
  /** Where the tracker listens. */
  port = 0;

  constructor() {
    this.#resources.use(this.#root);
  }

  /** The tracker that was started last. */
  get tracker(): RunningProcess {
    return this.#tracker!;
  }

  /** A path in the swarm's folder. The folder that leads to it is made. */
  join(...parts: string[]): string {
    const path = join(this.#root.path, ...parts);
    Deno.mkdirSync(join(path, ".."), { recursive: true });
    return path;
  }

  /** Writes a file of random bytes; its seed makes it the same each time. */
  async write(path: string, { size, seed = 1 }: { size: number; seed?: number }): Promise<string> {
    const absolute = this.join(path);
    await Deno.writeFile(absolute, randomBytes(size, seed));
    return absolute;
  }

  /** Starts a tracker, on the port of the one before if there was one. */
  async startTracker(flags: readonly string[] = []): Promise<RunningProcess> {
    const tracker = await start(["tracker", String(this.port), "--host", HOST, ...flags]);
    this.#resources.use(tracker);
    this.#tracker = tracker;
    this.port = await tracker.listeningPort();
    return tracker;
  }

  /** Starts a peer on the folder `name`, made if it is missing; resolves when it shares that. */
  async startPeer(name: string, ...flags: string[]): Promise<TestPeer> {
    const peer = await this.launchPeer(name, ...flags);
    await peer.process.waitForEvent("sharing");
    return peer;
  }

  /** As `startPeer`, and does not wait. */
  async launchPeer(name: string, ...flags: string[]): Promise<TestPeer> {
    const where = [HOST, String(this.port), "0", this.join(name)];
    const args = ["peer", ...where, "--host", HOST, "--json", ...flags];
    const peer = new TestPeer(await this.start(args, { stdin: "piped" }), this.join(name));
    this.#peers.push(peer);
    return peer;
  }

  /** Ends all peers, as Ctrl-C does. */
  async endPeers(): Promise<void> {
    for (const { process } of this.#peers) process.signal("SIGINT");
    for (const { process } of this.#peers.splice(0)) await process.exit();
  }

  /** Runs `get` to its end, into the folder `out`. */
  get(args: readonly string[], out: string): Promise<Result> {
    return run(this.#getArgs(args, out));
  }

  /** Starts `get --json` into the folder `out`. */
  startGet(args: readonly string[], out: string): Promise<RunningProcess> {
    return this.start([...this.#getArgs(args, out), "--json"]);
  }

  /** Starts any command; it ends with the swarm at the latest. */
  async start(args: readonly string[], options: StartOptions = {}): Promise<RunningProcess> {
    return this.#resources.use(await start(args, options));
  }

  /** Asks the tracker, through `ls --json`. */
  async list(): Promise<Listing> {
    const { code, stdout, stderr } = await run(["ls", HOST, String(this.port), "--json"]);
    if (code !== 0) throw new Error(`ls ended with exit code ${code}: ${stderr}`);
    const events: JsonEvent[] = stdout.split("\n").filter((line) => line !== "")
      .map((line) => JSON.parse(line));
    return {
      files: events.filter(({ event }) => event === "file"),
      nodes: events.filter(({ event }) => event === "node"),
    };
  }

  /** Asks the tracker again and again until the answer `fits`. */
  async listUntil(fits: (listing: Listing) => boolean): Promise<Listing> {
    const deadlineMs = performance.now() + LISTING_TIMEOUT_MS;
    while (true) {
      const listing = await this.list();
      if (fits(listing)) return listing;
      if (performance.now() > deadlineMs) {
        throw new Error(`The list stayed as it is: ${JSON.stringify(listing).slice(0, 2000)}`);
      }
    }
  }

  /** Ends all processes and removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #getArgs(args: readonly string[], out: string): string[] {
    return ["get", HOST, String(this.port), ...args, "--out", this.join(out), "--host", HOST];
  }
}

/** A peer that a test started. */
export class TestPeer {
  constructor(readonly process: RunningProcess, readonly folder: string) {}

  /** A path in its folder. */
  join(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /** The port on which it accepts peers. */
  async port(): Promise<number> {
    return Number((await this.process.waitForEvent("listening")).port);
  }

  /** Carries out a command of its prompt and answers the lines up to one that `last` fits. */
  async command(line: string, last: RegExp): Promise<string[]> {
    const from = this.process.lines.length;
    await this.process.write(line);
    const fits = ({ line }: JsonEvent) => last.test(String(line));
    await this.process.waitForEvent("text", { from, fits });
    return this.process.lines.slice(from).map(({ text }) => JSON.parse(text) as JsonEvent)
      .filter(({ event }) => event === "text").map(({ line }) => String(line));
  }

  /** How many bytes it has sent to other peers, as its `status` tells. */
  async sentBytes(): Promise<number> {
    const lines = await this.command("status", /^fetching/);
    const [, size] = /^sent +(\S+ \S+),/.exec(lines.find((line) => line.startsWith("sent"))!)!;
    return parseSize(size!);
  }

  /** Says `quit` and waits for the end. Answers the exit code. */
  async quit(): Promise<number> {
    await this.process.write("quit");
    return await this.process.exit();
  }
}
