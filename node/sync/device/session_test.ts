import { assertRejects } from "@std/assert";
import type { Network } from "../../../protocol/ports.ts";
import { systemClock } from "../../platform/clock.ts";
import { TestServer } from "../server/testing.ts";
import { connect } from "./session.ts";
import { TestMachine } from "./testing.ts";

const WAIT_MS_MAX = 5_000;

/** Resolves as `promise` does, and rejects where that takes too long. */
async function soon<Value>(promise: Promise<Value>, what: string): Promise<Value> {
  const done = new AbortController();
  const late = systemClock.sleep(WAIT_MS_MAX, done.signal).then(() => {
    if (!done.signal.aborted) throw new Error(`${what} did not come soon`);
    return promise;
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    done.abort();
  }
}

/** A network on which nobody answers: what is dialled is there when it is too late, or never. */
function deafNetwork(): Network {
  return {
    connect: (_address, signal) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(new Error("cancelled")));
      }),
    listen: () => {
      throw new Error("nobody listens");
    },
  };
}

Deno.test("connect() ends where it is stopped while it dials, greets, or before", async () => {
  await using server = new TestServer();
  const machine = new TestMachine(1, server);
  const device = machine.options();
  const bytes = { sent: 0, received: 0 };
  const stopped = AbortSignal.abort(new Error("stopped"));
  await soon(assertRejects(() => connect({ device, bytes, signal: stopped })), "the end");
  const stop = new AbortController();
  const deaf = { ...device, network: deafNetwork() };
  const dialling = connect({ device: deaf, bytes, signal: stop.signal });
  stop.abort(new Error("stopped"));
  await soon(assertRejects(() => dialling), "the end of the dial");
});

Deno.test("SyncDevice ends at once whenever it is stopped after its start", async () => {
  for (let turns = 0; turns < 120; turns++) {
    await using server = new TestServer();
    const machine = new TestMachine(1, server);
    machine.write("file", "text");
    machine.start();
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    await soon(machine.stop(), `the end after ${turns} turns`);
  }
});
