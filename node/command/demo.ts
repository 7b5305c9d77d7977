/**
 * `p2pnode demo`: the program's main job in one process, over real sockets on loopback.
 *
 * A tracker and three peers, each with another two thirds of a file, so that any two of them have it
 * whole; a fourth that claims to have everything and serves flipped bits; a leecher. One of the three is
 * stopped in the middle. Peers send slowly enough that a person can watch.
 */

import { addressText } from "../../protocol/address.ts";
import { Bitfield } from "../../protocol/bitfield.ts";
import type { Address } from "../../protocol/ports.ts";
import { sameBytes, toHex } from "../../protocol/bytes.ts";
import type { Manifest } from "../content/manifest.ts";
import { blockCount, blockSizeFor } from "../content/tree.ts";
import type { BlockDisk, HashedFile } from "../store/disk.ts";
import type { Folder } from "../store/folder.ts";
import type { Downloaded } from "../swarm/download.ts";
import { SwarmNode } from "../swarm/swarm_node.ts";
import { ProgressBoard } from "../terminal/progress_board.ts";
import { counted } from "../text/counted.ts";
import { formatRate, formatSize } from "../text/size.ts";
import { formatTable } from "../text/table.ts";
import { defineCommand } from "./declaration.ts";
import type { ParsedCommand } from "./declaration.ts";
import { Exit } from "./exit.ts";
import type { RunTracker } from "./tracker.ts";
import { showBars } from "./transfers.ts";
import type { World } from "./world.ts";

const MIB = 1024 * 1024;
const NAME = "demo.bin";
const HOST = "127.0.0.1";

export const demoCommand = defineCommand({
  name: "demo",
  summary: "Watch a file travel between nodes on this machine, one of which lies.",
  positionals: {},
  flags: {
    size: {
      kind: "size",
      default: 256 * MIB,
      min: 16 * MIB,
      max: 4096 * MIB,
      doc: "size of the file",
    },
    rate: { kind: "size", default: 32 * MIB, min: MIB, doc: "bytes per second that a peer sends" },
  },
  examples: ["p2pnode demo"],
});

export async function runDemo(
  { flags }: ParsedCommand<typeof demoCommand>,
  world: World,
  runTracker: RunTracker,
): Promise<void> {
  const startMs = world.clock.now();
  const root = await world.makeTemporaryFolder();
  try {
    using board = new ProgressBoard(world.screen, world.clock);
    const stage = new Stage(world, board, flags.rate);
    await stage.play(root, { size: flags.size, runTracker });
  } finally {
    await world.removeFolder(root);
  }
  const seconds = (world.clock.now() - startMs) / 1000;
  world.print(`all files of the demo are removed again; it took ${seconds.toFixed(1)} s`);
}

/** An actor of the demo. */
interface Actor {
  readonly title: string;
  readonly node: SwarmNode;
}

class Stage {
  readonly #world: World;
  readonly #board: ProgressBoard;
  readonly #rate: number;

  constructor(world: World, board: ProgressBoard, rate: number) {
    this.#world = world;
    this.#board = board;
    this.#rate = rate;
  }

  async play(root: string, { size, runTracker }: { size: number; runTracker: RunTracker }) {
    const { openFolder, openDisk, makeSampleFile, makeIdentity, stopped: signal } = this.#world;
    await using source = await openFolder(`${root}/source`, { create: true });
    await using lies = await openFolder(`${root}/lies`, { create: true });
    await using target = await openFolder(`${root}/leecher`, { create: true });
    this.#say(`making ${NAME}, ${formatSize(size)} of random bytes, and a copy with flipped bits`);
    await makeSampleFile(source.pathOf(NAME), { size, signal });
    await makeSampleFile(lies.pathOf(NAME), { size, flipEvery: 64 * 1024, signal });
    const keys = makeIdentity();
    using disk = openDisk(source, keys);
    using targetDisk = openDisk(target);
    const manifest = await publish(disk, {
      path: source.pathOf(NAME),
      size,
      publisher: keys.nodeId,
      signal,
    });
    this.#say(
      `published by ${toHex(keys.nodeId).slice(0, 12)}: ${
        manifest.hashes.length / 32
      } signed blocks`,
    );

