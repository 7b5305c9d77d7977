/**
 * Remote copy when things go wrong: a server that vanishes or lies, a full disk, and deaths of either side at
 * random moments, after each of which every name has its old bytes, or its new ones, or none.
 *
 * Moments come from a seed that every failure names; P2PNODE_SEED sets another one. With P2PNODE_SOAK=1
 * there are five times as many.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Connection } from "../protocol/connection.ts";
import { handshake } from "../protocol/handshake.ts";
import { seededRandom } from "../protocol/testing.ts";
import { KeyPair, verify } from "../node/content/identity.ts";
import { ScriptedSource } from "../node/copy/testing.ts";
import { systemClock } from "../node/platform/clock.ts";
import { tcpNetwork } from "../node/platform/network.ts";
import { pathsOf, startCopies } from "./copies.ts";
import type { TestCopies } from "./copies.ts";
import { CountingProxy } from "./counting_proxy.ts";
import { hashOfFile, randomBytes, randomFile, treeOf } from "./files.ts";
import { HOST } from "./swarm.ts";

const MIB = 1024 * 1024;
const DEATH_COUNT = Deno.env.get("P2PNODE_SOAK") === "1" ? 100 : 20;
const SEED = Number(Deno.env.get("P2PNODE_SEED") ?? 20_261_121);

Deno.test("a server that vanishes ends the client with a word, and the next run goes on", async () => {
  await using copies = await startCopies();
  await randomFile(copies.source("d"), 64 * MIB, 1);
  await using held = new CountingProxy(copies.port);
  held.downMax = 32 * MIB;
  const client = await copies.start([
    ...copies.fetchArguments("d", { port: held.port }),
    "--json",
  ]);
  await client.waitForEvent("progress", { fits: ({ bytes }) => (bytes as number) > 24 * MIB });
  copies.server!.signal("SIGKILL");
  await copies.server!.exit();
  held.cut();
  assertEquals(await client.exit(), 1);
  assertMatch(
    client.stderr.join("\n"),
    /^p2pnode: Cannot fetch d from [^\n]*run the same command again/,
  );
  assertEquals(await copies.fetched(), {});
  await copies.startServer();
  await using proxy = new CountingProxy(copies.port);
  assertEquals((await copies.fetch("d", [], { port: proxy.port })).code, 0);
  assertEquals(hashOfFile(copies.dest("d")), hashOfFile(copies.source("d")));
  assert(proxy.down < 48 * MIB, `${proxy.down} bytes came for the rest`);
});

Deno.test("what has come before Ctrl-C has its name, also in a folder that is new", async () => {
  await using copies = await startCopies();
  for (let i = 0; i < 300; i++) await copies.write(`d/${i}`, randomBytes(10_000, i + 1));
  // They come in three groups, and all of them would take ten seconds.
  const limited = [...copies.fetchArguments("d"), "--down-limit", "300KiB", "--json"];
  const client = await copies.start(limited);
  await client.waitForEvent("progress", { fits: ({ bytes }) => Number(bytes) > 0 });
  client.signal("SIGINT");
  assertEquals(await client.exit(), 1);
  const hereBefore = Object.keys(await copies.fetched()).length - 1;
  assert(hereBefore > 0 && hereBefore < 300, `${hereBefore} files`);
  const { code, counts } = await copies.fetch("d");
  assertEquals([code, counts.same, counts.fetched], [0, hereBefore, 300 - hereBefore]);
  await copies.assertSame("d");
});

Deno.test("Ctrl-C ends the client, which says that the next run goes on", async () => {
  await using copies = await startCopies();
  await randomFile(copies.source("d"), 64 * MIB, 1);
  const client = await copies.start([...copies.fetchArguments("d"), "--down-limit", "1MiB"]);
  await copies.server!.waitForLine(/copies d/);
  client.signal("SIGINT");
  assertEquals(await client.exit(), 1);
  assertMatch(client.stdout.join("\n"), /the same command goes on where this ended$/);
  assertEquals(client.stderr, []);
});

Deno.test("a file that is changed at the server while it is fetched is told, and all others arrive", async () => {
  await using copies = await startCopies();
  await copies.write("d/a-first", randomBytes(24 * MIB, 1));
  await copies.write("d/b-small", "b");
  await copies.write("d/c-last", randomBytes(24 * MIB, 3));
  const client = await copies.start([
    ...copies.fetchArguments("d"),
    "--json",
    "--down-limit",
    "8MiB",
  ]);
  // The first file is on its way then: what was listed and hashed is what comes, or nothing.
  await client.waitForEvent("progress", { fits: ({ bytes }) => (bytes as number) > 0 });
  for (const name of ["a-first", "c-last"]) {
    await Deno.writeTextFile(copies.source(`d/${name}`), "more", { append: true });
  }
  assertEquals(await client.exit(), 1);
  const failed = client.events.filter(({ event }) => event === "failed").map(({ path }) => path);
  assert(failed.length > 0);
  const here = await copies.fetched();
  for (const path of failed) assertEquals(here[path as string], undefined);
  assertEquals(Deno.readTextFileSync(copies.dest("d/b-small")), "b");
  assertEquals((await copies.fetch("d")).code, 0);
  await copies.assertSame("d");
  const left = await treeOf(copies.dest(".p2pnode"));
  assertEquals(Object.keys(left).filter((path) => path.startsWith("stage/")), []);
});

/** A source of the test's own, which lists what it is told to. */
class OwnSource implements AsyncDisposable {
  readonly #listener = tcpNetwork.listen({ host: HOST, port: 0 });
  readonly #source: ScriptedSource;
  readonly #running: Promise<void>;
  readonly port = this.#listener.address.port;

