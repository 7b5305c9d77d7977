/**
 * Fetches one file from many peers at once.
 *
 * First a manifest is had from any holder, then blocks from all of them: rarest first, a window of requests
 * to each. A block that arrives is verified and written by the disk, off this thread; then peers and
 * tracker hear of it, and this node serves it on. Every block is in one state (block_picker.ts); whatever
 * ends a request puts the block back or moves it on. A peer whose bytes do not match the manifest is named
 * in the log and never asked again.
 *
 * Events drive the hot path; a step four times a second does what depends on time: it asks the tracker
 * for holders, dials, notices stalled peers, and in the end game asks a second peer for what one keeps us
 * waiting for.
 */

import { Bitfield } from "../../protocol/bitfield.ts";
import type { Clock, Log, Random } from "../../protocol/ports.ts";
import type { Manifest } from "../content/manifest.ts";
import { blockCount, sizeOfBlock } from "../content/tree.ts";
import type { BlockDisk, DiskFailure, LandOutcome } from "../store/disk.ts";
import type { Folder } from "../store/folder.ts";
import type { TransferProgress } from "../traffic/transfer_progress.ts";
import type { BufferPool } from "./buffer_pool.ts";
import { Candidates } from "./candidates.ts";
import { fileKey } from "./catalog.ts";
import type { Catalog, FileId, FileKey, HeldFile } from "./catalog.ts";
import { DownloadSource } from "./download_source.ts";
import { Fetching } from "./fetching.ts";
import type { Link } from "./link.ts";
import type { Links, PeerAddress } from "./links.ts";
import { ManifestFetch } from "./manifest_fetch.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { RateLimit } from "../traffic/rate_limit.ts";
import { RateMeter } from "../traffic/rate_meter.ts";

/** How often time is looked at. */
const STEP_MS = 250;
/** How often the tracker is asked for holders while there are too few. */
const HOLDERS_EVERY_MS = 1_000;
/** A peer that has had nothing to offer for this long makes room for another. */
const USELESS_MS = 5_000;
/** Leechers keep up with seeders when they deliver at least half as much. */
const LEECHER_SHARE = 2;
/** Progress goes to the tracker no more often than this. */
const REPORT_EVERY_MS = 500;
/** A few blocks wait for this long until others are told where they are. */
const REPORT_LATE_MS = 5_000;

/** Peers that hold a file, as the tracker lists them. */
export interface HolderSource {
  findHolders(file: FileId): Promise<PeerAddress[]>;
  /** Reports the blocks that are held and answers holders, too. */
  progress(file: FileId, have: Bitfield): Promise<PeerAddress[]>;
}

/** What all downloads of a node share. */
export interface DownloadContext {
  readonly catalog: Catalog;
  readonly folder: Folder;
  readonly disk: BlockDisk;
  readonly links: Links;
  readonly holders: HolderSource;
  readonly pool: BufferPool;
  readonly limit: RateLimit;
  readonly received: RateMeter;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Peers to fetch from at once. */
  readonly connections: number;
  /** Blocks between two reports to the tracker. */
  readonly announceEvery: number;
}

/** What to fetch, and how. */
export interface Wanted extends FileId {
  /** The name to store it under. A peer's manifest does not decide that. */
  readonly name: string;
  /** Only a manifest of this publisher will do. */
  readonly publisher?: Uint8Array;
  /** Replaces another file of that name. */
  readonly replace: boolean;
  /** Gives up when no block has come for this long; without it, waits for ever. */
  readonly patienceMs?: number;
}

/** A download that has ended well. */
export interface Downloaded {
  readonly file: HeldFile;
  readonly seconds: number;
  readonly blockCount: number;
  /** Blocks that were there already from an earlier start. */
  readonly resumedCount: number;
  readonly badBlockCount: number;
  /** Blocks by the peer that they came from. */
  readonly blocksByPeer: ReadonlyMap<string, number>;
}

export class Download {
  readonly key: FileKey;
  readonly wanted: Wanted;
  readonly #context: DownloadContext;
  readonly #candidates: Candidates;
  readonly #sources = new Map<string, DownloadSource>();
  /** When each source last had something to offer. */
  readonly #usefulMs = new Map<DownloadSource, number>();
  readonly #blocksByPeer = new Map<string, number>();
  readonly #rate: RateMeter;
  readonly #ended = Promise.withResolvers<void>();
  #isEnded = false;
  #sparesSeeders = false;
  #startMs: number;
  #progressMs: number;
  /** Peers on their way to become sources. */
  readonly #joining = new Set<string>();
  readonly #manifests: ManifestFetch;
  #beginning: Promise<void> | undefined;
  #fetching: Fetching | undefined;
  #badBlockCount = 0;
  #resumedCount = 0;
  /** Blocks that are being verified and written. */
  readonly #landing = new Set<number>();
  #promoting = false;
  #holdersMs = -Infinity;
  #asking = false;
  #reportedCount = 0;
  #reportedMs = -Infinity;

