/**
 * Makes the answers to requests for contents: finds the files, reads them chunk by chunk, and notices when one
 * is not the content any more that it was.
 */

import { ErrorCode } from "../../protocol/errors.ts";
import { CHUNK_SIZE_MAX, HEAD_ROOM } from "../../protocol/header.ts";
import { PIECE_SIZE, SMALL_SIZE_MAX } from "../../protocol/content_messages.ts";
import type { Message, MessageOf } from "../../protocol/messages.ts";
import { blockCount, blockSizeFor, HASH_SIZE, sizeOfBlock } from "../content/tree.ts";
import type { DiskFailure } from "../store/disk.ts";
import type { OpenFile } from "../store/folder.ts";
import { giveChunkBuffer, takeChunkBuffer } from "./chunk_buffers.ts";
import type { Bitfield } from "../../protocol/bitfield.ts";
import { contentKey } from "./contents.ts";
import type { ContentId, ContentSource } from "./contents.ts";
import { inChunks, sizeOfRanges } from "./ranges.ts";
import type { Range } from "./ranges.ts";
import { isPossiblySame } from "./stage.ts";
import type { LocalContent, Stage } from "./stage.ts";

/** What is made of contents is cut only at multiples of this: between two hashes, and between two pieces. */
const DERIVED_STEP = HASH_SIZE * PIECE_SIZE;

/**
 * What is asked for of a large content is read so much at a time, however little is sent at once: each read costs
 * a change of threads and a look at the file's stamp.
 */
const READ_SIZE = CHUNK_SIZE_MAX;

/** Files that stay open until all that waits has been answered. */
const OPEN_FILES_MAX = 4;

/** Where the contents are that are served. */
export interface ServedContents {
  /** Where a content is that the other side asks for; decides whether it may have it. */
  readonly source: ContentSource;
  /** Reads the files. */
  readonly stage: Pick<Stage, "blockHashes" | "leafHashes" | "open" | "read" | "recipe">;
  /** The local path of what the source calls `path`. */
  readonly pathOf: (path: string) => string;
  /** How many bytes are sent at once; at most, and if not given, `CHUNK_SIZE_MAX`. */
  readonly chunkSize?: number | undefined;
}

/** A request for contents. */
export type Request = MessageOf<
  "getContents" | "getHashes" | "getLeaves" | "getRecipe" | "getRanges" | "getBlock"
>;

/** A message with a chunk. What lies before the chunk in its buffer may be overwritten. */
export interface AnswerFrame {
  readonly message: Message;
  readonly chunk: Uint8Array<ArrayBuffer>;
}

/** One answer: what goes out as a frame, or as several ones, or why there is none. */
export type Answer = AnswerFrame | { readonly code: ErrorCode; readonly reason: string };

/** A content that is being read. */
interface OpenContent {
  readonly file: OpenFile;
  /** The stamp that the file must have. One that is growing has another one with each block. */
  readonly stamp: string | undefined;
  /** The blocks that are there, of a content that is growing. */
  readonly have: Bitfield | undefined;
}

/** Small contents that go into one chunk. */
interface SmallGroup {
  readonly positions: number[];
  readonly contents: LocalContent[];
  readonly absent: number[];
  size: number;
}

const NO_SUCH_RANGE: Answer = {
  code: ErrorCode.malformed,
  reason: "such a range is not in the content",
};
const ABSENT: Answer = { code: ErrorCode.absent, reason: "this content is not here (any more)" };

export class AnswerMaker implements Disposable {
  readonly #contents: ServedContents;
  readonly #chunkSize: number;
  /** By content, the one used last at the end. */
  readonly #open = new Map<string, OpenContent>();

  constructor(contents: ServedContents) {
    this.#contents = contents;
    this.#chunkSize = contents.chunkSize ?? CHUNK_SIZE_MAX;
  }

  /** The answers to a request. Each stands until it is released. */
  async *answers(request: Request): AsyncGenerator<Answer, void> {
    try {
      yield* this.#answers(request);
    } catch (error) {
      yield { code: ErrorCode.failed, reason: (error as Error).message };
    }
  }