  constructor(source: ScriptedSource) {
    this.#source = source;
    this.#running = this.#serve();
  }

  async #serve(): Promise<void> {
    for await (const stream of this.#listener) {
      using connection = new Connection(stream);
      await handshake(connection, {
        identity: KeyPair.generate(),
        role: "source",
        agent: "test",
        expect: "copier",
        verify,
        nonce: crypto.getRandomValues(new Uint8Array(32)),
        clock: systemClock,
      });
      await connection.run(this.#source.receiver(connection));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#running;
  }
}

const LIES: Readonly<Record<string, (source: ScriptedSource) => ScriptedSource>> = {
  "a path that leads up": (source) => source.file("../x", "x"),
  "an absolute path": (source) => source.file("/tmp/p2pnode-test-x", "x"),
  "a link and a file through it": (source) => source.link("l", "d").file("l/x", "x"),
  "a file below a file": (source) => source.file("f", "f").file("f/x", "x"),
  "p2pnode's own folder": (source) => source.folder(".p2pnode").file(".p2pnode/known", "x"),
};

for (const [what, list] of Object.entries(LIES)) {
  Deno.test(`a server that sends ${what} is told off, and nothing is written outside`, async () => {
    await using copies = await startCopies();
    await using own = new OwnSource(list(new ScriptedSource({ pageSize: 1 })));
    const { code, stderr } = await copies.fetch(".", [], {
      port: own.port,
      out: copies.dest("in"),
    });
    assertEquals(code, 1);
    assertMatch(stderr, /^p2pnode: Cannot [^\n]+$/);
    assertEquals(
      Object.keys(await treeOf(copies.dest(), { without: [".p2pnode"] }))
        .filter((path) => !["in", "in/l", "in/f"].includes(path)),
      [],
    );
    assertEquals(
      Object.keys(await treeOf(copies.join())).filter((path) => !path.startsWith("dest")),
      ["source"],
    );
  });
}

Deno.test("links that lead out are not made, whatever the server says", async () => {
  await using copies = await startCopies();
  await using own = new OwnSource(
    new ScriptedSource().link("up", "../source").link("root", "/").link("fine", "d").folder("d"),
  );
  const result = await copies.fetch(".", [], { port: own.port });
  assertEquals([result.code, pathsOf(result, "skipped")], [0, ["root", "up"]]);
  assertEquals(Object.keys(await copies.fetched()), ["d", "fine"]);
});

const isRoot = Deno.build.os === "linux" && Deno.uid() === 0;

for (const [what, size] of [["one large file", 16 * MIB], ["many small files", 10_000]] as const) {
  Deno.test({
    name: `a full disk, for ${what}${isRoot ? "" : " (skipped: only root can mount)"}`,
    ignore: !isRoot,
    fn: async () => {
      await using copies = await startCopies();
      await copies.writeMany("d", { count: size > MIB ? 2 : 1_000, size });
      Deno.mkdirSync(copies.dest());
      await system("mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", copies.dest());
      try {
        const { code, stderr } = await copies.fetch("d");
        assertEquals(code, 1);
        assertMatch(stderr, /^p2pnode: Cannot [^\n]*the disk is full[^\n]*$/);
        await assertPartOf(copies);
        await system("mount", "-o", "remount,size=80m", copies.dest());
        assertEquals((await copies.fetch("d")).code, 0);
        await copies.assertSame("d");
      } finally {
        await system("umount", copies.dest());
      }
    },
  });
}

/** Requires that what is here is what is offered, as far as it is here. */
async function assertPartOf(copies: TestCopies): Promise<void> {
  const offered = await treeOf(copies.source());
  for (const [path, what] of Object.entries(await copies.fetched())) {
    assertEquals(what, offered[path], path);
  }
}

async function system(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args }).output();
  if (!success) throw new Error(`Cannot ${program}: ${new TextDecoder().decode(stderr)}`);
}