    const ended = new AbortController();
    const tracking = Promise.withResolvers<Address>();
    const tracker = runTracker({
      ...this.#world,
      port: 0,
      host: HOST,
      ttlMs: 30_000,
      identity: makeIdentity(),
      log: () => {},
      signal: ended.signal,
      onListening: tracking.resolve,
    });
    try {
      const address = await tracking.promise;
      this.#say(`${label("tracker")} listening on ${addressText(address)}`);
      await this.#share(manifest, { address, source, lies, target, disk, targetDisk });
    } finally {
      ended.abort();
      await tracker;
    }
  }

  async #share(manifest: Manifest, stage: Scenery): Promise<void> {
    const { source, lies, target, disk, targetDisk } = stage;
    const count = blockCount(manifest.size, manifest.blockSize);
    await using actors = new AsyncDisposableStack();
    const peers = [0, 1, 2].map((gap) => {
      const actor = this.#enter(`peer ${gap + 1}`, { ...stage, folder: source, disk });
      actors.use(actor.node);
      hold(actor.node, source, manifest, twoThirds(count, gap));
      return actor;
    });
    const liar = this.#enter("liar", { ...stage, folder: lies, disk });
    actors.use(liar.node);
    hold(liar.node, lies, manifest, Bitfield.all(count));
    for (const { node, title } of [...peers, liar]) {
      await node.session.connect();
      void node.session.run();
      await node.session.assembled;
      this.#say(`${label(title)} ${idOf(node)} holds ${percentHeld(node)} % of the blocks`);
    }
    const leecher = this.#enter("leecher", { ...stage, folder: target, disk: targetDisk });
    actors.use(leecher.node);
    const downloaded = await this.#download(leecher, manifest, peers[2]!);
    await this.#check({ disk, targetDisk, target, manifest });
    this.#sumUp(downloaded, [...peers, liar]);
    if (downloaded.badBlockCount === 0) {
      this.#board.log("the liar was not caught: no block was asked of it");
      throw new Exit(1);
    }
  }

  /** Puts a node on the stage. The leecher's log is the one that tells who lied. */
  #enter(
    title: string,
    { address, folder, disk }: Scenery & { folder: Folder; disk: BlockDisk },
  ): Actor {
    const sends = title !== "leecher";
    const { network, clock, random, verify, nonce, agent } = this.#world;
    const node = new SwarmNode({
      ...{ network, clock, random, verify, nonce, agent },
      identity: this.#world.makeIdentity(),
      tracker: address,
      listen: { host: HOST, port: 0 },
      folder,
      disk,
      connections: 8,
      announceEvery: 10,
      cacheSize: 0,
      upLimit: sends ? this.#rate : undefined,
      log: sends ? () => {} : (line) => this.#say(line),
    });
    return { title, node };
  }

  /** Fetches the file, and stops one peer when a third of it is there. */
  async #download({ node }: Actor, manifest: Manifest, victim: Actor): Promise<Downloaded> {
    const ended = new AbortController();
    const { clock, stopped } = this.#world;
    await node.session.connect();
    void node.session.run();
    await node.session.assembled;
    const { signal } = ended;
    const showing = showBars(node, { board: this.#board, clock, signal });
    const stopping = this.#stopInTheMiddle(node, victim, signal);
    try {
      const { id, size, name } = manifest;
      const wanted = { id, size, name, replace: false, patienceMs: 30_000 };
      return await node.download(wanted, stopped);
    } finally {
      ended.abort();
      await Promise.all([showing, stopping]);
    }
  }

  async #stopInTheMiddle(leecher: SwarmNode, victim: Actor, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const { progress } of leecher.downloads) {
        if (progress.bytesDone < progress.bytesTotal / 3) continue;
        this.#say(`${label(victim.title)} ${idOf(victim.node)} is stopped in the middle`);
        return await victim.node[Symbol.asyncDispose]();
      }
      await this.#world.clock.sleep(50, signal);
    }
  }

  /** Hashes what arrived once more, as a stranger would. */
  async #check(
    { targetDisk, target, manifest }: Pick<Scenery, "targetDisk" | "target" | "disk"> & {
      manifest: Manifest;
    },
  ) {
    const { stopped: signal } = this.#world;
    const { id } = await hashOf(targetDisk, target.pathOf(NAME), { ...manifest, signal });
    if (!sameBytes(id, manifest.id)) throw new Error(`Cannot go on: ${NAME} arrived damaged`);
    this.#say(`${NAME} is whole: its hash is ${toHex(id).slice(0, 16)} as published`);
  }

  #sumUp({ file, seconds, badBlockCount, blocksByPeer }: Downloaded, senders: readonly Actor[]) {
    const { size } = file.manifest;
    const rows = senders.map(({ title, node }) => {
      const key = toHex(node.nodeId);
      return [title, key.slice(0, 12), String(blocksByPeer.get(key) ?? 0)];
    });
    const columns = [
      { title: "from" },
      { title: "node" },
      { title: "good blocks", align: "right" },
    ] as const;
    this.#say("");
    for (const line of formatTable(columns, rows)) this.#say(line);
    this.#say("");
    this.#say(
      `${formatSize(size)} in ${seconds.toFixed(2)} s: ${formatRate(size / seconds)}, where each ` +
        `peer sends ${formatRate(this.#rate)} at most`,
    );
    const bad = counted(badBlockCount, "bad block");
    this.#say(`${counted(file.have.count, "block")} verified, ${bad} refused`);
  }

  #say(line: string): void {
    this.#board.log(line);
  }
}

