/**
 * One peer as the source of one download: which blocks it holds, and what it has been asked for.
 *
 * The window of open requests follows the rate at which the peer delivers: half a second's worth of bytes,
 * within bounds. A peer that is silent while it owes blocks is stalled: it loses its requests to others and
 * gets one at a time until it delivers again.
 */

import { ErrorCode, ProtocolError, RemoteError } from "../../protocol/errors.ts";
import type { Answers } from "../../protocol/connection.ts";
import { unexpected } from "../../protocol/connection.ts";
import type { Bitfield } from "../../protocol/bitfield.ts";
import type { ChunkReader } from "../../protocol/frame_reader.ts";
import type { Message } from "../../protocol/messages.ts";
import type { Clock } from "../../protocol/ports.ts";
import { sizeOfBlock } from "../content/tree.ts";
import type { Manifest } from "../content/manifest.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { Link } from "./link.ts";
import type { RateLimit } from "../traffic/rate_limit.ts";
import { RateMeter } from "../traffic/rate_meter.ts";
import { StallWatch } from "./stall_watch.ts";

/** How much a peer may owe: so much time's worth of what it delivers, within these bounds. */
const WINDOW_SECONDS = 0.5;
const WINDOW_BYTES_MIN = 2 * 1024 * 1024;
const WINDOW_BYTES_MAX = 16 * 1024 * 1024;
const WINDOW_COUNT_MIN = 2;
/** More small blocks than this would crowd out what else is asked for on the same link. */
const WINDOW_COUNT_MAX = 128;
/** Only a backstop: silence is noticed long before. */
const BLOCK_TIMEOUT_MS = 15 * 60_000;

/** What a source needs to receive blocks. */
export interface ReceiverOptions {
  readonly manifest: Manifest;
  readonly pool: BufferPool;
  readonly limit: RateLimit;
  /** Everything that this node receives. */
  readonly received: RateMeter;
  readonly clock: Clock;
}

/** What becomes of a requested block. */
export interface BlockEvents {
  /** All bytes are in `buffer`, not yet verified; it must be given back to the pool. */
  arrived(source: DownloadSource, index: number, buffer: ArrayBuffer): void;
  /** It will not come from this source, perhaps because the peer does not hold it (any more). */
  lost(source: DownloadSource, index: number, absent: boolean): void;
}

interface BlockRequest {
  readonly index: number;
  /** The number of the request on its link. */
  number: number;
  readonly sinceMs: number;
  readonly arriving: ArrivingBlock;
}

export class DownloadSource {
  readonly #options: ReceiverOptions;
  readonly #events: BlockEvents;
  readonly #requests = new Map<number, BlockRequest>();
  readonly #rate: RateMeter;
  readonly #stall: StallWatch;
  #isStalled = false;
  /** Verified blocks that came from this peer. */
  blockCount = 0;

  constructor(
    readonly link: Link,
    readonly have: Bitfield,
    options: ReceiverOptions,
    events: BlockEvents,
  ) {
    this.#options = options;
    this.#events = events;
    this.#rate = new RateMeter(options.clock);
    this.#stall = new StallWatch(link);
  }

  get idle(): boolean {
    return this.#requests.size === 0;
  }

  /** Whether it owes blocks that it does not send. */
  get isStalled(): boolean {
    return this.#isStalled;
  }

  /** Bytes per second that it delivers. */
  get rate(): number {
    return this.#rate.rate();
  }

