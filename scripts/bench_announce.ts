/**
 * Measures how many announces a second the tracker answers.
 *
 *     deno run -A scripts/bench_announce.ts [--seconds 5] [--nodes 10000] [--in-flight 64] [-- COMMAND…]
 *
 * COMMAND starts the tracker; `dist/p2pnode tracker 0 --host 127.0.0.1 --ttl 600` unless given. Where
 * `taskset` is found, the tracker gets one core for itself and this process another.
 *
 * The nodes are registered over as many kept connections. Each holds 10 of 1,000 files, so that with 10,000 nodes
 * a file has 100 holders, half of them partial. Then nodes taken in turn report their progress with a file and
 * get its current holders back: what an announce with numwant is to a BitTorrent tracker. Frames are made
 * beforehand and of the answers only the header is read, so that this side costs less than the tracker.
 */

import { parseArgs } from "@std/cli/parse-args";
import { KeyPair } from "../node/content/identity.ts";
import { tcpNetwork } from "../node/platform/network.ts";
import { Connection } from "../protocol/connection.ts";
import { systemClock } from "../node/platform/clock.ts";
import { handshake } from "../protocol/handshake.ts";
import { HEADER_SIZE, readHeader } from "../protocol/header.ts";
import { encode, messages } from "../protocol/messages.ts";
import type { BodyOf } from "../protocol/messages.ts";
import type { Address, Duplex } from "../protocol/ports.ts";

const FILE_COUNT = 1_000;
const FILES_PER_NODE = 10;
const BLOCK_SIZE = 256 * 1024;
const BLOCK_COUNT = 256;
/** A tracker gives up a connection on which it hears nothing, while others may still be registering. */
const SIGN_OF_LIFE_MS = 5000;

/** What was measured. */
export interface AnnounceFigures {
  readonly announcesPerSecond: number;
  /** Announces per second of the tracker's CPU time: what a core that it had for itself would bear. */
  readonly announcesPerCore: number;
  /** Latency in milliseconds, with `inFlight` requests under way at any time. */
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly inFlight: number;
  /** Bytes of one answer, on average. */
  readonly answerSize: number;
  /** CPU time of the tracker per second of wall time, all its threads together. */
  readonly trackerCores: number;
  /** The same of this process: near 1, it may have been the bottleneck. */
  readonly generatorCores: number;
  /** Resident memory of the tracker in bytes, with all nodes connected. */
  readonly trackerMemory: number;
}

export interface AnnounceOptions {
  /** Program and arguments; it must print `listening on HOST:PORT` first. */
  readonly command: readonly string[];
  readonly seconds: number;
  /** How many nodes are registered; not fewer than are in flight. */
  readonly nodeCount: number;
  /** How many nodes wait for an answer at any time. */
  readonly inFlight: number;
}

/** Starts a tracker, measures it, and ends it. */
export async function measureAnnounces(options: AnnounceOptions): Promise<AnnounceFigures> {
  await using tracker = await TrackerProcess.start(options.command);
  const nodes = await registerAll(tracker.address, options.nodeCount);
  try {
    await run(nodes, { ...options, seconds: 1 });
    const [trackerBefore, selfBefore] = [cpuSeconds(tracker.pid), cpuSeconds(Deno.pid)];
    const load = await run(nodes, options);
    const count = load.latencies.length;
    const share = (pid: number, before: number) => (cpuSeconds(pid) - before) / load.seconds;
    const trackerCores = share(tracker.pid, trackerBefore);
    load.latencies.sort();
    return {
      announcesPerSecond: count / load.seconds,
      announcesPerCore: count / load.seconds / trackerCores,
      medianMs: load.latencies[Math.floor(count * 0.5)]!,
      p99Ms: load.latencies[Math.floor(count * 0.99)]!,
      inFlight: options.inFlight,
      answerSize: load.bytes / count,
      trackerCores,
      generatorCores: share(Deno.pid, selfBefore),
      trackerMemory: residentBytes(tracker.pid),
    };
  } finally {
    for (const { stream } of nodes) stream.close();
  }
}

/** A tracker of its own process, on a core of its own if that can be had. */
class TrackerProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess, readonly address: Address) {
    this.#child = child;
  }

  static async start(command: readonly string[]): Promise<TrackerProcess> {
    const [program, ...args] = await canPin() ? ["taskset", "-c", "0", ...command] : command;
    const child = new Deno.Command(program!, { args, stdout: "piped", stderr: "null" }).spawn();
    const line = await firstLine(child.stdout);
    const match = /^listening on (.+):(\d+)$/.exec(line);
    if (match === null) {
      throw new Error(`Cannot measure ${command.join(" ")}: it printed ${JSON.stringify(line)}`);
    }
    return new TrackerProcess(child, { host: match[1]!, port: Number(match[2]) });
  }

  /** taskset becomes the program that it starts, so this is the tracker itself. */
  get pid(): number {
    return this.#child.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.status;
  }
}

/** Moves this process to the second core; answers whether there are two, and a way to choose. */
async function canPin(): Promise<boolean> {
  if (navigator.hardwareConcurrency < 2) return false;
  try {
    const args = ["-a", "-c", "-p", "1", String(Deno.pid)];
    return (await new Deno.Command("taskset", { args, stdout: "null" }).output()).success;
  } catch {
    return false;
  }
}

/** The first line of a stream, which is read on to its end so that its writer never waits. */
async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = "";
  const note = (part: string) => {
    if (text.includes("\n")) return;
    text += part;
    if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
  };
  void stream.pipeThrough(new TextDecoderStream())
    .pipeTo(new WritableStream({ write: note, close: () => resolve(text) }));
  return await promise;
}