interface Scenery {
  readonly address: Address;
  readonly source: Folder;
  readonly lies: Folder;
  readonly target: Folder;
  readonly disk: BlockDisk;
  readonly targetDisk: BlockDisk;
}

/** An actor's title, as wide as the longest. */
function label(title: string): string {
  return title.padEnd("tracker".length);
}

function idOf(node: SwarmNode): string {
  return toHex(node.nodeId).slice(0, 12);
}

/** Every block but those of one third. */
function twoThirds(count: number, gap: number): Bitfield {
  const have = Bitfield.none(count);
  for (let index = 0; index < count; index++) {
    if (Math.floor(3 * index / count) !== gap) have.add(index);
  }
  return have;
}

/** Makes a node the holder of some blocks of a file in its folder. */
function hold(node: SwarmNode, folder: Folder, manifest: Manifest, have: Bitfield): void {
  const held = node.catalog.addPart(manifest, have);
  held.location = { kind: "file", name: NAME, stamp: folder.state(NAME)!.stamp };
}

function percentHeld({ catalog }: SwarmNode): number {
  const [file] = catalog;
  return Math.round(100 * file!.have.held / file!.have.count);
}

async function publish(
  disk: BlockDisk,
  { path, size, publisher, signal }: {
    path: string;
    size: number;
    publisher: Uint8Array;
    signal: AbortSignal;
  },
): Promise<Manifest> {
  const blockSize = blockSizeFor(size);
  const hashed = await hashOf(disk, path, { size, blockSize, sign: true, signal });
  return { ...hashed, name: NAME, size, blockSize, publisher };
}

async function hashOf(
  disk: BlockDisk,
  path: string,
  { size, blockSize, sign = false, signal }: {
    size: number;
    blockSize: number;
    sign?: boolean;
    signal: AbortSignal;
  },
): Promise<HashedFile> {
  for await (const hashed of disk.hashFiles([{ path, size, blockSize }], { sign, signal })) {
    if ("id" in hashed) return hashed;
    throw new Error(hashed.error);
  }
  throw new Error(`Cannot hash ${path}: nothing came of it`);
}
