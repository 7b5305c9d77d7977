/** Tests of the whole tracker over a network in memory, with a clock that the tests move. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Connection } from "../protocol/connection.ts";
import { ErrorCode, RemoteError } from "../protocol/errors.ts";
import { seededRandom, settled } from "../protocol/testing.ts";
import { ManualClock } from "../tests/manual_clock.ts";
import { runTracker } from "./server.ts";
import type { TrackerOptions } from "./server.ts";
import {
  fileOf,
  idOf,
  MemoryNetwork,
  NONE,
  stubIdentity,
  TestNode,
  verifyStub,
} from "./testing.ts";

const TTL_MS = 30_000;

/** A tracker that runs, and the world that it runs in. */
class Stage implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly network = new MemoryNetwork();
  readonly log: string[] = [];
  readonly ended: Promise<void>;
  readonly #stop = new AbortController();

  constructor(options: Partial<TrackerOptions> = {}, clock = new ManualClock()) {
    this.clock = clock;
    this.ended = runTracker({
      port: 5000,
      host: "127.0.0.1",
      ttlMs: TTL_MS,
      network: this.network,
      clock,
      random: seededRandom(1),
      identity: stubIdentity(255),
      verify: verifyStub,
      nonce: () => new Uint8Array(32),
      agent: "test",
      log: (line) => this.log.push(line),
      signal: this.#stop.signal,
      onListening: () => {},
      ...options,
    });
  }

  connect(number: number): Promise<TestNode> {
    return TestNode.connect(this.network, number, this.clock);
  }

  /** Lets time pass for the tracker, and for the connections of nodes that are alive. */
  async pass(ms: number, ...alive: TestNode[]): Promise<void> {
    for (let passed = 0; passed < ms; passed += 1000) {
      for (const { connection } of alive) void connection.request({ type: "ping" }, "ok");
      await this.clock.advance(1000);
      await settled();
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** The code with which a request is refused. */
async function refusalOf(answer: Promise<unknown>): Promise<number> {
  return (await assertRejects(() => answer, RemoteError)).code;
}

Deno.test("a node announces itself and its files, and others find them", async () => {
  await using stage = new Stage();
  using seeder = await stage.connect(1);
  using other = await stage.connect(2);
  assertEquals(await seeder.announce(fileOf(7)), {
    type: "announced",
    ttlMs: TTL_MS,
    nodeCount: 1,
  });
  assertEquals(await other.listedNames(), ["file-7"]);
  // The host is where the tracker saw the connection come from; the port is the announced one.
  const { nodes } = await other.connection.request({ type: "listNodes", after: 0 }, "nodes");
  assertEquals(nodes, [{ nodeId: idOf(1), host: "192.0.2.1", port: 5001, fileCount: 1 }]);
  const { id, size } = fileOf(7);
  const { holders } = await other.connection.request({ type: "findHolders", id, size }, "holders");
  assertEquals(holders, [{
    nodeId: idOf(1),
    host: "192.0.2.1",
    port: 5001,
    have: new Uint8Array(0),
  }]);
});

Deno.test("an announcement in several pages adds up", async () => {
  await using stage = new Stage();
  using node = await stage.connect(1);
  const ask = (first: boolean, last: boolean, number: number) =>
    node.connection.request(
      { type: "announce", port: 1, first, last, files: [fileOf(number)] },
      "announced",
    );
  await ask(true, false, 1);
  await ask(false, false, 2);
  await ask(false, true, 3);
  assertEquals(await node.listedNames(), ["file-1", "file-2", "file-3"]);
  await ask(true, true, 4);
  assertEquals(await node.listedNames(), ["file-4"]);
});

Deno.test("progress, finished, withdraw and leave change the list", async () => {
  await using stage = new Stage();
  using seeder = await stage.connect(1);
  using leecher = await stage.connect(2);
  await seeder.announce(fileOf(7));
  await leecher.announce();
  const { id, size, name } = fileOf(7);
  const files = [{ id, size, name }];
  const counts = async () => {
    const question = { type: "findHolders", id, size } as const;
    const { seeders, leechers } = await seeder.connection.request(question, "holders");
    return [seeders, leechers];
  };
  const progress = { type: "progress", id, size, have: NONE } as const;
  const { holders } = await leecher.connection.request(progress, "holders");
  assertEquals(holders.map(({ port }) => port), [5001]);
  assertEquals(await counts(), [1, 1]);
  await leecher.connection.request({ type: "finished", files }, "ok");
  assertEquals(await counts(), [2, 0]);
  await leecher.connection.request({ type: "withdraw", files }, "ok");
  assertEquals(await counts(), [1, 0]);
  leecher.connection.send({ type: "leave" });
  assertEquals(await leecher.listedPorts(), [5001]);
});

Deno.test("a renamed file is listed under its new name, whoever holds the same bytes", async () => {
  await using stage = new Stage();
  using node = await stage.connect(1);
  using other = await stage.connect(2);
  await other.announce(fileOf(7, { name: "theirs" }));
  await node.announce(fileOf(7, { name: "copy" }), fileOf(7, { name: "draft" }));
  assertEquals(await node.listedNames(), ["theirs", "copy", "draft"]);
  const { id, size } = fileOf(7);
  const files = [{ id, size, name: "draft" }];
  await node.connection.request({ type: "withdraw", files }, "ok");
  const page = { port: 5001, first: false, last: false, files: [fileOf(7, { name: "final" })] };
  await node.connection.request({ type: "announce", ...page }, "announced");
  assertEquals(await node.listedNames(), ["theirs", "copy", "final"]);
  const { seeders } = await node.connection.request({ type: "findHolders", id, size }, "holders");
  assertEquals(seeders, 2);
  assert(stage.log.some((line) => line.includes("joined with 2 files")));
});

Deno.test("what a node says about itself counts only after it has announced itself", async () => {
  await using stage = new Stage();
  using other = await stage.connect(1);
  using node = await stage.connect(2);
  await other.announce(fileOf(7));
  const { id, size, name } = fileOf(7);
  const files = [{ id, size, name }];
  const { connection } = node;
  const { absent } = ErrorCode;
  const page = { port: 1, first: false, last: true, files: [] };
  assertEquals(
    await refusalOf(connection.request({ type: "announce", ...page }, "announced")),
    absent,
  );
  assertEquals(await refusalOf(connection.request({ type: "withdraw", files }, "ok")), absent);
  assertEquals(await refusalOf(connection.request({ type: "finished", files }, "ok")), absent);
  assertEquals(await refusalOf(connection.request({ type: "terminated" }, "ok")), absent);
  const progress = { type: "progress", id, size, have: NONE } as const;
  assertEquals(await refusalOf(connection.request(progress, "holders")), absent);
  connection.send({ type: "leave" });
  assertEquals(await node.listedPorts(), [5001]);
  await node.announce();
  connection.send({ type: "leave" });
  assertEquals(await refusalOf(connection.request(progress, "holders")), absent);
});

Deno.test("a node that breaks a rule is thrown out, and the log says who and why", async () => {
  await using stage = new Stage();
  const breaches = [
    (node: TestNode) => node.announce(fileOf(1, { name: "../up" })),
    (node: TestNode) =>
      node.connection.request(
        { type: "announce", port: 0, first: true, last: true, files: [] },
        "announced",
      ),
    (node: TestNode) => node.connection.request({ type: "open", ...fileOf(1) }, "opened"),
  ];
  for (const breach of breaches) {
    using node = await stage.connect(1);
    await assertRejects(() => breach(node));
    assert(await node.connection.closed instanceof RemoteError);
    await settled();
    assert(stage.log.splice(0).some((line) => line.startsWith("192.0.2.1:1 was refused: Cannot ")));
  }
});

Deno.test("a caller that cannot prove its node id is turned away", async () => {
  await using stage = new Stage();
  using connection = new Connection(await stage.network.connect());
  const nonce = new Uint8Array(32);
  connection.send({ type: "hello", role: "peer", nodeId: idOf(1), nonce, agent: "" });
  connection.send({ type: "proof", signature: new Uint8Array(64).fill(2) });
  await connection.receive();
  await connection.receive();
  const error = await assertRejects(() => connection.receive(), RemoteError);
  assertEquals(error.code, ErrorCode.signature);
});

Deno.test("a node stays as long as it is heard, be it only that it answers pings", async () => {
  await using stage = new Stage();
  using busy = await stage.connect(1);
  using quiet = await stage.connect(2);
  await busy.announce();
  await quiet.announce();
  await stage.pass(4 * TTL_MS, busy);
  assertEquals(await busy.listedPorts(), [5001, 5002]);
});

Deno.test("a node whose connection ends is forgotten one time to live later", async () => {
  await using stage = new Stage();
  using alive = await stage.connect(1);
  const lost = await stage.connect(2);
  await alive.announce();
  await lost.announce(fileOf(7));
  await stage.pass(TTL_MS / 2, alive, lost);
  lost.connection.close();
  await stage.pass(TTL_MS - 2000, alive);
  assertEquals(await alive.listedPorts(), [5001, 5002]);
  await stage.pass(3000, alive);
  assertEquals(await alive.listedPorts(), [5001]);
  assertEquals(await alive.listedNames(), []);
  assert(stage.log.some((line) => line.includes("was not heard for 30 s; active nodes: 1")));
});

Deno.test("a node that hangs is forgotten and its connection closed", async () => {
  await using stage = new Stage({ ttlMs: 5000 });
  using alive = await stage.connect(1);
  await alive.announce();
  const stream = await stage.network.connect();
  using hanging = new Connection(stream);
  hanging.send({
    type: "hello",
    role: "peer",
    nodeId: idOf(2),
    nonce: new Uint8Array(32),
    agent: "",
  });
  hanging.send({ type: "proof", signature: new Uint8Array(64).fill(2) });
  await hanging.receive();
  await hanging.receive();
  hanging.send({ type: "announce", port: 5002, first: true, last: true, files: [] }, 1);
  assertEquals((await hanging.receive()).type, "announced");
  await stage.pass(4000, alive);
  assertEquals(await alive.listedPorts(), [5001, 5002]);
  await stage.pass(2000, alive);
  assertEquals(await alive.listedPorts(), [5001]);
  const error = await assertRejects(() => hanging.receive(), RemoteError);
  assertEquals(error.code, ErrorCode.timeout);
});

Deno.test("a node that comes back in time replaces its entry, and stays", async () => {
  await using stage = new Stage();
  using alive = await stage.connect(1);
  await alive.announce();
  const lost = await stage.connect(2);
  await lost.announce(fileOf(7));
  lost.connection.close();
  await stage.pass(TTL_MS / 2, alive);
  using back = await stage.connect(2);
  await back.announce(fileOf(8));
  await stage.pass(TTL_MS, alive, back);
  assertEquals(await alive.listedPorts(), [5001, 5002]);
  assertEquals(await alive.listedNames(), ["file-8"]);
});

Deno.test("a second connection of a node takes the place of the first", async () => {
  await using stage = new Stage();
  using first = await stage.connect(1);
  await first.announce(fileOf(1));
  using second = await stage.connect(1);
  // Asking questions only, as a command beside a running node does, displaces nobody.
  assertEquals(await second.listedNames(), ["file-1"]);
  assert(!first.connection.isClosed);
  await second.announce(fileOf(2));
  assert(await first.connection.closed instanceof RemoteError);
  await stage.pass(2 * TTL_MS, second);
  assertEquals(await second.listedNames(), ["file-2"]);
});

Deno.test("time in which the tracker itself stood still does not count", async () => {
  const clock = new ManualClock();
  let skippedMs = 0;
  const jumping = {
    now: () => clock.now() + skippedMs,
    sleep: (ms: number, signal?: AbortSignal) => clock.sleep(ms, signal),
  };
  await using stage = new Stage({ clock: jumping }, clock);
  const lost = await stage.connect(1);
  await lost.announce();
  lost.connection.close();
  await settled();
  skippedMs = 10 * TTL_MS;
  using other = await stage.connect(2);
  await stage.pass(1000);
  assertEquals(await other.listedPorts(), [5001]);
});

Deno.test("a batch begins together, ends together, and the tracker with it", async () => {
  await using stage = new Stage({ expect: 3 });
  const nodes = await Promise.all([1, 2, 3].map((number) => stage.connect(number)));
  let begun = 0;
  const announced = nodes.map((node) => async () => {
    await node.announce(fileOf(node.number));
    begun++;
  });
  const first = [announced[0]!(), announced[1]!()];
  await stage.pass(2 * TTL_MS, ...nodes);
  assertEquals(begun, 0);
  assertEquals((await nodes[2]!.listedPorts()).length, 2);
  await Promise.all([...first, announced[2]!()]);
  assertEquals(begun, 3);
  await nodes[0]!.terminated();
  await nodes[1]!.terminated();
  await settled();
  assertEquals(nodes.map(({ stopCount }) => stopCount), [0, 0, 0]);
  await nodes[2]!.terminated();
  await settled();
  assertEquals(nodes.map(({ stopCount }) => stopCount), [1, 1, 1]);
  for (const node of nodes) node.connection.close();
  await stage.ended;
});

Deno.test("a finished batch does not wait for ever for nodes that do not end", async () => {
  await using stage = new Stage({ expect: 1 });
  using node = await stage.connect(1);
  await node.announce();
  await node.terminated();
  await stage.pass(4000, node);
  assert(!node.connection.isClosed);
  await stage.pass(2000);
  assert(node.connection.isClosed);
  await stage.ended;
});

Deno.test("a node that dies while the batch gathers gives its place up", async () => {
  await using stage = new Stage({ expect: 2 });
  const dead = await stage.connect(1);
  void dead.announce().catch(() => {});
  await settled();
  dead.connection.close();
  await settled();
  using a = await stage.connect(2);
  using b = await stage.connect(3);
  let begun = false;
  const waiting = a.announce().then(() => begun = true);
  await settled();
  assert(!begun);
  await b.announce();
  await waiting;
});

Deno.test("a member of a running batch that dies leaves its place to a newcomer", async () => {
  await using stage = new Stage({ expect: 2 });
  using a = await stage.connect(1);
  const dead = await stage.connect(2);
  await Promise.all([a.announce(), dead.announce()]);
  await a.terminated();
  dead.connection.close();
  await stage.pass(TTL_MS + 1000, a);
  assertEquals(a.stopCount, 0);
  using newcomer = await stage.connect(3);
  await newcomer.announce();
  await newcomer.terminated();
  await settled();
  assertEquals([a.stopCount, newcomer.stopCount], [1, 1]);
});

Deno.test("the registry survives a restart, and nodes that do not come back are forgotten", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const statePath = `${folder}/state`;
    {
      await using before = new Stage({ statePath });
      using a = await before.connect(1);
      using b = await before.connect(2);
      await a.announce(fileOf(1));
      await b.announce(fileOf(2));
    }
    await using after = new Stage({ statePath });
    using a = await after.connect(1);
    assertEquals(await a.listedPorts(), [5001, 5002]);
    assertEquals(await a.listedNames(), ["file-1", "file-2"]);
    assertEquals(await refusalOf(a.terminated()), ErrorCode.absent);
    await a.announce(fileOf(1));
    await after.pass(TTL_MS + 1000, a);
    assertEquals(await a.listedPorts(), [5001]);
    assertEquals(await a.listedNames(), ["file-1"]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("runTracker() says why it cannot start", async () => {
  const network = new MemoryNetwork();
  network.listen = () => {
    throw new Error("Cannot listen on 127.0.0.1:5000: the port is in use");
  };
  await assertRejects(() => new Stage({ network }).ended, Error, "the port is in use");
  const statePath = "/";
  await assertRejects(() => new Stage({ statePath }).ended, Error, "Cannot use state file /: ");
});

Deno.test("a stop closes all connections and ends the tracker", async () => {
  const stage = new Stage();
  using node = await stage.connect(1);
  await node.announce();
  // One that has not said who it is yet.
  using stranger = new Connection(await stage.network.connect());
  await stage.stop();
  assertEquals(await node.connection.closed, undefined);
  assertEquals((await stranger.receive()).type, "hello");
  await assertRejects(() => stage.connect(2), Error, "connection refused");
  assertEquals(stage.log.length, 1, "the stop itself is no incident");
});