  /** Whether it may be asked for one more block. */
  get hasRoom(): boolean {
    if (this.link.connection.isClosed) return false;
    if (this.#isStalled) return this.idle;
    if (this.#requests.size < WINDOW_COUNT_MIN) return true;
    if (this.#requests.size >= WINDOW_COUNT_MAX) return false;
    const bytes = this.#requests.size * this.#options.manifest.blockSize;
    const window = Math.max(WINDOW_BYTES_MIN, this.rate * WINDOW_SECONDS);
    return bytes < Math.min(window, WINDOW_BYTES_MAX);
  }

  /** When block `index` was asked for here, or `undefined`. */
  askedMs(index: number): number | undefined {
    return this.#requests.get(index)?.sinceMs;
  }

  ask(index: number): void {
    const { manifest, clock } = this.#options;
    const arriving = new ArrivingBlock(sizeOfBlock(manifest, index), this.link, this.#options);
    const request = { index, number: 0, sinceMs: clock.now(), arriving };
    this.#requests.set(index, request);
    if (this.#requests.size === 1) this.#stall.heard(request.sinceMs);
    const { id, size } = manifest;
    request.number = this.link.connection.ask(
      { type: "getBlock", id, size, index },
      this.#answers(request),
      BLOCK_TIMEOUT_MS,
    );
  }

  /** The block is not needed from here any more. */
  cancel(index: number): void {
    const request = this.#requests.get(index);
    if (request === undefined) return;
    this.#requests.delete(index);
    request.arriving.drop();
    this.link.connection.cancel(request.number);
  }

  /** Cancels everything. Answers the blocks that were asked for. */
  cancelAll(): number[] {
    const indexes = [...this.#requests.keys()];
    for (const index of indexes) this.cancel(index);
    return indexes;
  }

  /** Lets time pass. Answers whether the peer has stalled just now. */
  tick(nowMs: number): boolean {
    if (this.idle) this.#stall.heard(nowMs);
    if (this.#isStalled || !this.#stall.isStalled(nowMs)) return false;
    this.#isStalled = true;
    return true;
  }

  #answers({ index, arriving }: BlockRequest): Answers {
    return {
      answer: async (message, chunk, chunkSize) => {
        await arriving.add(message, chunk, chunkSize);
        this.#rate.add(chunkSize);
        const buffer = arriving.take();
        if (buffer === undefined) return false;
        this.#isStalled = false;
        this.#stall.heard(this.#options.clock.now());
        this.#requests.delete(index);
        this.#events.arrived(this, index, buffer);
        return true;
      },
      failed: (reason) => {
        if (!this.#requests.delete(index)) return;
        arriving.drop();
        const absent = reason instanceof RemoteError && reason.code === ErrorCode.absent;
        this.#events.lost(this, index, absent);
      },
    };
  }
}

/** The bytes of one block while they come in. */
class ArrivingBlock {
  readonly #size: number;
  readonly #link: Link;
  readonly #options: ReceiverOptions;
  #buffer: ArrayBuffer | undefined;
  #received = 0;
  #isReading = false;
  #isDropped = false;

  constructor(size: number, link: Link, options: ReceiverOptions) {
    this.#size = size;
    this.#link = link;
    this.#options = options;
  }

  /** Takes one answer. Throws a `ProtocolError` for a wrong piece of the block. */
  async add(message: Message, chunk: ChunkReader, chunkSize: number): Promise<void> {
    if (message.type !== "blockData") throw unexpected(message);
    const end = this.#received + chunkSize;
    if (message.offset !== this.#received || chunkSize === 0 || end > this.#size) {
      throw new ProtocolError(
        ErrorCode.malformed,
        `Cannot take ${chunkSize} bytes at ${message.offset} of a block: ${this.#received} of ` +
          `${this.#size} bytes are there`,
      );
    }
    const { limit, pool, manifest, received } = this.#options;
    const turn = limit.take(chunkSize);
    if (turn !== undefined) await this.#link.holdBack(turn);
    if (this.#isDropped) return;
    this.#isReading = true;
    try {
      this.#buffer ??= await this.#link.holdBack(pool.take(manifest.blockSize));
      await this.#link.readContent(chunk, new Uint8Array(this.#buffer, this.#received, chunkSize));
      received.add(chunkSize);
      this.#received = end;
    } finally {
      this.#isReading = false;
      if (this.#isDropped) this.#giveBack();
    }
  }

  /** Hands over the buffer of a block that is whole and wanted. */
  take(): ArrayBuffer | undefined {
    if (this.#received < this.#size) return undefined;
    const buffer = this.#buffer;
    this.#buffer = undefined;
    return buffer;
  }

  /** The bytes are not wanted; a buffer that is being read into is given back when that has ended. */
  drop(): void {
    this.#isDropped = true;
    if (!this.#isReading) this.#giveBack();
  }

  #giveBack(): void {
    if (this.#buffer !== undefined) this.#options.pool.give(this.#buffer);
    this.#buffer = undefined;
  }
}
