/**
 * Fetches many small files, each of which travels whole in one frame with its manifest.
 *
 * Thousands of small files must not cost a round trip, a message to a worker and a dial each. So peers are
 * asked for some hundred files in one request, answers are packed into shared buffers as they come, and a
 * full buffer goes to the disk in one piece, which verifies and writes file by file. A connected peer is
 * asked first, whatever the tracker knows: saying that a file is missing costs it a few bytes.
 */

import { sameBytes, toHex } from "../../protocol/bytes.ts";
import { unexpected } from "../../protocol/connection.ts";
import { ErrorCode, ProtocolError } from "../../protocol/errors.ts";
import type { ChunkReader } from "../../protocol/frame_reader.ts";
import { WHOLE_COUNT_MAX } from "../../protocol/messages.ts";
import type { Message, MessageOf } from "../../protocol/messages.ts";
import { checkManifest } from "../content/manifest.ts";
import type { LandItem, LandOutcome } from "../store/disk.ts";
import type { TransferProgress } from "../terminal/progress.ts";
import { Candidates } from "./candidates.ts";
import type { HeldFile } from "./catalog.ts";
import type { DownloadContext, Wanted } from "./download.ts";
import type { Link } from "./link.ts";
import type { PeerAddress } from "./links.ts";
import { PeerLied } from "./manifest_request.ts";
import { RateMeter } from "./rate_meter.ts";

/** Files are packed into buffers of this size. */
const PACK_SIZE = 1024 * 1024;
/** More files in one pack would keep the disk waiting for them. */
const PACK_COUNT_MAX = 64;
/** Requests that one peer works on at a time: it reads the files of one while another is on its way. */
const BATCHES_PER_PEER = 2;
const STEP_MS = 250;
const HOLDERS_EVERY_MS = 1_000;
/** A peer that has not answered a batch in this time loses it. */
const BATCH_TIMEOUT_MS = 10_000;

/** Called once for each file: with what is held of it now, or with why it could not be had. */
export type WholeSettled = (wanted: Wanted, outcome: HeldFile | Error) => void;

interface Source {
  readonly link: Link;
  batches: number;
  /** Names of the files that this peer does not have. */
  readonly lacks: Set<string>;
}

interface Packed {
  readonly wanted: Wanted;
  readonly source: Source;
  readonly item: LandItem;
}