/** A registered node: its connection, and its progress reports as frames. */
interface LoadNode {
  readonly stream: Duplex;
  readonly reports: readonly Uint8Array[];
}

async function registerAll(tracker: Address, count: number): Promise<LoadNode[]> {
  const nodes: LoadNode[] = [];
  let next = 0;
  const registerSome = async () => {
    while (next < count) nodes.push(await register(tracker, next++));
  };
  // A notice that asks for nothing, so that no answer waits when the measuring begins.
  const signOfLife = encode({ type: "cancel" });
  const timer = setInterval(() => {
    for (const { stream } of nodes) void writeAll(stream, signOfLife);
  }, SIGN_OF_LIFE_MS);
  try {
    await Promise.all(Array.from({ length: 64 }, registerSome));
  } finally {
    clearInterval(timer);
  }
  return nodes;
}

async function register(tracker: Address, number: number): Promise<LoadNode> {
  const stream = await tcpNetwork.connect(tracker);
  const connection = new Connection(stream);
  await handshake(connection, {
    identity: KeyPair.generate(),
    role: "peer",
    agent: "bench",
    expect: "tracker",
    verify: () => true,
    nonce: new Uint8Array(32),
    clock: systemClock,
  });
  const files = Array.from({ length: FILES_PER_NODE }, (_, i) => fileOf(number, i));
  const port = 1024 + number;
  connection.send({ type: "announce", port, first: true, last: true, files }, 1);
  const answer = await connection.receive();
  if (answer.type !== "announced") throw new Error(`Cannot register: ${answer.type} came back`);
  return { stream, reports: files.map((file) => encode({ type: "progress", ...file }, 1)) };
}

/** One of the files that a node holds: half of its holders have all of it, the others a random half. */
function fileOf(node: number, position: number): BodyOf<"announce">["files"][number] {
  const number = (node + position * (FILE_COUNT / FILES_PER_NODE)) % FILE_COUNT;
  const id = new Uint8Array(32);
  new DataView(id.buffer).setUint32(0, number);
  const have = Math.floor(node / FILE_COUNT) % 2 === 0
    ? new Uint8Array(0)
    : crypto.getRandomValues(new Uint8Array(BLOCK_COUNT / 8));
  return {
    id,
    size: BLOCK_SIZE * BLOCK_COUNT,
    name: `folder/file-${number}.bin`,
    blockSize: BLOCK_SIZE,
    publisher: new Uint8Array(32),
    have,
  };
}

interface Load {
  readonly seconds: number;
  /** Of each answered request, in milliseconds. */
  readonly latencies: Float64Array;
  /** Of all answers together. */
  readonly bytes: number;
}

/** Has the nodes report in turn, as many at a time as `inFlight` says. */
async function run(
  nodes: readonly LoadNode[],
  { seconds, inFlight }: { seconds: number; inFlight: number },
): Promise<Load> {
  const latencies: number[] = [];
  let bytes = 0;
  const start = performance.now();
  const end = start + seconds * 1000;
  const reportInTurn = async (first: number) => {
    const buffer = new Uint8Array(HEADER_SIZE + 64 * 1024);
    for (let turn = 0; performance.now() < end; turn++) {
      const place = first + turn * inFlight;
      const { stream, reports } = nodes[place % nodes.length]!;
      const sent = performance.now();
      await writeAll(stream, reports[Math.floor(place / nodes.length) % reports.length]!);
      const size = await readAnswer(stream, buffer);
      bytes += size;
      latencies.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, (_, first) => reportInTurn(first)));
  const elapsed = (performance.now() - start) / 1000;
  return { seconds: elapsed, latencies: Float64Array.from(latencies), bytes };
}

async function writeAll(stream: Duplex, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
}

/** What a tracker says unasked to a node that was silent: are you there, and never mind. */
const PASSED_OVER: ReadonlySet<number> = new Set([messages.ping.number, messages.cancel.number]);

/** Reads one answer into `buffer` and answers its size. */
async function readAnswer(stream: Duplex, buffer: Uint8Array): Promise<number> {
  const view = new DataView(buffer.buffer);
  let filled = 0;
  for (;;) {
    while (filled < HEADER_SIZE) filled += await readSome(stream, buffer, filled);
    const { type, bodySize } = readHeader(view, 0);
    const size = HEADER_SIZE + bodySize;
    while (filled < size) filled += await readSome(stream, buffer, filled);
    if (type === messages.holders.number) return size;
    if (!PASSED_OVER.has(type)) throw new Error(`Cannot go on: message ${type} came back`);
    buffer.copyWithin(0, size, filled);
    filled -= size;
  }
}

async function readSome(stream: Duplex, buffer: Uint8Array, at: number): Promise<number> {
  const count = await stream.read(buffer.subarray(at));
  if (count === null) throw new Error("Cannot go on: the tracker closed a connection");
  return count;
}

/** CPU time that all threads of a process have taken, from Linux's /proc. */
function cpuSeconds(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /s, "").split(" ");
  const ticksPerSecond = 100;
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

function residentBytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

if (import.meta.main) {
  const { seconds, nodes, "in-flight": inFlight, "--": command } = parseArgs(Deno.args, {
    string: ["seconds", "nodes", "in-flight"],
    default: { seconds: "5", nodes: "10000", "in-flight": "64" },
    "--": true,
  });
  const tracker = ["dist/p2pnode", "tracker", "0", "--host", "127.0.0.1", "--ttl", "600"];
  const figures = await measureAnnounces({
    command: command.length > 0 ? command : tracker,
    seconds: Number(seconds),
    nodeCount: Number(nodes),
    inFlight: Number(inFlight),
  });
  console.log(JSON.stringify(figures, null, 2));
}
