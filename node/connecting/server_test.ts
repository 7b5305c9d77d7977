import { assertEquals, assertRejects } from "@std/assert";
import { ErrorCode, ProtocolError } from "../../protocol/errors.ts";
import { ManualClock } from "../../tests/manual_clock.ts";
import { runServer } from "./server.ts";
import type { Service } from "./server.ts";
import { greet, OneListener, passTime, serverOptions } from "./testing.ts";

/** A server that tells what happens in it. */
function start({ network = new OneListener() } = {}) {
  const clock = new ManualClock();
  const stop = new AbortController();
  const told: string[] = [];
  const log = (line: string) => told.push(line);
  const options = serverOptions({ clock, network, log, signal: stop.signal });
  const open = ({ signal }: { readonly signal: AbortSignal }): Service => ({
    role: "source",
    expect: "copier",
    connectionsMax: 1,
    welcome: (connection) => ({
      hasPlace: true,
      run: () => connection.run(() => {}),
      tick: (nowMs) => told.push(`session at ${nowMs}`),
    }),
    ticking: [{ tick: (nowMs) => told.push(`service at ${nowMs}`) }],
    farewell: new ProtocolError(ErrorCode.failed, "Cannot go on: it is over"),
    begin: () => told.push("begin"),
    close: () => {
      told.push(`close, aborted: ${signal.aborted}`);
      return Promise.resolve();
    },
  });
  const ended = runServer({ ...options, onListening: () => told.push("listening") }, open);
  return { clock, network, told, stop: () => stop.abort(), ended };
}

const COPIER = { number: 1, role: "copier", expect: "source" } as const;
const ADDRESS = { host: "127.0.0.1", port: 7000 };

Deno.test("runServer() greets, lets time pass, and says farewell", async () => {
  const { clock, network, told, stop, ended } = start();
  assertEquals(told, ["listening", "begin"]);
  const connection = await greet(await network.connect(ADDRESS), COPIER);
  const reason = connection.run(() => {});
  await passTime(clock, 1_000);
  assertEquals(told.slice(2), [
    ...["session at 500", "service at 500"],
    ...["session at 1000", "service at 1000"],
  ]);
  stop();
  await ended;
  assertEquals((await reason)?.message, "Cannot go on: it is over");
  assertEquals(told.at(-1), "close, aborted: true");
});

Deno.test("runServer() turns away whom it has no room for", async () => {
  const { network, told, stop, ended } = start();
  const first = await greet(await network.connect(ADDRESS), COPIER);
  const running = first.run(() => {});
  await assertRejects(async () => greet(await network.connect(ADDRESS), { ...COPIER, number: 2 }));
  stop();
  await Promise.all([ended, running]);
  assertEquals(told.filter((line) => /turned away: there are 1 conn/.test(line)).length, 1);
});

Deno.test("runServer() closes its service where it cannot listen", async () => {
  class Taken extends OneListener {
    override listen(): never {
      throw new Error("the port is taken");
    }
  }
  const { told, ended } = start({ network: new Taken() });
  await assertRejects(() => ended, Error, "the port is taken");
  assertEquals(told, ["close, aborted: true"]);
});
