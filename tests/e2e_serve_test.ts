/** The server of remote copy, and what it does with clients that come together, stop, vanish or attack. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { TestCopier } from "../node/copy/source/testing.ts";
import { tcpNetwork } from "../node/platform/network.ts";
import { startCopies } from "./copies.ts";
import type { TestCopies } from "./copies.ts";
import { randomBytes } from "./files.ts";
import { run } from "./harness.ts";
import { HOST } from "./swarm.ts";

const MIB = 1024 * 1024;
const KIB = 1024;
/** A connection that is silent is given up after 30 s, one that only reads nothing after 60 s. */
const DEADLINE_MS = 120_000;

/** A client whose requests the test makes, over a real socket. */
async function dial(copies: TestCopies, number: number): Promise<TestCopier> {
  return await TestCopier.greet(
    await tcpNetwork.connect({ host: HOST, port: copies.port }),
    number,
  );
}

/** Puts a link in place of a folder, and the folder back, again and again until the signal is aborted. */
async function swap(
  folder: string,
  { link, aside, signal }: { link: string; aside: string; signal: AbortSignal },
): Promise<void> {
  const pause = () => new Promise((resolve) => setTimeout(resolve, 1));
  while (!signal.aborted) {
    Deno.renameSync(folder, aside);
    Deno.renameSync(link, folder);
    await pause();
    Deno.renameSync(folder, link);
    Deno.renameSync(aside, folder);
    await pause();
  }
}

