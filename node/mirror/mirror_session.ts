/** One initiator's connection: takes its order, has it carried out, and ends it when the initiator goes. */

import { addressText } from "../../protocol/address.ts";
import type { Connection } from "../../protocol/connection.ts";
import { unexpected } from "../../protocol/connection.ts";
import { ErrorCode, ProtocolError } from "../../protocol/errors.ts";
import type { Frame } from "../../protocol/frame_reader.ts";
import type { MessageOf } from "../../protocol/messages.ts";
import type { Address } from "../../protocol/ports.ts";
import { nameProblem } from "../../protocol/path.ts";
import type { Session } from "../connecting/reception.ts";
import type { MirrorContext } from "./context.ts";
import { MirrorOrder } from "./order.ts";
import { placeOf } from "./places.ts";
import { DELAY_SECONDS_MAX, sourceText } from "./source_text.ts";
import type { MirrorSource } from "./source_text.ts";
import type { SourceProgress } from "./wire_progress.ts";

/** An initiator that has not ordered anything by then, or has heard the end, is let go. */
const IDLE_MAX_MS = 10_000;

/** An order that was taken. */
export interface TakenOrder {
  readonly number: number;
  readonly initiator: Address;
  readonly sources: readonly MirrorSource[];
}

/** What became of an order. */
export interface EndedOrder extends TakenOrder {
  /** Of its sources, in their order. */
  readonly progress: readonly SourceProgress[];
  /** The initiator went before the end. */
  readonly isBrokenOff: boolean;
}

/** Told of orders. */
export interface MirrorEvents {
  taken(order: TakenOrder): void;
  ended(order: EndedOrder): void;
}

export interface MirrorSessionOptions {
  readonly connection: Connection;
  readonly context: MirrorContext;
  readonly events: MirrorEvents;
  /** A number that no order had before. */
  readonly nextNumber: () => number;
}

export class MirrorSession implements Session {
  readonly #options: MirrorSessionOptions;
  readonly #gone = new AbortController();
  #order: Promise<void> | undefined;
  #isOrderRunning = false;
  #idleDeadlineMs: number | undefined;

  constructor(options: MirrorSessionOptions) {
    this.#options = options;
  }

  get hasPlace(): boolean {
    return this.#order !== undefined;
  }

  async run(): Promise<Error | undefined> {
    const reason = await this.#options.connection.run((frame) => this.#receive(frame));
    this.#gone.abort(new Error("the initiator is gone"));
    await this.#order;
    return reason;
  }

  tick(nowMs: number): void {
    const { connection } = this.#options;
    connection.tick(nowMs);
    if (this.#isOrderRunning) this.#idleDeadlineMs = undefined;
    else this.#idleDeadlineMs ??= nowMs + IDLE_MAX_MS;
    if (nowMs < (this.#idleDeadlineMs ?? Infinity)) return;
    connection.close(
      this.hasPlace
        ? undefined
        : new ProtocolError(ErrorCode.timeout, "Cannot wait: nothing was ordered"),
    );
  }

  #receive({ message, request }: Frame): void {
    if (message.type === "cancel") return this.#options.connection.close();
    if (message.type !== "startMirror") throw unexpected(message);
    if (this.#order !== undefined) {
      throw new ProtocolError(ErrorCode.unexpected, "Cannot mirror: an order was given already");
    }
    const problem = orderProblem(message);
    if (problem !== undefined) {
      const reason = `Cannot mirror: ${problem}`;
      return this.#options.connection.refuse(request, ErrorCode.malformed, reason);
    }
    this.#isOrderRunning = true;
    this.#order = this.#carryOut(message, request);
  }

  /** Never rejects. */
  async #carryOut(
    { sources, remove, confirmed, watch }: MessageOf<"startMirror">,
    request: number,
  ): Promise<void> {
    const { connection, context, events, nextNumber } = this.#options;
    const { signal } = this.#gone;
    const taken = { number: nextNumber(), initiator: connection.remote, sources };
    const wishes = { remove, confirmed, watch };
    const order = new MirrorOrder({ ...taken, wishes, context, connection, request, signal });
    events.taken(taken);
    await order.run();
    this.#isOrderRunning = false;
    events.ended({ ...taken, progress: order.progress, isBrokenOff: signal.aborted });
  }
}

/** Why an order cannot be carried out, or undefined. */
function orderProblem({ sources }: MessageOf<"startMirror">): string | undefined {
  if (sources.length === 0) return "there is no source";
  for (const source of sources) {
    const problem = sourceProblem(source);
    if (problem !== undefined) return `${sourceText(source)}: ${problem}`;
  }
  return undefined;
}

function sourceProblem(source: MirrorSource): string | undefined {
  const { port, path, delayMs } = source;
  if (port === 0) return "its port is 0";
  if (delayMs > DELAY_SECONDS_MAX * 1000) return "its delay is too long";
  const problem = path === "" ? undefined : nameProblem(path);
  if (problem !== undefined) return problem;
  try {
    placeOf(source);
    return undefined;
  } catch {
    return `${addressText(source)} cannot be the name of a folder`;
  }
}
