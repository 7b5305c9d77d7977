/** Opens a stream to somebody who may never answer: a dial that takes too long ends. */

import { AnySignal } from "../../protocol/any_signal.ts";
import type { Address, Duplex } from "../../protocol/ports.ts";
import type { Endpoint } from "./endpoint.ts";

/** A dial takes this long at most. */
const DIAL_TIMEOUT_MS = 8_000;

export interface DialOptions extends Pick<Endpoint, "network" | "clock"> {
  /** Ends the attempt. */
  readonly signal?: AbortSignal;
}

/** Opens a stream. Rejects with a plain reason, such as "no answer", or that of the signal. */
export async function dial(
  { network, clock, signal }: DialOptions,
  address: Address,
): Promise<Duplex> {
  const late = new AbortController();
  const done = new AbortController();
  clock.sleep(DIAL_TIMEOUT_MS, done.signal).then(() => {
    if (!done.signal.aborted) late.abort(new Error("no answer"));
  });
  using any = new AnySignal(signal === undefined ? [late.signal] : [late.signal, signal]);
  const ended = any.signal;
  try {
    return await network.connect(address, ended);
  } catch (error) {
    throw ended.aborted ? ended.reason : error;
  } finally {
    done.abort();
  }
}
