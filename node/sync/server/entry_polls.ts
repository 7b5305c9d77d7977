/**
 * The devices' questions for changed entries: answered at once where there are any, otherwise as soon as
 * there are, and with nothing after a while, so that a device knows that the server is still there.
 */

import type { Connection } from "../../../protocol/connection.ts";
import { ErrorCode, ProtocolError } from "../../../protocol/errors.ts";
import { BODY_SIZE_MAX, HEADER_SIZE } from "../../../protocol/header.ts";
import { frameSize } from "../../../protocol/messages.ts";
import type { MessageOf } from "../../../protocol/messages.ts";
import { ENTRY_COUNT_MAX } from "../../../protocol/sync_messages.ts";
import { toWire } from "../entry.ts";
import type { WireEntry } from "../entry.ts";
import type { UserIndex } from "./user_index.ts";

/** How long a question without an answer is held. */
const HOLD_MS = 10_000;
/** How many questions a device may have open. */
const POLLS_MAX = 4;

interface Poll {
  readonly connection: Connection;
  readonly request: number;
  readonly after: number;
  /** Set by the first tick after the question. */
  deadlineMs: number | undefined;
}

export class EntryPolls {
  readonly #index: UserIndex;
  readonly #polls = new Set<Poll>();

  constructor(index: UserIndex) {
    this.#index = index;
  }

  /** Answers now or later. Throws a `ProtocolError` where the device has too many questions. */
  ask(connection: Connection, request: number, after: number): void {
    if (this.#index.sequence > after) return this.#answer(connection, request, after);
    const open = [...this.#polls].filter((poll) => poll.connection === connection);
    if (open.length >= POLLS_MAX) {
      throw new ProtocolError(ErrorCode.limit, "Cannot wait: too many requests for entries");
    }
    this.#polls.add({ connection, request, after, deadlineMs: undefined });
  }

  /** A device asks no longer: for one of its questions, or for any. */
  forget(connection: Connection, request?: number): void {
    for (const poll of this.#polls) {
      if (poll.connection !== connection) continue;
      if (request === undefined || poll.request === request) this.#polls.delete(poll);
    }
  }

  /** The devices that know all entries and wait for more. */
  get waiting(): Set<Connection> {
    return new Set([...this.#polls].map(({ connection }) => connection));
  }

  /** The index may have changed. */
  wake(): void {
    for (const poll of this.#polls) {
      if (this.#index.sequence <= poll.after) continue;
      this.#polls.delete(poll);
      this.#answer(poll.connection, poll.request, poll.after);
    }
  }

  /** Lets time pass. */
  tick(nowMs: number): void {
    for (const poll of this.#polls) {
      poll.deadlineMs ??= nowMs + HOLD_MS;
      if (nowMs < poll.deadlineMs) continue;
      this.#polls.delete(poll);
      this.#answer(poll.connection, poll.request, poll.after);
    }
  }

  #answer(connection: Connection, request: number, after: number): void {
    connection.send(pageAfter(this.#index, after), request);
  }
}

/** As many of the entries after a sequence number as fit into an answer. */
function pageAfter(index: UserIndex, after: number): MessageOf<"entries"> {
  const found = index.after(after, ENTRY_COUNT_MAX);
  const entries: WireEntry[] = [];
  let room = BODY_SIZE_MAX - sizeOf([]);
  for (const { sequence: _sequence, stamp: _stamp, ...entry } of found) {
    const wire = toWire(entry);
    room -= sizeOf([wire]) - sizeOf([]);
    if (room < 0) break;
    entries.push(wire);
  }
  // The last changes may have been of paths that are forgotten: nothing tells of them any more.
  const isAll = entries.length === found.length && found.length < ENTRY_COUNT_MAX;
  const sequence = isAll ? index.sequence : found[entries.length - 1]?.sequence ?? after;
  return { type: "entries", entries, sequence, last: sequence >= index.sequence };
}

/** Bytes of the body of an answer with these entries. */
function sizeOf(entries: readonly WireEntry[]): number {
  return frameSize({ type: "entries", entries, sequence: 0, last: false }) - HEADER_SIZE;
}