  constructor(wanted: Wanted, context: DownloadContext) {
    this.wanted = wanted;
    this.key = fileKey(wanted);
    this.#context = context;
    this.#candidates = new Candidates(context.random);
    this.#manifests = new ManifestFetch(wanted, context);
    this.#rate = new RateMeter(context.clock);
    this.#startMs = this.#progressMs = context.clock.now();
  }

  get progress(): TransferProgress {
    const { name, size } = this.wanted;
    return {
      name,
      bytesDone: this.#fetching?.heldBytes ?? 0,
      bytesTotal: size,
      bytesPerSecond: this.#rate.rate(),
      peers: this.#sources.size,
      badBlocks: this.#badBlockCount,
    };
  }

  /** A peer that is linked already wants the same file, so it has or will have blocks of it. */
  met(link: Link): void {
    if (this.#isEnded || this.#isKnown(link.key) || this.#hasEnoughPeers()) return;
    const peer = { nodeId: link.nodeId, ...link.address };
    this.#candidates.occupy(link.nodeId);
    void this.#join(peer, Promise.resolve(link));
  }

  /**
   * Runs until the file is whole and under its name. Rejects with `Cannot get NAME: reason`, and with the
   * signal's reason when it is aborted; the verified blocks are kept for the next time.
   */
  async run(signal: AbortSignal): Promise<Downloaded> {
    const abort = () => this.#fail(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      signal.throwIfAborted();
      while (!this.#isEnded) {
        this.#step();
        await Promise.race([this.#ended.promise, this.#context.clock.sleep(STEP_MS)]);
      }
      await this.#ended.promise;
      return this.#result();
    } finally {
      signal.removeEventListener("abort", abort);
      this.#leave();
    }
  }

  #result(): Downloaded {
    const file = this.#fetching!.file;
    return {
      file,
      seconds: (this.#context.clock.now() - this.#startMs) / 1000,
      blockCount: file.have.count,
      resumedCount: this.#resumedCount,
      badBlockCount: this.#badBlockCount,
      blocksByPeer: this.#blocksByPeer,
    };
  }

  #fail(reason: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#ended.promise.catch(() => {});
    this.#ended.reject(reason);
  }

  #failure(reason: string): Error {
    return new Error(`Cannot get ${this.wanted.name}: ${reason}`);
  }

  #leave(): void {
    for (const source of [...this.#sources.values()]) this.#remove(source, false);
  }

  // What depends on time.

  #step(): void {
    const nowMs = this.#context.clock.now();
    for (const source of [...this.#sources.values()]) {
      if (source.link.connection.isClosed) this.#remove(source, true);
      else if (source.tick(nowMs)) this.#release(source);
      else this.#judgeUsefulness(source, nowMs);
    }
    this.#sparesSeeders = this.#leechersKeepUp();
    if (this.#needsPeers(nowMs) && nowMs - this.#holdersMs >= HOLDERS_EVERY_MS) this.#askHolders();
    this.#joinMore();
    this.#report();
    this.#askAll();
    this.#askOverdue(nowMs);
    const { patienceMs } = this.wanted;
    if (patienceMs !== undefined && nowMs - this.#progressMs > patienceMs) {
      this.#fail(this.#failure(
        `no peer has sent a block for ${Math.round(patienceMs / 1000)} s (are its holders online?)`,
      ));
    }
  }

