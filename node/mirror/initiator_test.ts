import { assertEquals, assertRejects } from "@std/assert";
import { Connection } from "../../protocol/connection.ts";
import { handshake } from "../../protocol/handshake.ts";
import type { Frame } from "../../protocol/frame_reader.ts";
import { duplexPair } from "../../protocol/testing.ts";
import { KeyPair, verify } from "../content/identity.ts";
import { systemClock } from "../platform/clock.ts";
import { orderMirror } from "./initiator.ts";
import type { MirrorSource } from "./source_text.ts";
import { noProgress, progressToWire } from "./wire_progress.ts";

const SOURCE: MirrorSource = { host: "10.0.0.5", port: 7200, path: "", delayMs: 0 };

const common = {
  clock: systemClock,
  verify,
  nonce: () => crypto.getRandomValues(new Uint8Array(32)),
  agent: "test",
};

interface Scenario {
  readonly sources?: readonly MirrorSource[];
  readonly signal?: AbortSignal;
  /** What the mirror server does with the order. */
  readonly answer: (server: Connection, order: Frame) => void;
}

/** Orders a mirror from a server that a test plays. Answers what was heard. */
async function order(
  { sources = [SOURCE, SOURCE], signal = new AbortController().signal, answer }: Scenario,
): Promise<string[]> {
  const [here, there] = duplexPair();
  const server = new Connection(there);
  const serving = handshake(server, {
    ...common,
    nonce: common.nonce(),
    identity: KeyPair.generate(),
    role: "mirror",
    expect: "initiator",
  }).then(() => server.run((frame) => answer(server, frame))).catch(() => {});
  const heard: string[] = [];
  try {
    await orderMirror({
      ...common,
      network: { connect: () => Promise.resolve(here), listen: () => ({}) as never },
      identity: KeyPair.generate(),
      server: { host: "mirror.lan", port: 7300 },
      sources,
      wishes: { remove: true, confirmed: false, watch: false },
      events: {
        started: (number) => heard.push(`order ${number}`),
        progress: (source, { state }) => heard.push(`${source} ${state}`),
        failed: (source, { path, reason }) => heard.push(`${source} ${path}: ${reason}`),
      },
      signal,
    });
  } finally {
    server.close();
    await serving;
  }
  return heard;
}

Deno.test("orderMirror() hears of all sources to their ends", async () => {
  const heard = await order({
    answer: (server, { message, request }) => {
      if (message.type !== "startMirror") return;
      assertEquals([message.sources.length, message.remove, message.watch], [2, true, false]);
      server.send({ type: "mirrorStarted", order: 3 }, request);
      server.send(progressToWire(1, { ...noProgress, state: "done", final: true }), request);
      server.send({ type: "mirrorFailure", source: 0, path: "x", reason: "it changed" }, request);
      server.send(progressToWire(0, { ...noProgress, state: "failed", final: true }), request);
    },
  });
  assertEquals(heard, ["order 3", "1 done", "0 x: it changed", "0 failed"]);
});

Deno.test("orderMirror() tells why the mirror server refuses", async () => {
  const ordered = order({
    answer: (server, { request }) => server.refuse(request, 1, "Cannot mirror: not today"),
  });
  await assertRejects(() => ordered, Error, "Cannot mirror: not today");
});

Deno.test("orderMirror() tells that the mirror server is gone", async () => {
  const error = await assertRejects(() => order({ answer: (server) => server.close() }), Error);
  assertEquals(error.name, "ConnectionClosed");
});

Deno.test("orderMirror() ends with a mirror server that tells of what is not its own", async () => {
  for (const source of [2, 65_535]) {
    const ordered = order({
      answer: (server, { request }) => server.send(progressToWire(source, noProgress), request),
    });
    await assertRejects(() => ordered, Error, "it is of no source of mine");
  }
  const twice = order({
    answer: (server, { request }) => {
      const done = { ...noProgress, state: "done", final: true } as const;
      for (let i = 0; i < 2; i++) server.send(progressToWire(0, done), request);
    },
  });
  await assertRejects(() => twice, Error, "it is of no source of mine");
});

Deno.test("orderMirror() breaks the order off when it is stopped", async () => {
  const stopped = new AbortController();
  const ordered = order({
    signal: stopped.signal,
    answer: () => stopped.abort(new Error("stopped")),
  });
  await assertRejects(() => ordered, Error, "stopped");
});

Deno.test("orderMirror() orders no more than fits into an order", async () => {
  const answer = () => {};
  const path = "x".repeat(255);
  const many = Array.from({ length: 257 }, (): MirrorSource => SOURCE);
  const long = Array.from({ length: 256 }, (): MirrorSource => ({ ...SOURCE, path }));
  for (const sources of [many, long]) {
    await assertRejects(() => order({ sources, answer }), Error, "too many for one order");
  }
});
