/**
 * An honest peer of the simulation: the program's own node on a simulated host, which shares what it has,
 * fetches what it wants, and may be killed and started again with the same disk.
 */

import { fetchAll } from "../../node/swarm/fetch_all.ts";
import type { ListedFile } from "../../node/swarm/fetch_all.ts";
import { SwarmNode } from "../../node/swarm/swarm_node.ts";
import type { Manifest } from "../../node/content/manifest.ts";
import { sameBytes } from "../../protocol/bytes.ts";
import type { Identity } from "../../protocol/ports.ts";
import type { SharedFile } from "./library.ts";
import type { Life } from "./life.ts";
import { MemoryDisk } from "./memory_disk.ts";
import { MemoryFolder } from "./memory_folder.ts";
import { MemoryStorage, StoredFile } from "./memory_storage.ts";
import { sketchIdentity, verifySketch } from "./sketch_identity.ts";
import { TRACKER } from "./world.ts";
import type { World } from "./world.ts";

/** A pause after which what failed is tried again, as a user would. */
const RETRY_MS = 1_000;
/** A node that was disposed of has come to rest by then, and has let go of everything. */
const LINGER_MS = 15_000;

/** How a peer is set up, the same for all its lives. */
export interface PeerPlan {
  readonly name: string;
  /** What it has at first. */
  readonly shared: readonly { readonly file: SharedFile; readonly manifest: Manifest }[];
  readonly wanted: readonly SharedFile[];
  readonly connections: number;
  readonly cacheSize: number;
  readonly upLimit: number | undefined;
  readonly downLimit: number | undefined;
  /** Begins and ends together with all others. */
  readonly isInBatch: boolean;
}

/** What exists while the peer runs. */
interface Running {
  readonly life: Life;
  readonly node: SwarmNode;
  readonly folder: MemoryFolder;
  readonly stopped: AbortController;
  readonly missing: Set<SharedFile>;
  /** The tracker has said that everybody is done. */
  isDismissed: boolean;
}

export class HonestPeer {
  readonly plan: PeerPlan;
  readonly identity: Identity;
  readonly storage: MemoryStorage;
  readonly #world: World;
  /** Manifests by the name of a file that is here, which a real peer keeps in a database. */
  readonly #manifests = new Map<string, Manifest>();
  #running: Running | undefined;
  #stopping: Promise<void> | undefined;
  /** What went wrong that must not: errors that nobody should ever see. */
  readonly problems: string[] = [];

  constructor(plan: PeerPlan, world: World) {
    this.plan = plan;
    this.#world = world;
    this.identity = sketchIdentity(plan.name);
    this.storage = new MemoryStorage(world.dice.fork());
    for (const { file, manifest } of plan.shared) {
      this.storage.files.set(file.name, new StoredFile(file.bytes.slice()));
      this.#manifests.set(file.name, manifest);
    }
  }

  get name(): string {
    return this.plan.name;
  }

  /** The node, while the peer runs. */
  get node(): SwarmNode | undefined {
    return this.#running?.node;
  }

  /** Resolves when an orderly end, if there is one under way, is over. */
  get stopping(): Promise<void> | undefined {
    return this.#stopping;
  }

  /** Whether it runs and has fetched all that it wanted. */
  get isDone(): boolean {
    return this.#running?.missing.size === 0;
  }

  /** Whether the tracker has told it that everybody is done. */
  get isDismissed(): boolean {
    return this.#running?.isDismissed ?? false;
  }

