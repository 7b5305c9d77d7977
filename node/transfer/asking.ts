/** Asks over a connection and takes the answers, until the last one, a failure or an abort. */

import type { Connection } from "../../protocol/connection.ts";
import { ErrorCode, ProtocolError, RemoteError } from "../../protocol/errors.ts";
import type { ChunkReader } from "../../protocol/frame_reader.ts";
import type { Message } from "../../protocol/messages.ts";
import type { DiskFailure } from "../store/disk.ts";
import type { MissingContent } from "./contents.ts";

/** The other side may have to read a huge file first. That it is alive is seen to by the connection. */
const ANSWER_TIMEOUT_MS = 15 * 60_000;

/** What answers requests: a connection, or something that hands them on to one of several. */
export type Asker = Pick<Connection, "ask" | "cancel">;

/** An answer, and where its chunk is read from. */
export interface IncomingAnswer {
  readonly message: Message;
  readonly chunk: ChunkReader;
  readonly chunkSize: number;
}

/** Why a content does not come, where that is no reason to give up the others. */
export class NotFetched extends Error {
  constructor(readonly reason: MissingContent["reason"]) {
    super(reason === "absent" ? "it is absent" : reason.error);
  }
}

/**
 * Sends a request and hands its answers to `take`, until that says that one was the last. Settles only when
 * nothing is being read any more, so that what was read into may be used for something else.
 *
 * @throws {NotFetched} when the other side refuses, and whatever `take` throws, which ends the connection.
 * @throws what ended the connection, or the signal's reason.
 */
export function ask(
  connection: Asker,
  message: Message,
  { take, signal }: {
    readonly take: (answer: IncomingAnswer) => Promise<boolean>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  if (signal.aborted) return Promise.reject(signal.reason);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let isTaking = false;
  let settle: (() => void) | undefined;
  const end = (how: () => void) => {
    signal.removeEventListener("abort", abort);
    settle ??= how;
    if (!isTaking) settle();
  };
  const abort = () => {
    connection.cancel(number);
    end(() => reject(signal.reason));
  };
  const number = connection.ask(message, {
    answer: async (message, chunk, chunkSize) => {
      isTaking = true;
      try {
        const isLast = await take({ message, chunk, chunkSize });
        if (isLast) end(resolve);
        return isLast;
      } catch (error) {
        end(() => reject(error));
        throw error;
      } finally {
        isTaking = false;
        settle?.();
      }
    },
    failed: (reason) => end(() => reject(failureOf(reason))),
  }, ANSWER_TIMEOUT_MS);
  signal.addEventListener("abort", abort, { once: true });
  return promise;
}

/** What a refusal means; anything else ends the connection. */
function failureOf(reason: Error): Error {
  if (!(reason instanceof RemoteError)) return reason;
  if (reason.code === ErrorCode.absent) return new NotFetched("absent");
  const failure: DiskFailure = {
    error: `Cannot fetch the content: the other side says: ${reason.message}`,
    code: "failed",
  };
  return new NotFetched(failure);
}

/** The other side answered what cannot be an answer. */
export function wrongAnswer(what: string): ProtocolError {
  return new ProtocolError(ErrorCode.malformed, `Cannot take ${what}: it was not asked for`);
}

/** Reads the answers to a request into `into`, one after the other, until it is full. */
export async function askForBytes(
  connection: Asker,
  message: Message,
  { type, into, signal }: {
    /** The type of the answers. */
    readonly type: "hashes" | "rangeData" | "blockData";
    readonly into: Uint8Array;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  let filled = 0;
  const take = async ({ message, chunk, chunkSize }: IncomingAnswer) => {
    const isInOrder = message.type !== "blockData" || message.offset === filled;
    const isTooMuch = chunkSize === 0 || chunkSize > into.length - filled;
    if (message.type !== type || !isInOrder || isTooMuch) throw wrongAnswer(message.type);
    await chunk.readChunk(into.subarray(filled, filled + chunkSize));
    filled += chunkSize;
    return filled === into.length;
  };
  await ask(connection, message, { take, signal });
}
