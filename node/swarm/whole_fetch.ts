/**
 * Fetches many small files, each of which travels whole in one frame with its manifest.
 *
 * Thousands of small files must not cost a round trip, a message to a worker and a dial each. So peers are
 * asked for some hundred files in one request, answers are packed into shared buffers as they come, and a
 * full buffer goes to the disk in one piece, which verifies and writes file by file. A connected peer is
 * asked first, whatever the tracker knows: saying that a file is missing costs it a few bytes.
 */

import { toHex } from "../../protocol/bytes.ts";
import { WHOLE_COUNT_MAX } from "../../protocol/messages.ts";
import type { LandOutcome } from "../store/disk.ts";
import type { TransferProgress } from "../traffic/transfer_progress.ts";
import { ArrivingBatch, PACK_SIZE } from "./arriving_batch.ts";
import type { Pack, Packed } from "./arriving_batch.ts";
import { Candidates } from "./candidates.ts";
import type { HeldFile } from "./catalog.ts";
import type { DownloadContext, Wanted } from "./download.ts";
import type { Link } from "./link.ts";
import type { PeerAddress } from "./links.ts";
import { PeerLied } from "./manifest_request.ts";
import { RateMeter } from "../traffic/rate_meter.ts";
import { StallWatch } from "./stall_watch.ts";

/** Requests that one peer works on at a time: it reads the files of one while another is on its way. */
const BATCHES_PER_PEER = 2;
const STEP_MS = 250;
const HOLDERS_EVERY_MS = 1_000;
/** A batch that takes longer goes to a peer that has nothing to do, if there is one. */
const BATCH_OVERDUE_MS = 10_000;
/** Only a backstop: a peer that stalls is noticed long before. */
const BATCH_TIMEOUT_MS = 15 * 60_000;
/** A file that peers have denied so often may be one that does not travel whole. */
const DENIALS_MAX = 8;

/** Called once for each file: with what is held of it now, or with why it could not be had. */
export type WholeSettled = (wanted: Wanted, outcome: HeldFile | Error) => void;

/** The peers that were asked for a file say that they do not have it, whole and in a single block. */
export class NotWhole extends Error {
  override readonly name = "NotWhole";
}

interface Source {
  readonly link: Link;
  readonly batches: Set<Batch>;
  readonly stall: StallWatch;
  /** Names of the files that this peer does not have, or did not send when it was asked. */
  readonly lacks: Set<string>;
}

/** Files that a peer was asked for. */
interface Batch {
  /** The number of the request on its link. */
  request: number;
  readonly sinceMs: number;
  readonly arriving: ArrivingBatch;
}

export class WholeFetch {
  readonly #context: DownloadContext;
  readonly #pending = new Map<string, Wanted>();
  readonly #settled: WholeSettled;
  readonly #sources = new Map<string, Source>();
  readonly #candidates: Candidates;
  readonly #ended = Promise.withResolvers<void>();
  /** How often peers have denied a file, by its name. */
  readonly #denials = new Map<string, number>();
  #joining = 0;
  #asking = false;
  #holdersMs = -Infinity;
  #progressMs: number;
  #isEnded = false;
  #unsettledCount: number;
  readonly #bytesTotal: number;
  readonly #rate: RateMeter;
  #bytes = 0;
  #badCount = 0;

  /** `wanted` names files of at most `WHOLE_SIZE_MAX` bytes, each name once. */
  constructor(wanted: readonly Wanted[], context: DownloadContext, settled: WholeSettled) {
    this.#context = context;
    this.#settled = settled;
    this.#candidates = new Candidates(context.random);
    this.#unsettledCount = wanted.length;
    this.#bytesTotal = wanted.reduce((sum, { size }) => sum + size, 0);
    this.#rate = new RateMeter(context.clock);
    for (const file of wanted) this.#pending.set(file.name, file);
    this.#progressMs = context.clock.now();
  }

  get progress(): TransferProgress {
    return {
      name: `${this.#unsettledCount} small files`,
      bytesDone: this.#bytes,
      bytesTotal: this.#bytesTotal,
      bytesPerSecond: this.#rate.rate(),
      peers: this.#sources.size,
      badBlocks: this.#badCount,
    };
  }

  /** Runs until every file has landed or failed. Rejects only with the signal's reason. */
  async run(signal: AbortSignal): Promise<void> {
    const abort = () => this.#end(() => this.#ended.reject(signal.reason));
    signal.addEventListener("abort", abort, { once: true });
    this.#ended.promise.catch(() => {});
    try {
      signal.throwIfAborted();
      this.#endIfDone();
      while (!this.#isEnded) {
        this.#step();
        await Promise.race([this.#ended.promise, this.#context.clock.sleep(STEP_MS)]);
      }
      await this.#ended.promise;
    } finally {
      signal.removeEventListener("abort", abort);
      this.#isEnded = true;
    }
  }

  #end(settle: () => void): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    settle();
  }

  #endIfDone(): void {
    if (this.#unsettledCount === 0) this.#end(() => this.#ended.resolve());
  }

  #settle(wanted: Wanted, outcome: HeldFile | Error): void {
    this.#unsettledCount--;
    this.#progressMs = this.#context.clock.now();
    this.#settled(wanted, outcome);
  }

