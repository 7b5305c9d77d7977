/** Tests of the real network, on loopback. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Duplex, Listener } from "../../protocol/ports.ts";
import { tcpNetwork } from "./network.ts";

const HOST = "127.0.0.1";

async function accepted(listener: Listener): Promise<Duplex> {
  for await (const stream of listener) return stream;
  throw new Error("nobody came");
}

interface Pair extends Disposable {
  readonly near: Duplex;
  readonly far: Duplex;
}

/** Two ends of a real connection. */
async function connectedPair(host = HOST): Promise<Pair> {
  const listener = tcpNetwork.listen({ host, port: 0 });
  const [far, near] = await Promise.all([
    accepted(listener),
    tcpNetwork.connect({ host: HOST, port: listener.address.port }),
  ]);
  listener.close();
  return {
    near,
    far,
    [Symbol.dispose]() {
      near.close();
      far.close();
    },
  };
}

Deno.test("connect() and listen() carry bytes both ways", async () => {
  using pair = await connectedPair();
  const buffer = new Uint8Array(8);
  assertEquals(await pair.near.write(new Uint8Array([1, 2, 3])), 3);
  assertEquals(await pair.far.read(buffer), 3);
  assertEquals([...buffer.subarray(0, 3)], [1, 2, 3]);
  await pair.far.write(new Uint8Array([4]));
  assertEquals(await pair.near.read(buffer), 1);
  pair.far.close();
  assertEquals(await pair.near.read(buffer), null);
});

Deno.test("a stream shows IPv4 as such on a socket for both families", async () => {
  using pair = await connectedPair("::");
  assertEquals(pair.far.remote.host, HOST);
  assertEquals(pair.near.remote.host, HOST);
});

Deno.test("connect() says why in plain words", async () => {
  const listener = tcpNetwork.listen({ host: HOST, port: 0 });
  const { port } = listener.address;
  listener.close();
  const refused = await assertRejects(() => tcpNetwork.connect({ host: HOST, port }), Error);
  assertEquals(refused.message, "connection refused");
});

Deno.test("connect() is cancelled by its signal", async () => {
  const attempt = tcpNetwork.connect({ host: HOST, port: 9 }, AbortSignal.abort());
  const error = await assertRejects(() => attempt, Error);
  assertEquals(error.message, "cancelled");
});

Deno.test("listen() names the port that is in use and says what to do", () => {
  const listener = tcpNetwork.listen({ host: HOST, port: 0 });
  try {
    const { port } = listener.address;
    const error = assertThrows(() => tcpNetwork.listen({ host: HOST, port }), Error);
    assertEquals(
      error.message,
      `Cannot listen on ${HOST}:${port}: the port is in use (choose another one, or 0 for any that is free)`,
    );
  } finally {
    listener.close();
  }
});

Deno.test("a closed listener ends its iteration", async () => {
  const listener = tcpNetwork.listen({ host: HOST, port: 0 });
  const streams = (async () => {
    for await (const stream of listener) stream.close();
  })();
  listener.close();
  listener.close();
  await streams;
});

Deno.test("close() ends a read that waits, in plain words, and can be called twice", async () => {
  using pair = await connectedPair();
  const reading = assertRejects(() => pair.near.read(new Uint8Array(1)), Error);
  pair.near.close();
  pair.near.close();
  assertEquals((await reading).message, "connection closed");
});

Deno.test("a write fails when the other side has gone", async () => {
  using pair = await connectedPair();
  pair.far.close();
  const bytes = new Uint8Array(256 * 1024);
  const error = await assertRejects(async () => {
    for (;;) await pair.near.write(bytes);
  }, Error);
  assert(!error.message.includes("os error"), error.message);
});
