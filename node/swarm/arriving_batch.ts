/**
 * The answers to one request for small files while they come in: checked, and packed into buffers that go
 * to the disk in one piece.
 */

import { sameBytes } from "../../protocol/bytes.ts";
import { unexpected } from "../../protocol/connection.ts";
import { ErrorCode, ProtocolError } from "../../protocol/errors.ts";
import type { ChunkReader } from "../../protocol/frame_reader.ts";
import type { Message, MessageOf } from "../../protocol/messages.ts";
import { checkManifest } from "../content/manifest.ts";
import type { LandItem } from "../store/disk.ts";
import type { DownloadContext, Wanted } from "./download.ts";
import type { Link } from "./link.ts";
import { PeerLied } from "./manifest_request.ts";

/** Files are packed into buffers of this size. */
export const PACK_SIZE = 1024 * 1024;
/** More files in one pack would keep the disk waiting for them. */
const PACK_COUNT_MAX = 64;

/** What a batch needs of the node. */
type BatchContext = Pick<DownloadContext, "folder" | "limit" | "pool" | "received">;

/** A file in a pack. */
export interface Packed {
  readonly wanted: Wanted;
  readonly item: LandItem;
}

/** Files that go to the disk together. */
export interface Pack {
  readonly buffer: ArrayBuffer;
  readonly packed: readonly Packed[];
}

export class ArrivingBatch {
  readonly #link: Link;
  readonly #context: BatchContext;
  readonly #land: (pack: Pack) => void;
  /** By position in the request; emptied as answers come. */
  readonly #awaited: (Wanted | undefined)[];
  readonly #missing: Wanted[] = [];
  #answeredCount = 0;
  #buffer: ArrayBuffer | undefined;
  #used = 0;
  #packed: Packed[] = [];
  #isReading = false;
  #isEnded = false;

  /** Asks nothing itself: `add` takes the answers to a request for the files of `batch`, in their order. */
  constructor(
    batch: readonly Wanted[],
    { link, context, land }: {
      link: Link;
      context: BatchContext;
      land: (pack: Pack) => void;
    },
  ) {
    this.#awaited = [...batch];
    this.#link = link;
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
    else await this.#take(wanted, message, { chunk, chunkSize });
    if (this.#isEnded) return false;
    this.#awaited[message.position] = undefined;
    this.#answeredCount++;
    return this.#answeredCount === this.#awaited.length;
  }

  /** Hands on what has come. Answers which files the peer denies, and which just did not come. */
  end(): { readonly missing: readonly Wanted[]; readonly late: readonly Wanted[] } {
    this.#isEnded = true;
    // What is being read into must not go to the disk; then the end of the read is the time for it.
    if (!this.#isReading) this.#flush();
    const missing = new Set(this.#missing);
    const open = this.#awaited.filter((wanted) => wanted !== undefined);
    return { missing: this.#missing, late: open.filter((wanted) => !missing.has(wanted)) };
  }

  async #take(
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
    this.#isReading = true;
    try {
      await this.#read(chunk, chunkSize);
      if (!this.#isEnded) this.#pack(wanted, manifest);
    } finally {
      this.#isReading = false;
      if (this.#isEnded) this.#flush();
    }
  }

  /** Reads the bytes of a file behind those that are packed already. */
  async #read(chunk: ChunkReader, size: number): Promise<void> {
    const { limit, pool, received } = this.#context;
    const turn = limit.take(size);
    if (turn !== undefined) await this.#link.holdBack(turn);
    this.#buffer ??= await this.#link.holdBack(pool.take(PACK_SIZE));
    await this.#link.readContent(chunk, new Uint8Array(this.#buffer, this.#used, size));
    received.add(size);
  }

  #pack(wanted: Wanted, manifest: LandItem["manifest"]): void {
    const { folder } = this.#context;
    const target = {
      kind: "whole",
      temporary: folder.temporaryPath(),
      path: folder.pathOf(wanted.name),
      replace: wanted.replace,
    } as const;
    this.#packed.push({ wanted, item: { start: this.#used, manifest, index: 0, target } });
    this.#used += wanted.size;
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
    return checkManifest({
      id,
      size,
      name,
      blockSize,
      publisher,
      hashes,
      signatures: signature,
    });
  } catch (reason) {
    throw new PeerLied(`sent a false manifest of ${name}: ${(reason as Error).message}`);
  }
}
