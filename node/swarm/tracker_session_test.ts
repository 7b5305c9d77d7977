import { assertEquals, assertRejects } from "@std/assert";
import { Bitfield } from "../../protocol/bitfield.ts";
import { Connection } from "../../protocol/connection.ts";
import { handshake } from "../../protocol/handshake.ts";
import type { Message } from "../../protocol/messages.ts";
import type { Duplex, Network } from "../../protocol/ports.ts";
import { duplexPair } from "../../protocol/testing.ts";
import { ManualClock } from "../../tests/manual_clock.ts";
import { sketchIdentity, verifySketch } from "../../tests/simulation/sketch_identity.ts";
import { Catalog, fileKey } from "./catalog.ts";
import { sampleFile } from "./testing.ts";
import { TrackerSession } from "./tracker_session.ts";

const one = sampleFile(100, { name: "one", seed: 1 }).manifest;
const two = sampleFile(200, { name: "two", seed: 2 }).manifest;
const three = sampleFile(300, { name: "three", seed: 3 }).manifest;
const nonce = new Uint8Array(32);
const announced = { type: "announced", ttlMs: 30_000, nodeCount: 1 } as const;

interface Heard {
  readonly message: Message;
  readonly request: number;
}

/** One connection as the tracker sees it, played by the test. */
class TrackerSide {
  readonly connection: Connection;
  readonly heard: Heard[] = [];
  /** Answers to requests are held back by type until the test sends them. */
  readonly held = new Set<Message["type"]>();

  constructor(stream: Duplex) {
    this.connection = new Connection(stream);
  }

  async serve(clock: ManualClock): Promise<void> {
    await handshake(this.connection, {
      identity: sketchIdentity("tracker"),
      role: "tracker",
      expect: "peer",
      agent: "test",
      verify: verifySketch,
      nonce,
      clock,
    });
    await this.connection.run(({ message, request }) => {
      this.heard.push({ message, request });
      const isLast = message.type === "announce" && message.last;
      if (this.held.has(message.type) && (message.type !== "announce" || isLast)) return;
      if (message.type === "announce") this.connection.send(announced, request);
      else if (request > 0) this.connection.send({ type: "ok" }, request);
    });
  }

  /** What the node has said since the last call, in short. */
  take(): string[] {
    return this.heard.splice(0).map(({ message }) => inShort(message));
  }
}

function inShort(message: Message): string {
  switch (message.type) {
    case "announce": {
      const marks = `${message.first ? "first " : ""}${message.last ? "last " : ""}`;
      return `announce ${marks}[${message.files.map(({ name }) => name)}]`;
    }
    case "withdraw":
    case "finished":
      return `${message.type} ${message.files.map(({ size }) => size)}`;
    default:
      return message.type;
  }
}

/** A session, and the trackers that it finds when it dials: each is another connection. */
function start(
  { ready = Promise.resolve(), host = "tracker" }: { ready?: Promise<void>; host?: string } = {},
) {
  const clock = new ManualClock();
  const catalog = new Catalog();
  const sides: TrackerSide[] = [];
  const lines: string[] = [];
  const state = { isUp: true, stops: 0, hold: new Set<Message["type"]>() };
  const network: Network = {
    connect: () => {
      if (!state.isUp) return Promise.reject(new Error("connection refused"));
      const [near, far] = duplexPair();
      const side = new TrackerSide(far);
      for (const type of state.hold) side.held.add(type);
      sides.push(side);
      side.serve(clock).catch(() => {});
      return Promise.resolve(near);
    },
    listen: () => {
      throw new Error("The test did not expect the session to listen");
    },
  };
  const session = new TrackerSession({
    identity: sketchIdentity("node"),
    agent: "test",
    verify: verifySketch,
    nonce: () => nonce,
    clock,
    network,
    tracker: { host, port: 1 },
    port: 6001,
    catalog,
    log: (line) => lines.push(line),
    ready,
    stopped: () => state.stops++,
  });
  return { clock, catalog, sides, lines, state, session };
}

Deno.test("a session announces what the catalog holds, then that this is all", async () => {
  const { clock, catalog, sides, session } = start();
  catalog.addFile(one, "one", "1");
  const running = session.run();
  await clock.advance(0);
  assertEquals(sides[0]!.take(), ["announce first [one]", "announce last []"]);
  await session.assembled;
  await session.leave();
  await running;
  assertEquals(sides[0]!.take(), ["leave"]);
  await clock.advance(1_000);
  assertEquals(clock.sleeping, 0);
});

Deno.test("changes go out at once when it is quiet, and gathered when there are many", async () => {
  const { clock, catalog, sides, session } = start();
  const running = session.run();
  await clock.advance(0);
  const [side] = sides;
  side!.take();
  catalog.addFile(one, "one", "1");
  await clock.advance(0);
  assertEquals(side!.take(), ["announce [one]"]);
  catalog.addFile(two, "two", "1");
  catalog.addFile(three, "three", "1");
  catalog.remove(fileKey(one));
  await clock.advance(499);
  assertEquals(side!.take(), []);
  await clock.advance(1);
  assertEquals(side!.take(), ["withdraw 100", "announce [two,three]"]);
  session[Symbol.dispose]();
  await clock.advance(10_000);
  await running;
});

