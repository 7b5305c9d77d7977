/**
 * Test support, imported by tests only: random messages, byte streams in memory, and the other side of a
 * connection.
 *
 * The generators are made from the `shape`s in the table of messages, so that a new message is tested
 * without a new generator. `duplexPair` stands in for a TCP connection: bounded, and cut into slices that a
 * seed decides. A `Script` at one end of it plays the other side, frame by frame. Importing this module fixes
 * fast-check's seed, so that a run can be repeated; a failing property prints its seed and path.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Answers, Connection, type Receive } from "./connection.ts";
import { utf8Size } from "./fields.ts";
import type { Shape } from "./fields.ts";
import { type Frame, FrameReader } from "./frame_reader.ts";
import { encode, frameSize, messages } from "./messages.ts";
import type { Message, MessageName, MessageOf } from "./messages.ts";
import { HEADER_SIZE } from "./header.ts";
import type { Address, Duplex, Random } from "./ports.ts";

fc.configureGlobal({ seed: 20_251_121 });

/** Lists of random messages are this long at most; tests of the limits make longer ones. */
const LIST_COUNT_MAX = 12;
/** Chunks of random frames are this long at most. */
const RANDOM_CHUNK_SIZE_MAX = 3000;
/** Code points that are no characters, but halves of some in UTF-16. */
const SURROGATE_MIN = 0xd800;
const SURROGATE_COUNT = 0x800;

/** Every message of the table. */
export const messageNames = Object.keys(messages) as MessageName[];

/**
 * Any character of Unicode. fast-check's own unit for strings, `binary`, has the same ones, but takes more than a
 * second of computing to get ready, in each test file anew.
 */
export const anyCharacter: fc.Arbitrary<string> = fc.nat({ max: 0x10_ffff - SURROGATE_COUNT })
  .map((n) => String.fromCodePoint(n < SURROGATE_MIN ? n : n + SURROGATE_COUNT));

/** Random values of a field, its extremes more often than chance would have them. */
export function valueOf(shape: Shape): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case "uint":
      return mostly(
        fc.maxSafeNat().map((number) => number % (shape.max + 1)),
        fc.constantFrom(0, shape.max),
      );
    case "flag":
      return fc.boolean();
    case "choice":
      return fc.constantFrom(...shape.names);
    case "bytes":
      return fc.uint8Array({ minLength: shape.length, maxLength: shape.length });
    case "blob":
      return mostly(
        fc.uint8Array({ maxLength: shape.lengthMax, size: "medium" }),
        fc.constant(new Uint8Array(shape.lengthMax).fill(0xa5)),
      );
    case "text":
      return textOf(shape.sizeMax);
    case "list":
      return fc.array(valueOf(shape.of), { maxLength: Math.min(shape.countMax, LIST_COUNT_MAX) });
    case "record":
      return fc.record(
        Object.fromEntries(Object.entries(shape.fields).map(([name, of]) => [name, valueOf(of)])),
        { noNullPrototype: true },
      );
  }
}

/** Well-formed text of one to four bytes a code point, at most `sizeMax` bytes of it. */
function textOf(sizeMax: number): fc.Arbitrary<string> {
  const fits = (text: string) => utf8Size(text) <= sizeMax;
  return mostly(
    fc.oneof(
      fc.string({ maxLength: sizeMax, size: "medium" }),
      fc.string({ unit: anyCharacter, maxLength: sizeMax, size: "medium" }).filter(fits),
      fc.string({ unit: "grapheme", maxLength: sizeMax }).filter(fits),
    ),
    fc.constant("x".repeat(sizeMax)),
  );
}

/** The usual values, and now and then an extreme one. */
function mostly<T>(usual: fc.Arbitrary<T>, extreme: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 15, arbitrary: usual }, { weight: 1, arbitrary: extreme });
}

/** Random messages of one type. */
export function messageOf<N extends MessageName>(name: N): fc.Arbitrary<MessageOf<N>> {
  const { body, bodySizeMax } = messages[name];
  return valueOf(body.shape)
    .map((fields) => ({ type: name, ...fields as object }) as MessageOf<N>)
    .filter((message) => frameSize(message) <= HEADER_SIZE + bodySizeMax);
}

/** A frame as a test makes it up: what goes in, and what must come out. */
export interface SampleFrame {
  readonly message: Message;
  readonly request: number;
  readonly chunk: Uint8Array;
}

/** Random frames of one type, with a request number and a chunk as the table allows. */
export function frameOf(name: MessageName): fc.Arbitrary<SampleFrame> {
  const { kind, chunkSizeMax } = messages[name];
  return fc.record({
    message: messageOf(name),
    request: fc.integer({ min: kind === "request" ? 1 : 0, max: 0xffff_ffff }),
    chunk: fc.uint8Array({
      maxLength: Math.min(chunkSizeMax, RANDOM_CHUNK_SIZE_MAX),
      size: "large",
    }),
  }, { noNullPrototype: true });
}

/** Random frames of any type. */
export const anyFrame: fc.Arbitrary<SampleFrame> = fc.oneof(...messageNames.map(frameOf));