export class WholeFetch {
  readonly #context: DownloadContext;
  readonly #pending = new Map<string, Wanted>();
  readonly #settled: WholeSettled;
  readonly #sources = new Map<string, Source>();
  readonly #candidates: Candidates;
  readonly #ended = Promise.withResolvers<void>();
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
    this.#learnHolders(nowMs);
    this.#joinMore();
    for (const source of this.#sources.values()) this.#ask(source);
    this.#giveUp(nowMs);
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
        if (!this.#isEnded) this.#joinMore();
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

  #joinMore(): void {
    const { connections, links, clock } = this.#context;
    while (this.#sources.size + this.#joining < connections) {
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
      const source = { link, batches: 0, lacks: new Set<string>() };
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

  #ask(source: Source): void {
    while (
      !this.#isEnded && source.batches < BATCHES_PER_PEER && !source.link.connection.isClosed
    ) {
      const batch = this.#takeBatch(source);
      if (batch.length === 0) return;
      source.batches++;
      const arriving = new ArrivingBatch(batch, source, this.#context, (pack) => this.#land(pack));
      source.link.connection.ask(
        { type: "getWhole", files: batch.map(({ id, size }) => ({ id, size })) },
        {
          answer: async (message, chunk, chunkSize) => {
            try {
              return await arriving.add(message, chunk, chunkSize) && this.#batchEnded(arriving);
            } catch (reason) {
              if (!(reason instanceof PeerLied)) throw reason;
              this.#blame(source, reason.message);
              return true;
            }
          },
          failed: () => this.#batchEnded(arriving),
        },
        BATCH_TIMEOUT_MS,
      );
    }
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
  #batchEnded(arriving: ArrivingBatch): true {
    const { source } = arriving;
    source.batches--;
    for (const wanted of arriving.end()) {
      source.lacks.add(wanted.name);
      this.#pending.set(wanted.name, wanted);
    }
    for (const other of this.#sources.values()) this.#ask(other);
    if (!this.#isEnded) this.#learnHolders(this.#context.clock.now());
    return true;
  }

  #blame(source: Source, reason: string): void {
    this.#badCount++;
    this.#context.links.ban(source.link, reason);
    this.#remove(source, true);
  }

  // Landing.

  async #land({ buffer, packed }: Pack): Promise<void> {
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
    for (const [position, one] of packed.entries()) this.#landed(one, outcomes[position]!);
    this.#endIfDone();
  }

  #landed({ wanted, source, item }: Packed, outcome: LandOutcome): void {
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

/** Files that go to the disk together. */
interface Pack {
  readonly buffer: ArrayBuffer;
  readonly packed: Packed[];
}

/** The answers to one request while they come in. */
class ArrivingBatch {
  readonly source: Source;
  readonly #context: DownloadContext;
  readonly #land: (pack: Pack) => void;
  /** By position in the request; emptied as answers come. */
  readonly #awaited: (Wanted | undefined)[];
  readonly #missing: Wanted[] = [];
  #answeredCount = 0;
  #buffer: ArrayBuffer | undefined;
  #used = 0;
  #packed: Packed[] = [];

  constructor(
    batch: readonly Wanted[],
    source: Source,
    context: DownloadContext,
    land: (pack: Pack) => void,
  ) {
    this.#awaited = [...batch];
    this.source = source;
    this.#context = context;
    this.#land = land;
  }

  /** Takes one answer; true when it was the last. Throws `PeerLied` for a file that is not what it should be. */
  async add(message: Message, chunk: ChunkReader, chunkSize: number): Promise<boolean> {
    if (message.type !== "whole" && message.type !== "missing") throw unexpected(message);
    const wanted = this.#awaited[message.position];
    if (wanted === undefined) {
      throw new ProtocolError(ErrorCode.malformed, "Cannot take a file: it was not asked for");
    }
    if (message.type === "missing") this.#missing.push(wanted);
    else await this.#pack(wanted, message, { chunk, chunkSize });
    this.#awaited[message.position] = undefined;
    this.#answeredCount++;
    return this.#answeredCount === this.#awaited.length;
  }

  /** Hands on what has come. Answers the files that have not. */
  end(): Wanted[] {
    this.#flush();
    return [...this.#missing, ...this.#awaited.filter((wanted) => wanted !== undefined)];
  }

  async #pack(
    wanted: Wanted,
    message: MessageOf<"whole">,
    { chunk, chunkSize }: { chunk: ChunkReader; chunkSize: number },
  ): Promise<void> {
    const manifest = wholeManifest(wanted, message);
    if (chunkSize !== wanted.size) throw new PeerLied(`sent ${wanted.name} with a wrong size`);
    if (wanted.publisher !== undefined && !sameBytes(wanted.publisher, manifest.publisher)) {
      this.#missing.push(wanted);
      return;
    }
    if (this.#used + chunkSize > PACK_SIZE || this.#packed.length >= PACK_COUNT_MAX) this.#flush();
    const turn = this.#context.limit.take(chunkSize);
    if (turn !== undefined) await turn;
    this.#buffer ??= await this.#context.pool.take(PACK_SIZE);
    await chunk.readChunk(new Uint8Array(this.#buffer, this.#used, chunkSize));
    this.#context.received.add(chunkSize);
    const { folder } = this.#context;
    const target = {
      kind: "whole",
      temporary: folder.temporaryPath(),
      path: folder.pathOf(wanted.name),
      replace: wanted.replace,
    } as const;
    const item = { start: this.#used, manifest, index: 0, target };
    this.#packed.push({ wanted, source: this.source, item });
    this.#used += chunkSize;
  }

  #flush(): void {
    if (this.#buffer === undefined) return;
    const pack = { buffer: this.#buffer, packed: this.#packed };
    this.#buffer = undefined;
    this.#used = 0;
    this.#packed = [];
    if (pack.packed.length > 0) this.#land(pack);
    else this.#context.pool.give(pack.buffer);
  }
}

/** The manifest of a file of one block, or of an empty one, whose hash is its id. */
function wholeManifest(wanted: Wanted, { blockSize, publisher, signature }: MessageOf<"whole">) {
  const { id, size, name } = wanted;
  const hashes = size === 0 ? new Uint8Array(0) : id;
  try {
    return checkManifest({ id, size, name, blockSize, publisher, hashes, signatures: signature });
  } catch (reason) {
    throw new PeerLied(`sent a false manifest of ${name}: ${(reason as Error).message}`);
  }
}
