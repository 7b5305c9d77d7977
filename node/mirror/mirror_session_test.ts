import { assert, assertEquals } from "@std/assert";
import { ErrorCode } from "../../protocol/errors.ts";
import type { Message, MessageOf } from "../../protocol/messages.ts";
import type { Duplex } from "../../protocol/ports.ts";
import { Connection } from "../../protocol/connection.ts";
import { duplexPair, Script } from "../../protocol/testing.ts";
import { MemoryFiles } from "../../tests/sync_simulation/memory_files.ts";
import { MemoryFolder } from "../../tests/sync_simulation/memory_folder.ts";
import { MemoryStage } from "../../tests/sync_simulation/memory_stage.ts";
import { KeyPair, verify } from "../content/identity.ts";
import { MemoryKnown } from "../copy/testing.ts";
import { systemClock } from "../platform/clock.ts";
import type { MirrorContext } from "./context.ts";
import { FairWorkers } from "./fair_workers.ts";
import { MirrorSession } from "./mirror_session.ts";
import { Places } from "./places.ts";
import { SharedContents } from "./shared_contents.ts";
import { progressFromWire } from "./wire_progress.ts";

const ROOT = "/home/mirrors";
const SOURCE = { host: "10.0.0.5", port: 7200, path: "a/b", delayMs: 0 };
const WISHES = { remove: false, confirmed: false, watch: false };

/** A mirror server whose sources are all dead, or silent. */
function contextOf(connect: () => Promise<Duplex>): MirrorContext {
  const files = new MemoryFiles();
  files.makeFolder(ROOT);
  const folder = new MemoryFolder(files, ROOT);
  const stage = new MemoryStage(files, `${ROOT}/.p2pnode/stage`);
  const pathOf = (path: string) => folder.pathOf(path);
  return {
    network: { connect, listen: () => ({}) as never },
    clock: systemClock,
    identity: KeyPair.generate(),
    verify,
    nonce: () => crypto.getRandomValues(new Uint8Array(32)),
    agent: "test",
    space: { folder, temporaryPath: () => folder.temporaryPath() },
    shared: new SharedContents({ stage, known: new MemoryKnown(), pathOf }),
    workers: new FairWorkers({ workers: 2, queue: 4 }),
    places: new Places(),
    strict: false,
  };
}

/** A session and the script of its initiator. */
function start(connect: () => Promise<Duplex> = () => Promise.reject(new Error("refused"))) {
  const [here, there] = duplexPair();
  const connection = new Connection(here);
  const events: string[] = [];
  const session = new MirrorSession({
    connection,
    context: contextOf(connect),
    events: {
      taken: ({ number }) => events.push(`taken ${number}`),
      ended: ({ number, isBrokenOff }) => events.push(`ended ${number} ${isBrokenOff}`),
    },
    nextNumber: () => 5,
  });
  return { session, events, ended: session.run(), script: new Script(there) };
}

/** Reads answers until one that `fits`. */
async function readUntil(script: Script, fits: (message: Message) => boolean): Promise<Message[]> {
  const messages: Message[] = [];
  for (;;) {
    const frame = await script.next();
    if (frame === null) return messages;
    messages.push(frame.message);
    if (fits(frame.message)) return messages;
  }
}

function orderOf(...sources: MessageOf<"startMirror">["sources"]): MessageOf<"startMirror"> {
  return { type: "startMirror", sources, ...WISHES };
}

Deno.test("MirrorSession tells of each source to its end", async () => {
  const { events, ended, script } = start();
  await script.send(orderOf(SOURCE, { ...SOURCE, port: 7201 }), 9);
  let open = 2;
  const messages = await readUntil(script, (message) => {
    if (message.type === "mirrorProgress" && message.final) open--;
    return open === 0;
  });
  assertEquals(messages[0], { type: "mirrorStarted", order: 5 });
  const last = messages.filter((message) => message.type === "mirrorProgress").slice(-2)
    .map(progressFromWire);
  assertEquals(last.map(({ state }) => state), ["failed", "failed"]);
  assertEquals(
    last.map(({ reason }) => reason),
    [
      "Cannot mirror from 10.0.0.5:7200:a/b: refused",
      "Cannot mirror from 10.0.0.5:7201:a/b: refused",
    ],
  );
  script.stream.close();
  assertEquals(await ended, undefined);
  assertEquals(events, ["taken 5", "ended 5 false"]);
});

Deno.test("MirrorSession ends the order when the initiator goes", async () => {
  const [silent] = duplexPair();
  const { events, ended, script } = start(() => Promise.resolve(silent));
  await script.send({ ...orderOf(SOURCE), watch: true }, 9);
  await readUntil(script, (message) => message.type === "mirrorProgress");
  script.stream.close();
  await ended;
  assertEquals(events, ["taken 5", "ended 5 true"]);
});

Deno.test("MirrorSession refuses orders that cannot be carried out", async () => {
  const bad: [MessageOf<"startMirror">, string][] = [
    [orderOf(), "there is no source"],
    [orderOf({ ...SOURCE, path: "../x" }), 'it has the component ".."'],
    [orderOf({ ...SOURCE, path: "/etc" }), "it is absolute"],
    [orderOf({ ...SOURCE, host: "../../x" }), "cannot be the name of a folder"],
    [orderOf({ ...SOURCE, port: 0 }), "its port is 0"],
    [orderOf(SOURCE, { ...SOURCE, delayMs: 2 ** 32 - 1 }), "its delay is too long"],
  ];
  for (const [order, reason] of bad) {
    const { events, ended, script } = start();
    await script.send(order, 9);
    const { message, request } = (await script.next())!;
    const error = message as MessageOf<"error">;
    assert(error.reason.includes(reason), JSON.stringify(message));
    assertEquals([error.code, request, events], [ErrorCode.malformed, 9, []]);
    script.stream.close();
    await ended;
  }
});

Deno.test("MirrorSession ends with an initiator that does not keep to the rules", async () => {
  const [silent] = duplexPair();
  const { ended, script } = start(() => Promise.resolve(silent));
  await script.send({ ...orderOf(SOURCE), watch: true }, 9);
  await script.send(orderOf(SOURCE), 10);
  assertEquals((await ended)?.message, "Cannot mirror: an order was given already");
  const other = start();
  await other.script.send({ type: "listTree" }, 1);
  assertEquals((await other.ended)?.message, "Cannot take listTree: it makes no sense here");
});

Deno.test("MirrorSession lets go of who orders nothing, or has heard the end", async () => {
  const idle = start();
  for (let nowMs = 0; nowMs <= 10_000; nowMs += 500) idle.session.tick(nowMs);
  assertEquals((await idle.ended)?.message, "Cannot wait: nothing was ordered");

  const { session, events, ended, script } = start();
  await script.send(orderOf(SOURCE), 9);
  await readUntil(script, (message) => message.type === "mirrorProgress" && message.final);
  assertEquals(events, ["taken 5", "ended 5 false"]);
  for (let nowMs = 0; nowMs <= 10_000; nowMs += 500) session.tick(nowMs);
  assertEquals(await ended, undefined);
});