  #step(): void {
    const nowMs = this.#context.clock.now();
    for (const source of [...this.#sources.values()]) {
      if (source.link.connection.isClosed) this.#remove(source, true);
    }
    for (const source of this.#sources.values()) this.#judge(source, nowMs);
    this.#askAll();
    this.#makeRoom(nowMs);
    this.#learnHolders(nowMs);
    this.#joinMore();
    this.#giveUp(nowMs);
  }

  /** Takes from a peer what it does not send, and what others could send earlier. */
  #judge(source: Source, nowMs: number): void {
    const isStalled = source.batches.size > 0 && source.stall.isStalled(nowMs);
    const hasIdle = this.#pending.size === 0 &&
      this.#sources.values().some((other) => other !== source && other.batches.size === 0);
    for (const batch of source.batches) {
      const isOverdue = hasIdle && nowMs - batch.sinceMs >= BATCH_OVERDUE_MS;
      if (!isStalled && !isOverdue) continue;
      source.link.connection.cancel(batch.request);
      this.#batchEnded(source, batch);
    }
  }

  /** Peers that have nothing of what is wanted leave their places when others could be tried. */
  #makeRoom(nowMs: number): void {
    for (const source of [...this.#sources.values()]) {
      if (this.#hasRoom() || !this.#candidates.areReady(nowMs)) return;
      if (source.batches.size === 0 && this.#pending.size > 0) this.#remove(source, true);
    }
  }

  /** Files that nobody sends for too long have failed. */
  #giveUp(nowMs: number): void {
    for (const wanted of this.#pending.values()) {
      if (wanted.patienceMs === undefined) continue;
      if (nowMs - this.#progressMs < wanted.patienceMs) return;
      const seconds = Math.round(wanted.patienceMs / 1000);
      this.#failed(wanted, `no peer has sent it for ${seconds} s (are its holders online?)`);
    }
  }

  #failed(wanted: Wanted, reason: string): void {
    this.#pending.delete(wanted.name);
    this.#settle(wanted, new Error(`Cannot get ${wanted.name}: ${reason}`));
    this.#endIfDone();
  }

  // Finding peers.

  /** Asks the tracker about one file that no connected peer has; its holders likely have others, too. */
  #learnHolders(nowMs: number): void {
    if (this.#asking || nowMs - this.#holdersMs < HOLDERS_EVERY_MS) return;
    const orphan = this.#firstOrphan();
    if (orphan === undefined) return;
    this.#asking = true;
    this.#holdersMs = nowMs;
    this.#context.holders.findHolders(orphan)
      .then((peers) => this.#learned(orphan, peers), () => {})
      .finally(() => {
        this.#asking = false;
        this.#joinMore();
      });
  }

  /** A connected peer that the tracker names did not have the file before; it may have it by now. */
  #learned(orphan: Wanted, peers: readonly PeerAddress[]): void {
    this.#candidates.add(peers);
    for (const { nodeId } of peers) this.#sources.get(toHex(nodeId))?.lacks.delete(orphan.name);
  }

  #firstOrphan(): Wanted | undefined {
    const sources = [...this.#sources.values()];
    for (const wanted of this.#pending.values()) {
      if (sources.every((source) => source.lacks.has(wanted.name))) return wanted;
    }
    return undefined;
  }

  #hasRoom(): boolean {
    return this.#sources.size + this.#joining < this.#context.connections;
  }

  #joinMore(): void {
    const { links, clock } = this.#context;
    while (!this.#isEnded && this.#hasRoom()) {
      const peer = this.#candidates.take(clock.now());
      if (peer === undefined) return;
      if (links.isBanned(peer.nodeId)) this.#candidates.drop(peer.nodeId);
      else if (!this.#sources.has(toHex(peer.nodeId))) void this.#join(peer);
    }
  }

