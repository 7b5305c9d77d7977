/**
 * Fetches small contents, some hundred with one request. Their bytes are read into one buffer, in which they
 * are verified and from which they are staged.
 */

import { SMALL_COUNT_MAX } from "../../protocol/content_messages.ts";
import { CHUNK_SIZE_MAX } from "../../protocol/header.ts";
import { ask, wrongAnswer } from "./asking.ts";
import type { Asker, IncomingAnswer } from "./asking.ts";
import type { FetchResult, MissingContent, WantedContent } from "./contents.ts";
import type { Stage, WrittenPack } from "./stage.ts";

/** Groups small contents so that each group goes with one request and into one buffer. */
export function* inRequests(wants: readonly WantedContent[]): Generator<WantedContent[]> {
  let group: WantedContent[] = [];
  let size = 0;
  for (const want of wants) {
    if (group.length === SMALL_COUNT_MAX || size + want.size > CHUNK_SIZE_MAX) {
      yield group;
      group = [];
      size = 0;
    }
    group.push(want);
    size += want.size;
  }
  if (group.length > 0) yield group;
}

/** How many bytes contents have together. */
export function sizeOfAll(wants: readonly WantedContent[]): number {
  return wants.reduce((sum, { size }) => sum + size, 0);
}

/** Fetches the contents of one request; an empty one needs no asking. */
export async function fetchSmall(
  wants: readonly WantedContent[],
  { connection, stage, signal }: {
    readonly connection: Asker;
    readonly stage: Pick<Stage, "write">;
    readonly signal: AbortSignal;
  },
): Promise<FetchResult[]> {
  const asked = wants.filter(({ size }) => size > 0);
  const arriving = new ArrivingContents(asked);
  if (asked.length > 0) {
    const files = asked.map(({ id, size }) => ({ id, size }));
    await ask(connection, { type: "getContents", files }, {
      take: (answer) => arriving.take(answer),
      signal,
    });
  }
  const present = [...arriving.present, ...wants.filter(({ size }) => size === 0)];
  const written = await stage.write(present, arriving.buffer);
  return [...arriving.absent.map(absent), ...resultsOf(present, written)];
}

function absent(want: WantedContent): MissingContent {
  return { want, reason: "absent" };
}

function resultsOf(
  wants: readonly WantedContent[],
  { buffer, outcomes }: WrittenPack,
): FetchResult[] {
  let start = 0;
  return wants.map((want, i) => {
    const bytes = new Uint8Array(buffer, start, want.size);
    start += want.size;
    const outcome = outcomes[i]!;
    if (outcome === "bad-hash") return absent(want);
    if ("error" in outcome) return { want, reason: outcome };
    return { want, staged: outcome.staged, bytes };
  });
}

/** The contents of one request while they come in. */
class ArrivingContents {
  /** By position in the request; emptied as they are answered. */
  readonly #awaited: (WantedContent | undefined)[];
  #answeredCount = 0;
  #used = 0;
  readonly buffer: ArrayBuffer;
  /** Those that have come, in the order in which they lie in the buffer. */
  readonly present: WantedContent[] = [];
  readonly absent: WantedContent[] = [];

  constructor(wants: readonly WantedContent[]) {
    this.#awaited = [...wants];
    this.buffer = new ArrayBuffer(sizeOfAll(wants));
  }

  /** Takes one answer; true when it was the last. Throws a `ProtocolError` for what was not asked for. */
  async take({ message, chunk, chunkSize }: IncomingAnswer): Promise<boolean> {
    if (message.type !== "contents") throw wrongAnswer(message.type);
    const present = message.present.map((position) => this.#settle(position));
    const absent = message.absent.map((position) => this.#settle(position));
    const isEmpty = present.length + absent.length === 0;
    if (isEmpty || sizeOfAll(present) !== chunkSize) throw wrongAnswer("contents");
    await chunk.readChunk(new Uint8Array(this.buffer, this.#used, chunkSize));
    this.#used += chunkSize;
    this.present.push(...present);
    this.absent.push(...absent);
    return this.#answeredCount === this.#awaited.length;
  }

  #settle(position: number): WantedContent {
    const want = this.#awaited[position];
    if (want === undefined) throw wrongAnswer("a content");
    this.#awaited[position] = undefined;
    this.#answeredCount++;
    return want;
  }
}