  /** The chunk of an answer was sent. */
  release(answer: Answer): void {
    if ("chunk" in answer) giveChunkBuffer(answer.chunk.buffer);
  }

  /** Closes the files. */
  [Symbol.dispose](): void {
    for (const { file } of this.#open.values()) file.close();
    this.#open.clear();
  }

  #answers(request: Request): AsyncGenerator<Answer, void> {
    switch (request.type) {
      case "getContents":
        return this.#small(request.files);
      case "getHashes":
        return this.#hashes(request);
      case "getLeaves":
        return this.#leaves(request);
      case "getRecipe":
        return this.#recipe(request);
      case "getRanges":
        return this.#ranges(request);
      case "getBlock":
        return this.#block(request);
    }
  }

  async *#small(files: readonly ContentId[]): AsyncGenerator<Answer, void> {
    let group = emptyGroup();
    for (const [position, file] of files.entries()) {
      const content = file.size > SMALL_SIZE_MAX ? undefined : this.#find(file);
      if (content === undefined) {
        group.absent.push(position);
        continue;
      }
      if (group.size > 0 && group.size + content.size > this.#chunkSize) {
        yield await this.#readGroup(group);
        group = emptyGroup();
      }
      group.positions.push(position);
      group.contents.push(content);
      group.size += content.size;
    }
    yield await this.#readGroup(group);
  }

  async #readGroup({ positions, contents, absent, size }: SmallGroup): Promise<Answer> {
    const read = await this.#contents.stage.read(contents, takeChunkBuffer(size));
    const present = positions.filter((_, i) => read.present[i]);
    const gone = positions.filter((_, i) => !read.present[i]);
    const presentSize = contents.reduce(
      (sum, { size }, i) => read.present[i] ? sum + size : sum,
      0,
    );
    return {
      message: { type: "contents", present, absent: [...absent, ...gone] },
      chunk: new Uint8Array(read.buffer, 0, presentSize),
    };
  }

  async *#hashes(wanted: ContentId): AsyncGenerator<Answer, void> {
    const { source, stage } = this.#contents;
    const content = this.#find(wanted);
    const growing = content === undefined ? source.growing?.(wanted) : undefined;
    const made = content === undefined ? growing?.hashes : await stage.blockHashes(content);
    if (made === undefined) return yield ABSENT;
    yield* this.#derived("hashes", made);
  }

  async *#leaves({ id, size, index }: MessageOf<"getLeaves">): AsyncGenerator<Answer, void> {
    const geometry = { size, blockSize: blockSizeFor(size) };
    const content = this.#find({ id, size });
    if (content === undefined || index >= blockCount(size, geometry.blockSize)) return yield ABSENT;
    const range = { offset: index * geometry.blockSize, length: sizeOfBlock(geometry, index) };
    yield* this.#derived("hashes", await this.#contents.stage.leafHashes(content, range));
  }

  async *#recipe(
    { id, size, offset, length }: MessageOf<"getRecipe">,
  ): AsyncGenerator<Answer, void> {
    if (!isRangeOf(size, { offset, length })) return yield NO_SUCH_RANGE;
    const content = this.#find({ id, size });
    if (content === undefined) return yield ABSENT;
    yield* this.#derived("recipe", await this.#contents.stage.recipe(content, { offset, length }));
  }

  /** Sends what was made of the bytes of a content. */
  *#derived(type: "hashes" | "recipe", made: Uint8Array | DiskFailure): Generator<Answer, void> {
    if ("error" in made) return yield refusal(made);
    const step = Math.max(DERIVED_STEP, this.#chunkSize - this.#chunkSize % DERIVED_STEP);
    for (let at = 0; at < made.length; at += step) {
      yield { message: { type }, chunk: made.slice(at, at + step) };
    }
  }

  async *#block(
    { id, size, index }: MessageOf<"getBlock">,
  ): AsyncGenerator<Answer, void> {
    const geometry = { size, blockSize: blockSizeFor(size) };
    const open = this.#openContent({ id, size });
    if (open === undefined || index >= blockCount(size, geometry.blockSize)) return yield ABSENT;
    if (open.have?.has(index) === false) return yield ABSENT;
    const start = index * geometry.blockSize;
    const end = start + sizeOfBlock(geometry, index);
    for (let offset = start; offset < end; offset += READ_SIZE) {
      const length = Math.min(READ_SIZE, end - offset);
      const chunk = await this.#read(open, [{ offset, length }]);
      if (chunk === undefined) return yield ABSENT;
      yield { message: { type: "blockData", offset: offset - start }, chunk };
    }
  }

  async *#ranges({ id, size, ranges }: MessageOf<"getRanges">): AsyncGenerator<Answer, void> {
    if (!ranges.every((range) => isRangeOf(size, range))) return yield NO_SUCH_RANGE;
    const open = this.#openContent({ id, size });
    // Where a content grows, some of its bytes are a hole.
    if (open === undefined || open.have !== undefined) return yield ABSENT;
    for (const group of inChunks(ranges, { size: READ_SIZE })) {
      const chunk = await this.#read(open, group);
      if (chunk === undefined) return yield ABSENT;
      yield { message: { type: "rangeData" }, chunk };
    }
  }

  /** The bytes of some ranges one after the other; undefined where the file is not the content any more. */
  async #read(
    { file, stamp }: OpenContent,
    ranges: readonly Range[],
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const size = sizeOfRanges(ranges);
    const chunk = new Uint8Array(takeChunkBuffer(size), HEAD_ROOM, size);
    try {
      let at = 0;
      for (const { offset, length } of ranges) {
        await file.read(chunk.subarray(at, at + length), offset);
        at += length;
      }
    } catch {
      return undefined;
    }
    const isSame = stamp === undefined || isPossiblySame(file.state().stamp, stamp);
    return isSame ? chunk : undefined;
  }

  #find({ id, size }: ContentId): LocalContent | undefined {
    const located = this.#contents.source.find({ id, size });
    if (located === undefined) return undefined;
    return { ...located, path: this.#contents.pathOf(located.path) };
  }

  #openContent(content: ContentId): OpenContent | undefined {
    const key = contentKey(content);
    let open = this.#open.get(key);
    this.#open.delete(key);
    if (open === undefined) {
      if (this.#open.size >= OPEN_FILES_MAX) this.#closeOldest();
      open = this.#openNow(content);
      if (open === undefined) return undefined;
    }
    this.#open.set(key, open);
    return open;
  }

  #openNow(content: ContentId): OpenContent | undefined {
    const { source, stage } = this.#contents;
    const located = this.#find(content);
    const growing = located === undefined ? source.growing?.(content) : undefined;
    const path = located?.path ?? growing?.path;
    if (path === undefined) return undefined;
    try {
      return { file: stage.open(path), stamp: located?.stamp, have: growing?.have };
    } catch {
      return undefined;
    }
  }

  #closeOldest(): void {
    const [key, { file }] = this.#open.entries().next().value!;
    file.close();
    this.#open.delete(key);
  }
}

/** The frames that an answer goes out in. Each may be sent only when the one before it was. */
export function* framesOf(
  answer: AnswerFrame,
  chunkSize: number = CHUNK_SIZE_MAX,
): Generator<AnswerFrame> {
  const { message, chunk } = answer;
  if (message.type !== "blockData" && message.type !== "rangeData") return yield answer;
  for (let at = 0; at < chunk.length; at += chunkSize) {
    const part = message.type === "blockData"
      ? { ...message, offset: message.offset + at }
      : message;
    yield { message: part, chunk: chunk.subarray(at, at + chunkSize) };
  }
}

function isRangeOf(size: number, { offset, length }: Range): boolean {
  return length > 0 && offset + length <= size;
}

function emptyGroup(): SmallGroup {
  return { positions: [], contents: [], absent: [], size: 0 };
}

function refusal({ code, error }: DiskFailure): Answer {
  const isGone = code === "changed" || code === "missing";
  return isGone ? ABSENT : { code: ErrorCode.failed, reason: error };
}
