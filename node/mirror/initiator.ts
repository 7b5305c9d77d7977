/** Orders a mirror from a mirror server, and hears what becomes of it. */

import type { Connection } from "../../protocol/connection.ts";
import { unexpected } from "../../protocol/connection.ts";
import { ErrorCode, ProtocolError } from "../../protocol/errors.ts";
import { BODY_SIZE_MAX, HEADER_SIZE } from "../../protocol/header.ts";
import { frameSize } from "../../protocol/messages.ts";
import type { Message, MessageOf } from "../../protocol/messages.ts";
import { SOURCE_COUNT_MAX } from "../../protocol/mirror_messages.ts";
import type { Address } from "../../protocol/ports.ts";
import type { Endpoint } from "../connecting/endpoint.ts";
import { visit } from "../connecting/visit.ts";
import type { FileFailure, OrderWishes } from "./source_manager.ts";
import type { MirrorSource } from "./source_text.ts";
import { progressFromWire } from "./wire_progress.ts";
import type { SourceProgress } from "./wire_progress.ts";

/** Told of what becomes of an order. */
export interface OrderEvents {
  /** The mirror server knows the order by this number. */
  started(order: number): void;
  /** How far the source at this position has come. */
  progress(source: number, progress: SourceProgress): void;
  /** A file of that source could not be mirrored. */
  failed(source: number, failure: FileFailure): void;
}

export interface InitiatorOptions extends Endpoint {
  /** The mirror server. */
  readonly server: Address;
  readonly sources: readonly MirrorSource[];
  readonly wishes: OrderWishes;
  readonly events: OrderEvents;
  /** Breaks the order off. */
  readonly signal: AbortSignal;
}

/**
 * Orders a mirror; resolves when all is known of every source. Throws what ended the connection, a
 * `RemoteError` where the mirror server refuses, and the signal's reason.
 */
export async function orderMirror(options: InitiatorOptions): Promise<void> {
  const { sources, wishes, server: address } = options;
  const message = { type: "startMirror", sources, ...wishes } as const;
  if (sources.length > SOURCE_COUNT_MAX || frameSize(message) > HEADER_SIZE + BODY_SIZE_MAX) {
    throw new Error(`Cannot order a mirror: ${sources.length} sources are too many for one order`);
  }
  const visiting = { ...options, address, role: "initiator", expect: "mirror" } as const;
  await visit(visiting, (connection) => follow(connection, message, options));
}

/** Gives the order and hears of it to its end. */
function follow(
  connection: Connection,
  order: MessageOf<"startMirror">,
  { sources, events }: InitiatorOptions,
): Promise<void> {
  const open = new Set(sources.keys());
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const answer = (message: Message): boolean => {
    switch (message.type) {
      case "mirrorStarted":
        events.started(message.order);
        return false;
      case "mirrorFailure": {
        const { source, path, reason } = message;
        checkOpen(open, source);
        events.failed(source, { path, reason });
        return false;
      }
      case "mirrorProgress":
        checkOpen(open, message.source);
        events.progress(message.source, progressFromWire(message));
        if (message.final) open.delete(message.source);
        break;
      default:
        throw unexpected(message, order);
    }
    if (open.size === 0) resolve();
    return open.size === 0;
  };
  // What is watched may stay as it is for as long as it likes.
  connection.ask(order, { answer, failed: reject }, Infinity);
  return promise;
}

/** Throws a `ProtocolError` where nothing more can be heard of a source. */
function checkOpen(open: ReadonlySet<number>, source: number): void {
  if (open.has(source)) return;
  throw new ProtocolError(ErrorCode.malformed, "Cannot take progress: it is of no source of mine");
}