/** What is in the files below a folder, which may be missing. */
function textsBelow(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].flatMap(({ name, isFile, isDirectory }) => {
      const path = `${folder}/${name}`;
      if (isFile) return [Deno.readTextFileSync(path)];
      return isDirectory ? textsBelow(path) : [];
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

Deno.test("a queue of one file, eight workers and four clients: all get all", async () => {
  await using copies = await startCopies("-q", "1", "-s", "8", "-b", "16KiB");
  await copies.writeMany("dira", { count: 400, size: 3_000 });
  await copies.write("dira/large", randomBytes(9 * MIB, 1));
  const outs = [1, 2, 3, 4].map((number) => copies.join(`dest${number}`));
  const results = await Promise.all(outs.map((out) => copies.fetch("dira", [], { out })));
  assertEquals(results.map(({ code, counts }) => [code, counts.fetched]), Array(4).fill([0, 401]));
  for (const out of outs) await copies.assertSame("dira", out);
});

Deno.test("a client that reads nothing holds up nobody, and is let go", async () => {
  await using copies = await startCopies();
  await copies.write("dira/large", randomBytes(32 * MIB, 1));
  const stream = await tcpNetwork.connect({ host: HOST, port: copies.port });
  let isReading = true;
  using deaf = await TestCopier.greet({
    ...stream,
    remote: stream.remote,
    read: (into) => isReading ? stream.read(into) : new Promise(() => {}),
    write: (bytes) => stream.write(bytes),
    close: () => stream.close(),
  });
  const [, large] = await deaf.listAll();
  isReading = false;
  for (let index = 0; index < 8; index++) {
    const request = { type: "getBlock", id: large!.id, size: large!.size, index } as const;
    deaf.connection.ask(request, { answer: () => true, failed: () => {} });
  }
  const { code } = await copies.fetch("dira");
  assertEquals(code, 0);
  await copies.assertSame("dira");
  const wait = { timeoutMs: DEADLINE_MS };
  await copies.server!.waitForLine(/did not get all of .* \(Cannot (?:wait|go on): .*\)$/, wait);
  assertEquals((await copies.fetch("dira")).code, 0);
});

Deno.test("clients that are killed or hang up in the middle take nothing from the others", async () => {
  await using copies = await startCopies("--up-limit", "32MiB");
  await copies.write("dira/large", randomBytes(48 * MIB, 1));
  await copies.writeMany("dira", { count: 200, size: 2_000 });
  const killed = await copies.start(copies.fetchArguments("dira", { out: copies.join("killed") }));
  using hasty = await dial(copies, 1);
  await hasty.open("dira");
  const other = copies.fetch("dira");
  await copies.server!.waitForLine(/ copies dira: 201 files, /);
  hasty.connection.close();
  await new Promise((resolve) => setTimeout(resolve, 300));
  killed.signal("SIGKILL");
  assertEquals((await other).code, 0);
  await copies.assertSame("dira");
  const again = await copies.fetch("dira", [], { out: copies.join("killed") });
  assertEquals(again.code, 0);
  await copies.assertSame("dira", copies.join("killed"));
});

Deno.test("SIGINT in the middle ends the server cleanly, and its clients hear of it", async () => {
  // All of it would take longer than anybody waits for the end here.
  await using copies = await startCopies("--up-limit", "256KiB");
  await copies.write("dira/large", randomBytes(24 * MIB, 1));
  const client = await copies.start([...copies.fetchArguments("dira"), "--json"]);
  await client.waitForEvent("progress", { fits: ({ bytes }) => (bytes as number) > 0 });
  copies.server!.signal("SIGINT");
  assertEquals(await copies.server!.exit(), 0);
  const last = copies.server!.stdout.at(-1)!;
  assertMatch(last, /did not get all of dira: 0 files done, .* sent in .* \(.*the source stops\)$/);
  assertEquals(copies.server!.stderr, []);
  assertEquals(await client.exit(), 1);
  assertEquals(client.stderr.length, 1);
  await copies.startServer();
  assertEquals((await copies.fetch("dira")).code, 0);
  await copies.assertSame("dira");
});

Deno.test("the server says what it serves to whom, and how it ended", async () => {
  await using copies = await startCopies();
  await copies.write("dira/one", randomBytes(2 * KIB, 1));
  await copies.write("dira/two", randomBytes(3 * KIB, 2));
  await copies.fetch("dira");
  const client = String.raw`^127\.0\.0\.1:\d+`;
  await copies.server!.waitForLine(new RegExp(`${client} copies dira: 2 files, 5 KiB$`));
  const rate = String.raw`\d+\.\d\d s \(.*/s\)`;
  await copies.server!.waitForLine(
    new RegExp(`${client} has dira: 2 files done, 5 KiB sent in ${rate}$`),
  );
  const refused = await copies.fetch("../dira");
  assertEquals(refused.code, 1);
  assertMatch(
    refused.stderr,
    /^p2pnode: Cannot fetch \.\.\/dira from 127\.0\.0\.1:\d+: it leads out of what is served$/m,
  );
  copies.server!.signal("SIGTERM");
  assertEquals(await copies.server!.exit(), 0);
});

Deno.test("nothing outside gets out while folders turn into links and back", async () => {
  await using copies = await startCopies();
  const secret = "this must not get out";
  await copies.write("dirb/quiet", "beside");
  Deno.mkdirSync(copies.join("outside/sub"), { recursive: true });
  for (let i = 0; i < 50; i++) {
    await copies.write(`dira/sub/${i}`, `harmless ${i}`);
    Deno.writeTextFileSync(copies.join(`outside/sub/${i}`), secret);
    Deno.writeTextFileSync(copies.join(`outside/sub/secret ${i}`), secret);
  }
  Deno.symlinkSync(copies.join("outside"), copies.join("link"));
  const [folder, link, aside] = [copies.source("dira"), copies.join("link"), copies.join("aside")];
  const stopping = new AbortController();
  const swapping = swap(folder, { link, aside, signal: stopping.signal });
  const texts = new Set<string>();
  try {
    for (let round = 0; round < 10; round++) {
      const out = copies.join(`dest${round}`);
      const { events } = await copies.fetch(round % 2 === 0 ? "." : "dira", [], { out });
      assert(!JSON.stringify(events).includes("secret"), "a name got out");
      for (const text of textsBelow(out)) texts.add(text);
    }
  } finally {
    stopping.abort();
    await swapping;
  }
  assert(texts.has("beside"), "what is beside it was not fetched");
  assert(!texts.has(secret), "a file got out");
  assertEquals((await copies.fetch("dira")).counts.fetched, 50);
});

Deno.test("--up-limit bounds what all clients get together", async () => {
  await using copies = await startCopies("--up-limit", "2MiB");
  await copies.write("dira/one", randomBytes(2 * MIB, 1));
  const start = performance.now();
  const outs = [copies.join("a"), copies.join("b")];
  const results = await Promise.all(outs.map((out) => copies.fetch("dira", [], { out })));
  assertEquals(results.map(({ code }) => code), [0, 0]);
  const seconds = (performance.now() - start) / 1000;
  assert(seconds > 1.5, `4 MiB took ${seconds} s`);
});

Deno.test("serve says what is wrong with how it is called", async () => {
  const cases: Record<string, [string[], number, RegExp]> = {
    "missing folder": [
      ["-d", "./does-not-exist"],
      1,
      /Cannot serve \.\/does-not-exist: there is no/,
    ],
    "queue": [["-q", "0"], 2, /--queue must be from 1 to 65536/],
    "block": [["-b", "1"], 2, /--block must be from 16 KiB to 1 MiB/],
    "workers": [["-s", "0"], 2, /--workers must be from 1 to 64/],
  };
  for (const [what, [flags, code, message]] of Object.entries(cases)) {
    const result = await run(["serve", "-p", "0", ...flags]);
    assertEquals(result.code, code, what);
    assertMatch(result.stderr, message);
  }
});
