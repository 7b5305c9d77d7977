/**
 * Answers what one peer asks for: manifests, blocks, small files, and news of blocks that come in.
 *
 * Requests are answered in the order in which they came, one at a time, while the next block is already
 * being read. So the link stays busy, a cancelled request costs at most one read, and a peer that does not
 * read its answers holds two blocks of this node's memory and no more.
 */

import { ErrorCode, ProtocolError } from "../../protocol/errors.ts";
import type { Frame } from "../../protocol/frame_reader.ts";
import { CHUNK_SIZE_MAX } from "../../protocol/header.ts";
import { SIGNED_HASH_SIZE, WHOLE_SIZE_MAX } from "../../protocol/messages.ts";
import type { MessageOf } from "../../protocol/messages.ts";
import { unexpected } from "../../protocol/connection.ts";
import type { Manifest } from "../content/manifest.ts";
import type { BlockLease, BlockSource } from "../store/block_source.ts";
import type { Folder } from "../store/folder.ts";
import { fileKey } from "./catalog.ts";
import type { Catalog, HeldFile } from "./catalog.ts";
import type { Link } from "./link.ts";
import type { RateLimit } from "../traffic/rate_limit.ts";
import type { RateMeter } from "../traffic/rate_meter.ts";

/** Requests that may wait for their answers on one link. */
const WAITING_MAX = 1024;
/** Whole files that may wait together to be sent on one link. */
const WHOLE_ANSWERS_MAX = 16;
/** Files on one link of which a peer may want news. */
const WATCHED_MAX = 4096;
/** Blocks in one have notice. */
const HAVE_COUNT_MAX = 4096;

/** What serving takes, shared by all links. */
export interface ServerOptions {
  readonly catalog: Catalog;
  readonly folder: Folder;
  readonly source: BlockSource;
  readonly limit: RateLimit;
  readonly sent: RateMeter;
  /** A peer wants news of a file. */
  readonly opened: (link: Link, file: HeldFile) => void;
}

type Answerable = MessageOf<"getBlock"> | MessageOf<"getManifest"> | MessageOf<"getWhole">;

interface Waiting {
  readonly request: number;
  readonly message: Answerable;
}

/** A block on its way from the disk. */
interface Reading {
  readonly waiting: Waiting;
  readonly lease: Promise<BlockLease | undefined>;
}

export class LinkServer {
  readonly #link: Link;
  readonly #options: ServerOptions;
  readonly #waiting: Waiting[] = [];
  #answering = false;
  /** Files the peer wants news of, with the blocks it has not been told of yet. */
  readonly #news = new Map<string, { readonly file: HeldFile; indexes: number[] }>();
  #newsQueued = false;

  constructor(link: Link, options: ServerOptions) {
    this.#link = link;
    this.#options = options;
  }

  /** Takes a request or a notice. Throws a `ProtocolError` for what makes no sense between peers. */
  receive({ message, request }: Frame): void {
    switch (message.type) {
      case "open":
        return this.#open(message, request);
      case "close":
        this.#news.delete(fileKey(message));
        return;
      case "have":
        return this.#link.heard(message, message.indexes);
      case "cancel":
        return this.#cancel(request);
      case "getManifest":
      case "getBlock":
      case "getWhole":
        return this.#enqueue({ request, message });
      default:
        throw unexpected(message);
    }
  }

  /** A block has come in: the peer hears of it, if it wants to. */
  tell(file: HeldFile, index: number): void {
    const news = this.#news.get(file.key);
    if (news === undefined) return;
    news.indexes.push(index);
    if (this.#newsQueued) return;
    this.#newsQueued = true;
    queueMicrotask(() => this.flushNews());
  }

  /** Sends what news wait, unless the peer is slow to read; then they wait for the next call. */
  flushNews(): void {
    this.#newsQueued = false;
    for (const { file, indexes } of this.#news.values()) {
      while (indexes.length > 0 && !this.#link.connection.congested) {
        const { id, size } = file.manifest;
        const told = indexes.splice(0, HAVE_COUNT_MAX);
        this.#link.connection.send({ type: "have", id, size, indexes: told });
      }
    }
  }

  #open(message: MessageOf<"open">, request: number): void {
    const file = this.#options.catalog.get(fileKey(message));
    if (file === undefined) return this.#refuseAbsent(request);
    if (this.#news.size >= WATCHED_MAX) {
      throw new ProtocolError(ErrorCode.limit, "Cannot open: too many files are open on this link");
    }
    this.#news.set(file.key, { file, indexes: [] });
    this.#link.connection.send({ type: "opened", have: file.have.encode() }, request);
    this.#options.opened(this.#link, file);
  }