  async #join(peer: PeerAddress): Promise<void> {
    this.#joining++;
    try {
      const link = await this.#context.links.to(peer);
      const source = {
        link,
        batches: new Set<Batch>(),
        stall: new StallWatch(link),
        lacks: new Set<string>(),
      };
      this.#sources.set(link.key, source);
      this.#ask(source);
    } catch {
      this.#candidates.free(peer.nodeId, { failed: true, nowMs: this.#context.clock.now() });
    }
    this.#joining--;
  }

  #remove(source: Source, failed: boolean): void {
    if (!this.#sources.delete(source.link.key)) return;
    this.#candidates.free(source.link.nodeId, { failed, nowMs: this.#context.clock.now() });
  }

  // Asking.

  #askAll(): void {
    for (const source of this.#sources.values()) this.#ask(source);
  }

  #ask(source: Source): void {
    const { link, batches } = source;
    while (!this.#isEnded && batches.size < BATCHES_PER_PEER && !link.connection.isClosed) {
      const wanted = this.#takeBatch(source);
      if (wanted.length === 0) return;
      this.#askBatch(source, wanted);
    }
  }

  #askBatch(source: Source, wanted: readonly Wanted[]): void {
    const { link, batches, stall } = source;
    const sinceMs = this.#context.clock.now();
    const land = (pack: Pack) => void this.#land(source, pack);
    const arriving = new ArrivingBatch(wanted, { link, context: this.#context, land });
    const batch = { request: 0, sinceMs, arriving };
    if (batches.size === 0) stall.heard(sinceMs);
    batches.add(batch);
    batch.request = link.connection.ask(
      { type: "getWhole", files: wanted.map(({ id, size }) => ({ id, size })) },
      {
        answer: async (message, chunk, chunkSize) => {
          try {
            const isLast = await arriving.add(message, chunk, chunkSize);
            if (message.type === "whole") stall.heard(this.#context.clock.now());
            if (isLast) this.#batchEnded(source, batch);
            return isLast;
          } catch (reason) {
            if (!(reason instanceof PeerLied)) throw reason;
            this.#blame(source, reason.message);
            return true;
          }
        },
        failed: () => this.#batchEnded(source, batch),
      },
      BATCH_TIMEOUT_MS,
    );
  }

  #takeBatch(source: Source): Wanted[] {
    const batch: Wanted[] = [];
    let size = 0;
    for (const wanted of this.#pending.values()) {
      if (source.lacks.has(wanted.name)) continue;
      if (batch.length >= WHOLE_COUNT_MAX || size + wanted.size > PACK_SIZE) break;
      batch.push(wanted);
      size += wanted.size;
    }
    for (const wanted of batch) this.#pending.delete(wanted.name);
    return batch;
  }

  /** What did not come is wanted again, from others. */
  #batchEnded(source: Source, batch: Batch): void {
    if (!source.batches.delete(batch)) return;
    const { missing, late } = batch.arriving.end();
    for (const wanted of [...missing, ...late]) {
      source.lacks.add(wanted.name);
      this.#pending.set(wanted.name, wanted);
    }
    for (const wanted of missing) this.#denied(wanted);
    this.#askAll();
    if (!this.#isEnded) this.#learnHolders(this.#context.clock.now());
  }

  #denied(wanted: Wanted): void {
    const count = (this.#denials.get(wanted.name) ?? 0) + 1;
    this.#denials.set(wanted.name, count);
    if (count < DENIALS_MAX || this.#isEnded) return;
    this.#pending.delete(wanted.name);
    this.#settle(wanted, new NotWhole(`Cannot get ${wanted.name}: its holders deny it`));
    this.#endIfDone();
  }

  #blame(source: Source, reason: string): void {
    this.#badCount++;
    this.#context.links.ban(source.link, reason);
    this.#remove(source, true);
  }

  // Landing.

  async #land(source: Source, { buffer, packed }: Pack): Promise<void> {
    const { disk, pool } = this.#context;
    let outcomes: LandOutcome[];
    try {
      const landing = await disk.land(buffer, packed.map(({ item }) => item));
      pool.give(landing.buffer);
      outcomes = landing.outcomes;
    } catch (reason) {
      pool.lost(PACK_SIZE);
      outcomes = packed.map(() => ({ error: (reason as Error).message, code: "failed" }));
    }
    if (this.#isEnded) return;
    for (const [position, one] of packed.entries()) {
      this.#landed(source, one, outcomes[position]!);
    }
    this.#askAll();
    this.#endIfDone();
  }

  #landed(source: Source, { wanted, item }: Packed, outcome: LandOutcome): void {
    if (outcome === "landed") {
      const { catalog, folder } = this.#context;
      this.#bytes += wanted.size;
      this.#rate.add(wanted.size);
      const stamp = folder.state(wanted.name)?.stamp ?? "";
      this.#settle(wanted, catalog.addFile(item.manifest, wanted.name, stamp));
    } else if (typeof outcome === "string") {
      const what = outcome.slice("bad-".length);
      this.#blame(source, `sent ${wanted.name} with a wrong ${what}`);
      this.#pending.set(wanted.name, wanted);
    } else {
      this.#settle(wanted, new Error(`Cannot get ${wanted.name}: ${outcome.error}`));
    }
  }
}
