/**
 * A node of the swarm: everything of node/swarm put together.
 *
 * It listens for peers, keeps its tracker informed, serves what its catalog holds and fetches what it is
 * told to. A peer, a one-shot `get` and the simulation are all such a node, on other ports and folders.
 */

import { AnySignal } from "../../protocol/any_signal.ts";
import type { Address, Listener, Log, Random } from "../../protocol/ports.ts";
import { BlockCache } from "../store/block_cache.ts";
import type { BlockCacheStats } from "../store/block_cache.ts";
import { BlockSource } from "../store/block_source.ts";
import type { BlockDisk } from "../store/disk.ts";
import type { Folder } from "../store/folder.ts";
import { BufferPool } from "./buffer_pool.ts";
import { Catalog } from "./catalog.ts";
import type { FileKey, HeldFile } from "./catalog.ts";
import { Download } from "./download.ts";
import type { DownloadContext, Downloaded, Wanted } from "./download.ts";
import type { Link } from "./link.ts";
import { Links } from "./links.ts";
import type { Endpoint } from "../connecting/endpoint.ts";
import { RateLimit } from "../traffic/rate_limit.ts";
import { RateMeter } from "../traffic/rate_meter.ts";
import { TrackerSession } from "./tracker_session.ts";
import { WholeFetch } from "./whole_fetch.ts";
import type { WholeSettled } from "./whole_fetch.ts";

/** Time is looked at this often: links, requests, heartbeats. */
const TICK_MS = 250;
/** Memory for blocks that are arriving, over all downloads. */
const ARRIVING_BYTES_MAX = 32 * 1024 * 1024;

/** What a node is made of, and its limits. */
export interface SwarmNodeOptions extends Endpoint {
  readonly tracker: Address;
  /** Where to accept peers; port 0 picks a free one. */
  readonly listen: Address;
  readonly folder: Folder;
  readonly disk: BlockDisk;
  readonly random: Random;
  readonly log: Log;
  /** Peers to fetch one file from at once. */
  readonly connections: number;
  /** Blocks between two reports to the tracker. */
  readonly announceEvery: number;
  /** Bytes of memory for the blocks that are asked for most. */
  readonly cacheSize: number;
  /** Bytes per second, over all peers. */
  readonly upLimit?: number | undefined;
  readonly downLimit?: number | undefined;
  /** Resolves when the catalog holds all that the node has to offer at its start; by default, at once. */
  readonly ready?: Promise<void>;
  /** The tracker says that the batch has ended. */
  readonly stopped?: () => void;
}

/** What `status` shows. */
export interface NodeStatus {
  readonly fileCount: number;
  readonly linkCount: number;
  readonly sentBytes: number;
  readonly sentRate: number;
  readonly receivedBytes: number;
  readonly receivedRate: number;
  /** Memory that holds blocks which are arriving. */
  readonly arrivingBytes: number;
  readonly cache: BlockCacheStats;
  readonly trackerOnline: boolean;
}

export class SwarmNode implements AsyncDisposable {
  readonly catalog = new Catalog();
  readonly session: TrackerSession;
  readonly links: Links;
  readonly address: Address;
  readonly #options: SwarmNodeOptions;
  readonly #listener: Listener;
  readonly #source: BlockSource;
  readonly #cache: BlockCache;
  readonly #sent: RateMeter;
  readonly #received: RateMeter;
  readonly #downLimit: RateLimit;
  readonly #pool = new BufferPool(ARRIVING_BYTES_MAX);
  readonly #downloads = new Map<FileKey, Download>();
  readonly #wholeFetches = new Set<WholeFetch>();
  readonly #ended = new AbortController();