  /** The names of the files that it still fetches. */
  get missing(): string[] {
    return [...this.#running?.missing ?? this.plan.wanted].map(({ name }) => name);
  }

  /** Whether it can offer a file when it is started. */
  hasOnDisk({ name }: SharedFile): boolean {
    return this.#manifests.has(name) && this.storage.files.has(name);
  }

  start(): void {
    if (this.#running !== undefined) return;
    if (this.#stopping !== undefined) return void this.#stopping.then(() => this.start());
    const { network, dice } = this.#world;
    const { life, network: port } = network.boot(this.name);
    const folder = new MemoryFolder(this.storage, life);
    const disk = new MemoryDisk(this.storage, life);
    const { random } = dice.fork();
    const nonces = dice.fork();
    const stopped = new AbortController();
    const { connections, cacheSize, upLimit, downLimit, wanted } = this.plan;
    const node = new SwarmNode({
      identity: this.identity,
      agent: "p2pnode/simulated",
      verify: verifySketch,
      nonce: () => nonces.bytes(32),
      clock: life.clock,
      network: port,
      tracker: TRACKER,
      listen: { host: this.name, port: 6000 },
      folder,
      disk,
      random,
      log: (line) => this.#world.tell(this.name, line),
      connections,
      announceEvery: 10,
      cacheSize,
      upLimit,
      downLimit,
      stopped: () => running.isDismissed = true,
    });
    const missing = new Set(wanted);
    const running: Running = { life, node, folder, stopped, missing, isDismissed: false };
    this.#running = running;
    this.#world.tell(this.name, `starts, wants ${this.missing.join() || "nothing"}`);
    this.#share(running);
    void node.session.run();
    void this.#fetch(running, disk);
  }

  /** Ends its process between two instructions. */
  kill(): void {
    this.#crash(() => this.#world.network.kill(this.name));
  }

  /** Its machine loses power, so that nobody is told. */
  vanish(): void {
    this.#crash(() => this.#world.network.vanish(this.name));
  }

  /** Ends it in an orderly way; a start meanwhile takes effect afterwards. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    this.#world.tell(this.name, "stops");
    this.#stopping = this.#end(running);
    await this.#stopping;
    this.#stopping = undefined;
  }

  async #end({ stopped, node, folder, life }: Running): Promise<void> {
    stopped.abort(new Error("the user has stopped it"));
    await node[Symbol.asyncDispose]();
    await life.sleep(LINGER_MS);
    if (life.sleeping > 0) this.problems.push(`${life.sleeping} sleeps are left after the end`);
    if (folder.openCount > 0) this.problems.push(`${folder.openCount} files are left open`);
    this.#world.network.kill(this.name);
  }

  #crash(end: () => void): void {
    if (this.#running === undefined) return;
    this.#running = undefined;
    this.#world.tell(this.name, "dies");
    end();
    this.storage.crash();
  }

  #share({ node, folder }: Running): void {
    for (const [name, manifest] of this.#manifests) {
      const state = folder.state(name);
      if (state !== undefined) node.catalog.addFile(manifest, name, state.stamp);
    }
  }

  async #fetch(running: Running, disk: MemoryDisk): Promise<void> {
    const { missing, stopped, life, node } = running;
    try {
      if (this.plan.isInBatch) await node.session.assembled;
      while (missing.size > 0 && !stopped.signal.aborted) {
        await this.#fetchListed(running, disk);
        if (missing.size > 0) await life.sleep(RETRY_MS, stopped.signal);
      }
      // When that fails, the tracker is told as soon as it is back.
      await node.session.terminated().catch(() => {});
    } catch (reason) {
      if (!stopped.signal.aborted) this.problems.push(`fetching: ${(reason as Error).stack}`);
    }
  }

  /** Fetches those of the missing files that the tracker lists, if it can be reached. */
  async #fetchListed(running: Running, disk: MemoryDisk): Promise<void> {
    const { node, folder, missing, stopped } = running;
    const listed: ListedFile[] = [];
    for (const file of missing) {
      const found = await node.session.listFiles(file.name).catch(() => []);
      const entry = found.find(({ id }) => sameBytes(id, file.id));
      if (entry === undefined) continue;
      const { id, size, blockSize } = entry;
      listed.push({ id, size, blockSize, name: file.name, replace: false });
    }
    await fetchAll(listed, {
      node,
      folder,
      disk,
      signal: stopped.signal,
      settled: (outcome) => {
        const { name } = outcome.wanted;
        if ("error" in outcome) return this.#world.tell(this.name, outcome.error.message);
        this.#world.tell(this.name, `has ${name}`);
        if (outcome.file !== undefined) this.#manifests.set(name, outcome.file.manifest);
        const file = [...missing].find((file) => file.name === name);
        if (file === undefined) this.problems.push(`${name} was settled twice`);
        else missing.delete(file);
      },
    });
  }
}