/** All bytes of `frames` as they stand on the wire. */
export function wireBytes(...frames: readonly SampleFrame[]): Uint8Array<ArrayBuffer> {
  return concat(frames.flatMap(({ message, request, chunk }) => [
    encode(message, request, chunk.length),
    chunk,
  ]));
}

/** One array of all `parts`. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A linear congruential generator; the same seed gives the same numbers. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export interface DuplexOptions {
  /** Bytes that fit on the way in one direction, as in the buffers of two sockets. */
  readonly capacity?: number;
  /** Cuts each read and write to a random part of what could pass. Without it nothing is cut. */
  readonly random?: Random;
}

/** Two ends of one stream in memory: what one writes the other reads. */
export function duplexPair(options: DuplexOptions = {}): [Duplex, Duplex] {
  const there = new Pipe(options);
  const back = new Pipe(options);
  return [
    duplexOf(back, there, { host: "192.0.2.2", port: 2 }),
    duplexOf(there, back, { host: "192.0.2.1", port: 1 }),
  ];
}

function duplexOf(incoming: Pipe, outgoing: Pipe, remote: Address): Duplex {
  return {
    remote,
    read: (into) => incoming.read(into),
    write: (bytes) => outgoing.write(bytes),
    close: () => {
      outgoing.finish();
      incoming.abandon();
    },
  };
}

/** One direction: a ring of bytes between a writer and a reader who wait for each other. */
class Pipe {
  readonly #ring: Uint8Array;
  readonly #random: Random | undefined;
  #start = 0;
  #size = 0;
  #finished = false;
  #abandoned = false;
  #changed = Promise.withResolvers<void>();

  constructor({ capacity = 64 * 1024, random }: DuplexOptions) {
    this.#ring = new Uint8Array(capacity);
    this.#random = random;
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#size === 0 && !this.#finished && !this.#abandoned) await this.#changed.promise;
    if (this.#abandoned) throw new Error("the stream is closed");
    if (this.#size === 0) return null;
    const untilWrap = this.#ring.length - this.#start;
    const count = this.#cut(Math.min(into.length, this.#size, untilWrap));
    into.set(this.#ring.subarray(this.#start, this.#start + count));
    this.#start = (this.#start + count) % this.#ring.length;
    this.#size -= count;
    this.#signal();
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    while (this.#size === this.#ring.length && !this.#finished && !this.#abandoned) {
      await this.#changed.promise;
    }
    if (this.#finished) throw new Error("the stream is closed");
    if (this.#abandoned) throw new Error("broken pipe");
    const end = (this.#start + this.#size) % this.#ring.length;
    const room = Math.min(this.#ring.length - this.#size, this.#ring.length - end);
    const count = this.#cut(Math.min(bytes.length, room));
    this.#ring.set(bytes.subarray(0, count), end);
    this.#size += count;
    this.#signal();
    return count;
  }

  /** The writer is gone: what was written can still be read. */
  finish(): void {
    this.#finished = true;
    this.#signal();
  }

  /** The reader is gone: nothing passes any more. */
  abandon(): void {
    this.#abandoned = true;
    this.#signal();
  }

  #cut(count: number): number {
    return this.#random === undefined ? count : Math.max(1, Math.floor(this.#random() * count));
  }

  #signal(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** Lets everything happen that can happen without more time or input: streams in memory need no more. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** The other side of a connection, played by the test frame by frame. */
export class Script {
  readonly #reader: FrameReader;

  constructor(readonly stream: Duplex) {
    this.#reader = new FrameReader(stream);
  }

  /** Writes any bytes, frames or not. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.stream.write(bytes.subarray(at));
  }

  async send(message: Message, request = 0, chunk = new Uint8Array(0)): Promise<void> {
    await this.write(encode(message, request, chunk.length));
    await this.write(chunk);
  }

  /** The next frame without its chunk; null when the connection has ended. */
  next(): Promise<Frame | null> {
    return this.#reader.next();
  }

  /** Reads the next frame, which must hold `message`, and answers its request number. */
  async expect(message: Message): Promise<number> {
    const frame = await this.next();
    assertEquals(frame?.message, message);
    return frame!.request;
  }
}

const refuseAll: Receive = ({ message }) => {
  throw new Error(`The test did not expect ${message.type}`);
};

/** A connection that runs, and the script of its other side. */
export function startScripted(receive: Receive = refuseAll, options: DuplexOptions = {}) {
  const [mine, theirs] = duplexPair(options);
  const connection = new Connection(mine);
  const ended = connection.run(receive);
  return { connection, ended, script: new Script(theirs) };
}

/** Notes what becomes of a request. */
export class AnswerNotes implements Answers {
  readonly answers: Message[] = [];
  readonly failures: Error[] = [];
  constructor(readonly isLast: (message: Message) => boolean = () => true) {}

  answer(message: Message): boolean {
    this.answers.push(message);
    return this.isLast(message);
  }

  failed(reason: Error): void {
    this.failures.push(reason);
  }
}