Deno.test("a file that is fetched is announced with its blocks, and later as finished", async () => {
  const { clock, catalog, sides, session } = start();
  const running = session.run();
  await clock.advance(0);
  const [side] = sides;
  side!.take();
  const file = catalog.addPart(one, Bitfield.none(1));
  await clock.advance(0);
  const { message } = side!.heard[0]!;
  assertEquals(message.type === "announce" && message.files[0]!.have, new Uint8Array([0]));
  assertEquals(side!.take(), ["announce [one]"]);
  catalog.gain(file, 0);
  catalog.complete(file, "one", "1");
  await clock.advance(1_000);
  assertEquals(side!.take(), ["finished 100"]);
  session[Symbol.dispose]();
  await clock.advance(10_000);
  await running;
});

Deno.test("a session comes back to a tracker that went away, and announces everything anew", async () => {
  const { clock, catalog, sides, state, lines, session } = start();
  catalog.addFile(one, "one", "1");
  const running = session.run();
  await clock.advance(0);
  state.isUp = false;
  sides[0]!.connection.close();
  await clock.advance(3_000);
  assertEquals(session.isOnline, false);
  await assertRejects(() => session.findHolders(one), Error, "the tracker is away");
  assertEquals(lines, [
    "Cannot reach the tracker at tracker:1: connection refused (trying again)",
  ]);
  catalog.addFile(two, "two", "1");
  state.isUp = true;
  await clock.advance(5_000);
  assertEquals([session.isOnline, lines.at(-1)], [true, "the tracker is back"]);
  assertEquals(sides[1]!.take(), ["announce first [one,two]", "announce last []"]);
  session[Symbol.dispose]();
  await clock.advance(10_000);
  await running;
});

Deno.test("a tracker that comes back hears again that the node is done", async () => {
  const { clock, sides, session } = start();
  const running = session.run();
  await clock.advance(0);
  await session.terminated();
  sides[0]!.take();
  sides[0]!.connection.close();
  await clock.advance(1_000);
  assertEquals(sides[1]!.take(), ["announce first []", "announce last []", "terminated"]);
  session[Symbol.dispose]();
  await clock.advance(10_000);
  await running;
});

Deno.test("the last page waits until the folder is known", async () => {
  const ready = Promise.withResolvers<void>();
  const { clock, catalog, sides, session } = start({ ready: ready.promise });
  const running = session.run();
  await clock.advance(0);
  assertEquals(sides[0]!.take(), ["announce first []"]);
  catalog.addFile(one, "one", "1");
  await clock.advance(1_000);
  assertEquals(sides[0]!.take(), ["announce [one]"]);
  ready.resolve();
  await clock.advance(0);
  assertEquals(sides[0]!.take(), ["announce last []"]);
  session[Symbol.dispose]();
  await clock.advance(10_000);
  await running;
});

Deno.test("in a batch the session is assembled when the tracker says so, and told to stop", async () => {
  const { clock, sides, state, session } = start();
  state.hold.add("announce");
  const running = session.run();
  let isAssembled = false;
  session.assembled.then(() => isAssembled = true);
  await clock.advance(60_000);
  assertEquals(isAssembled, false);
  const { request } = sides[0]!.heard.find(({ message }) =>
    message.type === "announce" && message.last
  )!;
  sides[0]!.connection.send(announced, request);
  await clock.advance(0);
  assertEquals(isAssembled, true);
  sides[0]!.connection.send({ type: "stop" });
  await clock.advance(0);
  assertEquals(state.stops, 1);
  // The tracker hangs up, and the session does not look for it again.
  sides[0]!.connection.close();
  await clock.advance(60_000);
  assertEquals(sides.length, 1);
  await running;
  session[Symbol.dispose]();
});

Deno.test("listFiles() asks for no more pages than are wanted", async () => {
  const { clock, sides, session } = start();
  await session.connect();
  sides[0]!.held.add("listFiles");
  const { id, size, name, blockSize, publisher } = one;
  const files = [{ id, size, name, blockSize, publisher, seeders: 1, leechers: 0 }];
  const listing = session.listFiles("", 2);
  for (let page = 1; page <= 2; page++) {
    await clock.advance(0);
    const [{ message, request }] = sides[0]!.heard.splice(0) as [Heard];
    assertEquals(message, { type: "listFiles", after: page - 1, match: "" });
    sides[0]!.connection.send({ type: "files", files, next: page }, request);
  }
  assertEquals((await listing).length, 2);
  session[Symbol.dispose]();
  await clock.advance(10_000);
});

Deno.test("connect() tells why the tracker cannot be had", async () => {
  for (const [host, shown] of [["tracker", "tracker:1"], ["::1", "[::1]:1"]] as const) {
    const { clock, state, session } = start({ host });
    state.isUp = false;
    await assertRejects(
      () => session.connect(),
      Error,
      `Cannot reach the tracker at ${shown}: connection refused`,
    );
    session[Symbol.dispose]();
    await clock.advance(10_000);
  }
});