  /**
   * Whether the leechers among the sources deliver about as much as the seeders do. Then a seeder is asked
   * for what only seeders have, and for little else: what the leechers can pass on is not sent twice.
   */
  #leechersKeepUp(): boolean {
    let leechers = 0;
    let seeders = 0;
    for (const { have, rate } of this.#sources.values()) {
      if (have.complete) seeders += rate;
      else leechers += rate;
    }
    return leechers > 0 && leechers * LEECHER_SHARE >= seeders;
  }

  /** A source that has stalled or offers nothing leaves its place when another could be tried. */
  #judgeUsefulness(source: DownloadSource, nowMs: number): void {
    const isBusy = !source.idle && !source.isStalled;
    if (isBusy || (source.idle && this.#fetching!.offers(source.have))) {
      this.#usefulMs.set(source, nowMs);
      return;
    }
    if (!this.#hasEnoughPeers() || !this.#candidates.areReady(nowMs)) return;
    const isUseless = nowMs - this.#usefulMs.get(source)! > USELESS_MS;
    if (source.isStalled || isUseless) this.#remove(source, true);
  }

  // Finding peers.

  #hasEnoughPeers(): boolean {
    return this.#sources.size + this.#joining.size >= this.#context.connections;
  }

  #needsPeers(nowMs: number): boolean {
    return !this.#hasEnoughPeers() || this.#usefulMs.values().some((ms) => ms < nowMs);
  }

  /** Whether the peer is a source, or is about to be one. */
  #isKnown(key: string): boolean {
    return this.#sources.has(key) || this.#joining.has(key);
  }

  #askHolders(): void {
    if (this.#asking) return;
    this.#holdersMs = this.#context.clock.now();
    void this.#learnHolders(this.#context.holders.findHolders(this.wanted));
  }

  /** The tracker may be away; then what is known has to do. */
  async #learnHolders(asked: Promise<PeerAddress[]>): Promise<void> {
    this.#asking = true;
    try {
      this.#candidates.add(await asked);
    } catch {
      // The next step asks again.
    }
    this.#asking = false;
    if (!this.#isEnded) this.#joinMore();
  }

  #joinMore(): void {
    while (!this.#hasEnoughPeers()) {
      const peer = this.#candidates.take(this.#context.clock.now());
      if (peer === undefined) return;
      if (this.#context.links.isBanned(peer.nodeId)) this.#candidates.drop(peer.nodeId);
      else if (!this.#isKnown(toHex(peer.nodeId))) {
        void this.#join(peer, this.#context.links.to(peer));
      }
    }
  }

  /** Makes a peer a source: its manifest if there is none yet, then its blocks. */
  async #join(peer: PeerAddress, linked: Promise<Link>): Promise<void> {
    const key = toHex(peer.nodeId);
    this.#joining.add(key);
    try {
      const link = await linked;
      const manifest = await this.#manifests.from(link);
      this.#beginning ??= this.#begin(manifest);
      await this.#beginning;
      if (!this.#isEnded) await this.#addSource(link, this.#fetching!);
    } catch {
      this.#candidates.free(peer.nodeId, { failed: true, nowMs: this.#context.clock.now() });
    }
    this.#joining.delete(key);
  }

  async #addSource(link: Link, { file: { manifest } }: Fetching): Promise<void> {
    const { size, blockSize } = manifest;
    // News may come before the bitfield is worked up.
    const early = Bitfield.none(blockCount(size, blockSize));
    const bytes = await link.follow(manifest, (indexes) => {
      const source = this.#sources.get(link.key);
      if (source !== undefined) this.#gained(source, indexes);
      else for (const index of indexes) early.add(index);
    });
    if (this.#isEnded) return link.unfollow(manifest);
    const have = Bitfield.decode(bytes, early.count);
    for (let index = 0; index < early.count; index++) if (early.has(index)) have.add(index);
    const source = new DownloadSource(link, have, { ...this.#context, manifest }, {
      arrived: (from, index, buffer) => void this.#land(from, index, buffer),
      lost: (from, index, absent) => this.#lost(from, index, absent),
    });
    this.#sources.set(link.key, source);
    this.#usefulMs.set(source, this.#context.clock.now());
    this.#fetching!.joined(source);
    this.#ask(source);
  }

  #remove(source: DownloadSource, failed: boolean): void {
    if (!this.#sources.delete(source.link.key)) return;
    this.#usefulMs.delete(source);
    this.#fetching!.left(source);
    this.#release(source);
    source.link.unfollow(this.wanted);
    this.#candidates.free(source.link.nodeId, { failed, nowMs: this.#context.clock.now() });
  }

  #gained(source: DownloadSource, indexes: readonly number[]): void {
    if (this.#sources.get(source.link.key) !== source) return;
    for (const index of indexes) this.#fetching!.gained(source, index);
    this.#ask(source);
  }

  /** Begins with the blocks once the manifest is known; one that was there already counts as held. */
  async #begin(manifest: Manifest): Promise<void> {
    const { disk, folder, catalog, random } = this.#context;
    try {
      const have = await disk.verifyBlocks({ path: folder.partPath(this.key), manifest });
      if (this.#isEnded) return;
      await folder.makePart(this.key, manifest.size);
      if (this.#isEnded) return;
      this.#resumedCount = this.#reportedCount = have.held;
      this.#fetching = new Fetching(catalog.addPart(manifest, have), random);
      if (have.complete) void this.#promote();
    } catch (reason) {
      this.#fail(this.#failure((reason as Error).message));
    }
  }

  // Blocks.

  #askAll(): void {
    for (const source of this.#sources.values()) this.#ask(source);
  }

  #ask(source: DownloadSource): void {
    if (this.#isEnded || this.#fetching === undefined) return;
    while (source.hasRoom) {
      const unshared = this.#sparesSeeders && source.have.complete && !source.idle;
      const index = this.#fetching.take(source.have, { unshared });
      if (index === undefined) return;
      source.ask(index);
    }
  }

  /** The end game: a peer with nothing else to send is asked for what others keep us waiting for. */
  #askOverdue(nowMs: number): void {
    const others = [...this.#sources.values()];
    for (const source of others) {
      if (!source.idle || !source.hasRoom) continue;
      const index = this.#fetching!.overdue(source, { others, nowMs });
      if (index !== undefined) source.ask(index);
    }
  }

  async #land(source: DownloadSource, index: number, buffer: ArrayBuffer): Promise<void> {
    const { disk, pool, folder } = this.#context;
    const { file } = this.#fetching!;
    this.#ask(source);
    if (this.#isEnded || file.have.has(index) || this.#landing.has(index)) {
      return pool.give(buffer);
    }
    this.#landing.add(index);
    let outcome: LandOutcome;
    try {
      const target = { kind: "part", path: folder.partPath(this.key) } as const;
      const item = { start: 0, manifest: file.manifest, index, target };
      const landing = await disk.land(buffer, [item]);
      pool.give(landing.buffer);
      outcome = landing.outcomes[0]!;
    } catch (reason) {
      pool.lost(buffer.byteLength || file.manifest.blockSize);
      outcome = { error: (reason as Error).message, code: "failed" };
    }
    this.#landing.delete(index);
    if (this.#isEnded) return;
    if (outcome === "landed") this.#landed(source, index);
    else this.#notLanded(source, index, outcome);
    if (file.have.complete) void this.#promote();
    else this.#report();
  }

  #landed(source: DownloadSource, index: number): void {
    const { file } = this.#fetching!;
    for (const other of this.#sources.values()) other.cancel(index);
    if (!file.have.has(index)) {
      const { key } = source.link;
      this.#blocksByPeer.set(key, (this.#blocksByPeer.get(key) ?? 0) + 1);
      this.#rate.add(sizeOfBlock(file.manifest, index));
      this.#progressMs = this.#context.clock.now();
      this.#fetching!.landed(index);
      this.#context.catalog.gain(file, index);
    }
  }

  #notLanded(
    source: DownloadSource,
    index: number,
    outcome: "bad-hash" | "bad-signature" | DiskFailure,
  ) {
    if (typeof outcome !== "string") return this.#fail(this.#failure(outcome.error));
    this.#badBlockCount++;
    this.#lost(source, index, false);
    this.#context.links.ban(
      source.link,
      `sent block ${index} of ${this.wanted.name} with a wrong ${outcome.slice("bad-".length)}`,
    );
    this.#remove(source, true);
    this.#askAll();
  }

  /** A peer that denies a block which it had announced is asked anew, later, what it has. */
  #lost(source: DownloadSource, index: number, absent: boolean): void {
    const isOwed = this.#landing.has(index) ||
      this.#sources.values().some((other) => other.askedMs(index) !== undefined);
    if (!isOwed) this.#fetching!.release(index);
    if (absent) this.#remove(source, true);
  }

  /** Takes all requests away from a source and lets the others have them. */
  #release(source: DownloadSource): void {
    for (const index of source.cancelAll()) this.#lost(source, index, false);
    this.#askAll();
  }

  // Reports and the end.

  #report(): void {
    if (this.#fetching === undefined || this.#isEnded || this.#asking) return;
    const { have } = this.#fetching.file;
    const nowMs = this.#context.clock.now();
    const news = have.held - this.#reportedCount;
    const isMuch = news >= this.#context.announceEvery;
    if (news === 0 || nowMs - this.#reportedMs < (isMuch ? REPORT_EVERY_MS : REPORT_LATE_MS)) {
      return;
    }
    this.#reportedCount = have.held;
    this.#reportedMs = nowMs;
    void this.#learnHolders(this.#context.holders.progress(this.wanted, have));
  }

  async #promote(): Promise<void> {
    if (this.#landing.size > 0 || this.#promoting || this.#isEnded) return;
    this.#promoting = true;
    const { disk, folder, catalog } = this.#context;
    const { name, replace } = this.wanted;
    const part = folder.partPath(this.key);
    const failure = await disk.promote({ part, path: folder.pathOf(name), replace });
    if (failure !== undefined) return this.#fail(this.#failure(failure.error));
    const stamp = folder.state(name)?.stamp ?? "";
    catalog.complete(this.#fetching!.file, name, stamp);
    this.#isEnded = true;
    this.#ended.resolve();
  }
}