Deno.test(`${DEATH_COUNT} deaths of either side, and a run to the end (seed ${SEED})`, async () => {
  await using copies = await startCopies();
  const random = seededRandom(SEED);
  await copies.writeMany("d/small", { count: 400, size: 6_000 });
  await randomFile(copies.source("d/large"), 12 * MIB, 1);
  const expected = await treeOf(copies.source());
  const old = new Map<string, string>();
  const startAfresh = async (round: number) => {
    await Deno.rename(copies.dest(), copies.join(`old-${round}`)).catch(() => {});
    for (const path of ["d/large", "d/small/0/1"]) {
      Deno.mkdirSync(copies.dest("d/small/0"), { recursive: true });
      Deno.writeFileSync(copies.dest(path), randomBytes(path === "d/large" ? 3 * MIB : 6_000, 77));
      old.set(path, hashOfFile(copies.dest(path)));
    }
  };
  await startAfresh(0);
  let completeCount = 0;
  for (let round = 1; round <= DEATH_COUNT; round++) {
    const client = await copies.start([...copies.fetchArguments("d"), "--down-limit", "24MiB"]);
    await new Promise((resolve) => setTimeout(resolve, 50 + random() * 700));
    const isServer = random() < 0.3;
    (isServer ? copies.server! : client).signal("SIGKILL");
    if (isServer) await copies.server!.exit();
    const code = await client.exit();
    if (isServer) await copies.startServer();
    for (const [path, what] of Object.entries(await copies.fetched())) {
      const isOld = what === old.get(path);
      assert(isOld || what === expected[path], `${path} is neither old nor new in round ${round}`);
    }
    if (code !== 0) continue;
    completeCount++;
    await startAfresh(round);
  }
  assert(
    completeCount < DEATH_COUNT / 2,
    `${completeCount} runs came to their end before their death`,
  );
  assertEquals((await copies.fetch("d")).code, 0);
  await copies.assertSame("d");
  const left = Object.keys(await treeOf(copies.dest(".p2pnode")));
  assertEquals(left.filter((path) => !["known", "lock", "parts", "aside"].includes(path)), []);
});