  /** Starts to listen. Throws when the port is taken. */
  constructor(options: SwarmNodeOptions) {
    const { clock, folder, log } = options;
    this.#options = options;
    this.#listener = options.network.listen(options.listen);
    this.address = this.#listener.address;
    this.#cache = new BlockCache(options.cacheSize);
    this.#source = new BlockSource(folder, this.#cache, clock);
    this.#sent = new RateMeter(clock);
    this.#received = new RateMeter(clock);
    this.#downLimit = new RateLimit(options.downLimit, clock);
    this.links = new Links({
      ...options,
      server: {
        catalog: this.catalog,
        folder,
        source: this.#source,
        limit: new RateLimit(options.upLimit, clock),
        sent: this.#sent,
        opened: (link, file) => this.#opened(link, file),
      },
    });
    this.session = new TrackerSession({
      ...options,
      port: this.address.port,
      catalog: this.catalog,
      log,
      ready: options.ready ?? Promise.resolve(),
      stopped: () => options.stopped?.(),
    });
    this.catalog.observe({
      gained: (file, index) => this.links.tell(file, index),
      removed: (file) => this.#source.forget(file),
      completed: (file) =>
        this.#source.forget({ ...file, location: { kind: "part", key: file.key } }),
    });
    void this.links.accept(this.#listener);
    void this.#keepTime();
  }

  get nodeId(): Uint8Array {
    return this.#options.identity.nodeId;
  }

  /** Bytes of memory that the cache may take. */
  get cacheSize(): number {
    return this.#cache.capacity;
  }

  get status(): NodeStatus {
    return {
      fileCount: this.catalog.count,
      linkCount: this.links.count,
      sentBytes: this.#sent.total,
      sentRate: this.#sent.rate(),
      receivedBytes: this.#received.total,
      receivedRate: this.#received.rate(),
      arrivingBytes: this.#pool.lent,
      cache: this.#cache.stats,
      trackerOnline: this.session.isOnline,
    };
  }

  /** The downloads that are running. */
  get downloads(): Iterable<Download> {
    return this.#downloads.values();
  }

  /** The fetches of small files that are running. */
  get wholeFetches(): Iterable<WholeFetch> {
    return this.#wholeFetches;
  }

  /** Fetches one file, see download.ts; one download at a time for a file. */
  async download(wanted: Wanted, signal: AbortSignal): Promise<Downloaded> {
    const download = new Download(wanted, this.#context);
    if (this.#downloads.has(download.key)) {
      throw new Error(`Cannot get ${wanted.name}: it is being fetched already`);
    }
    this.#downloads.set(download.key, download);
    using stopping = new AnySignal([signal, this.#ended.signal]);
    try {
      return await download.run(stopping.signal);
    } catch (reason) {
      this.catalog.abandonPart(download.key);
      throw reason;
    } finally {
      this.#downloads.delete(download.key);
      await this.#options.disk.release(this.#options.folder.partPath(download.key));
    }
  }

  /** Fetches many small files at once, see whole_fetch.ts. Rejects only with the signal's reason. */
  async fetchWhole(
    wanted: readonly Wanted[],
    { signal, settled }: { signal: AbortSignal; settled: WholeSettled },
  ): Promise<void> {
    const fetch = new WholeFetch(wanted, this.#context, settled);
    this.#wholeFetches.add(fetch);
    using stopping = new AnySignal([signal, this.#ended.signal]);
    try {
      await fetch.run(stopping.signal);
    } finally {
      this.#wholeFetches.delete(fetch);
    }
  }

  /** Says goodbye to the tracker, closes all links and ends what is running. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort(new Error("the node has ended"));
    this.#listener.close();
    await this.session.leave();
    this.links[Symbol.dispose]();
    this.#source[Symbol.dispose]();
  }

  get #context(): DownloadContext {
    return {
      ...this.#options,
      catalog: this.catalog,
      links: this.links,
      holders: this.session,
      pool: this.#pool,
      limit: this.#downLimit,
      received: this.#received,
    };
  }

  /** A peer that opens a file on us is a holder of it, or soon will be. */
  #opened(link: Link, file: HeldFile): void {
    this.#downloads.get(file.key)?.met(link);
  }

  async #keepTime(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#ended.signal.aborted) {
      const nowMs = clock.now();
      this.links.tick(nowMs);
      this.session.tick(nowMs);
      await clock.sleep(TICK_MS, this.#ended.signal);
    }
  }
}