  #refuseAbsent(request: number): void {
    this.#link.connection.refuse(request, ErrorCode.absent, "this node does not hold that");
  }

  #enqueue(waiting: Waiting): void {
    if (this.#waiting.length >= WAITING_MAX) {
      throw new ProtocolError(ErrorCode.limit, "Cannot queue: too many requests are waiting");
    }
    this.#waiting.push(waiting);
    if (!this.#answering) void this.#answerAll();
  }

  #cancel(request: number): void {
    const at = this.#waiting.findIndex((waiting) => waiting.request === request);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  async #answerAll(): Promise<void> {
    this.#answering = true;
    let reading: Reading | undefined;
    try {
      while (!this.#link.connection.isClosed) {
        reading ??= this.#readNext();
        if (reading !== undefined) {
          const { waiting, lease }: Reading = reading;
          const block = await lease;
          reading = this.#readNext();
          await this.#sendBlock(waiting, block);
        } else {
          const next = this.#waiting.shift();
          if (next === undefined) break;
          await this.#answerOther(next);
        }
      }
    } catch {
      // The connection broke; whoever reads it learns why.
    }
    await reading?.lease.then((lease) => lease?.release());
    this.#answering = false;
  }

  /** Starts to read the next block, if a block is what is asked for next. */
  #readNext(): Reading | undefined {
    const waiting = this.#waiting[0];
    if (waiting?.message.type !== "getBlock" || this.#link.connection.isClosed) return undefined;
    this.#waiting.shift();
    const { message } = waiting;
    const file = this.#options.catalog.get(fileKey(message));
    if (file === undefined || message.index >= file.have.count || !file.have.has(message.index)) {
      return { waiting, lease: Promise.resolve(undefined) };
    }
    const lease = this.#options.source.read(file, message.index).catch(() => undefined);
    return { waiting, lease };
  }

  async #sendBlock({ request }: Waiting, lease: BlockLease | undefined): Promise<void> {
    if (lease === undefined) return this.#refuseAbsent(request);
    try {
      const { bytes, isExclusive } = lease;
      for (let offset = 0; offset < bytes.length; offset += CHUNK_SIZE_MAX) {
        const chunk = bytes.subarray(offset, offset + CHUNK_SIZE_MAX);
        await this.#pace(chunk.length);
        const room = isExclusive ? chunk.byteOffset : 0;
        const message = { type: "blockData", offset } as const;
        await this.#link.connection.sendChunk(message, request, chunk, { room });
      }
    } finally {
      lease.release();
    }
  }

  /** Waits for the upload limit and counts what goes out. */
  async #pace(size: number): Promise<void> {
    const turn = this.#options.limit.take(size);
    if (turn !== undefined) await turn;
    this.#options.sent.add(size);
  }

  #answerOther({ message, request }: Waiting): Promise<void> {
    switch (message.type) {
      case "getWhole":
        return this.#sendWholeFiles(message, request);
      case "getManifest":
        return this.#sendManifest(message, request);
      case "getBlock":
        throw new Error("Cannot answer: blocks are read ahead");
    }
  }

  async #sendManifest(message: MessageOf<"getManifest">, request: number): Promise<void> {
    const file = this.#options.catalog.get(fileKey(message));
    if (file === undefined) return this.#refuseAbsent(request);
    const { name, blockSize, publisher } = file.manifest;
    const signed = signedHashes(file.manifest);
    const pageSize = CHUNK_SIZE_MAX - CHUNK_SIZE_MAX % SIGNED_HASH_SIZE;
    const head = { type: "manifest", name, blockSize, publisher } as const;
    for (let offset = 0; offset === 0 || offset < signed.length; offset += pageSize) {
      const page = signed.subarray(offset, offset + pageSize);
      await this.#pace(page.length);
      const part = offset === 0 ? head : { type: "manifestPart" } as const;
      await this.#link.connection.sendChunk(part, request, page);
    }
  }

  async #sendWholeFiles({ files }: MessageOf<"getWhole">, request: number): Promise<void> {
    const sending: Promise<void>[] = [];
    for (const [position, id] of files.entries()) {
      if (this.#link.connection.isClosed) break;
      const bytes = this.#readWhole(this.#options.catalog.get(fileKey(id)));
      if (bytes === undefined) {
        this.#link.connection.send({ type: "missing", position }, request);
        continue;
      }
      await this.#pace(bytes.content.length);
      const { name, blockSize, publisher, signatures } = bytes.manifest;
      const sent = this.#link.connection.sendChunk(
        { type: "whole", position, name, blockSize, publisher, signature: signatures },
        request,
        bytes.content,
      );
      // The link may break while the next one waits for the limit, before anybody looks at this one.
      sent.catch(() => {});
      sending.push(sent);
      // Some answers leave in one write, and only so many wait for it.
      if (sending.length >= WHOLE_ANSWERS_MAX) await Promise.all(sending.splice(0));
    }
    await Promise.all(sending);
  }

  #readWhole(file: HeldFile | undefined): { manifest: Manifest; content: Uint8Array } | undefined {
    if (file === undefined || file.location.kind !== "file") return undefined;
    const { manifest, location } = file;
    if (manifest.size > WHOLE_SIZE_MAX || manifest.signatures.length > 64) return undefined;
    const content = new Uint8Array(manifest.size);
    const state = { size: manifest.size, stamp: location.stamp };
    return this.#options.folder.readWhole(location.name, state, content)
      ? { manifest, content }
      : undefined;
  }
}

/** Hash and signature of each block, in turn, as the wire has them. */
function signedHashes({ hashes, signatures }: Manifest): Uint8Array {
  const count = hashes.length / 32;
  const bytes = new Uint8Array(count * SIGNED_HASH_SIZE);
  for (let i = 0; i < count; i++) {
    bytes.set(hashes.subarray(32 * i, 32 * i + 32), i * SIGNED_HASH_SIZE);
    bytes.set(signatures.subarray(64 * i, 64 * i + 64), i * SIGNED_HASH_SIZE + 32);
  }
  return bytes;
}
