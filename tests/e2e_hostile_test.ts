/**
 * Peers and trackers that do not play by the rules, end to end: they are caught and named, what they send is
 * never written, and honest peers make up for them.
 */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { isThere } from "../node/platform/file_state.ts";
import { hashOfFile, randomBytes, treeOf } from "./files.ts";
import { run, type RunningProcess } from "./harness.ts";
import { described, type Misbehaviour, type OfferedFile } from "./hostile.ts";
import { OwnPeer, OwnTracker, publish } from "./hostile.ts";
import { ErrorCode } from "../protocol/errors.ts";
import type { Message } from "../protocol/messages.ts";
import { HOST, MIB, startSwarm, type TestSwarm } from "./swarm.ts";

const LARGE = 8 * MIB;
const SMALL = 1000;

/** A copy with one wrong bit in each 16 KiB. */
function flipped({ manifest, bytes }: OfferedFile): OfferedFile {
  const wrong = bytes.slice();
  for (let at = 5; at < wrong.length; at += 16 * 1024) wrong[at]! ^= 1;
  return { manifest, bytes: wrong };
}

/** The same bytes under signatures that are not the publisher's. */
function wronglySigned({ manifest, bytes }: OfferedFile): OfferedFile {
  const signatures = manifest.signatures.slice();
  for (let at = 3; at < signatures.length; at += 64) signatures[at]! ^= 1;
  return { manifest: { ...manifest, signatures }, bytes };
}

/** Starts a peer on a file, which sends at most `limit` bytes a second. */
async function seed(swarm: TestSwarm, { manifest, bytes }: OfferedFile, ...flags: string[]) {
  await Deno.writeFile(swarm.join("seeder", manifest.name), bytes);
  return await swarm.startPeer("seeder", ...flags);
}

/** Waits for the line that names a liar and says what it did. */
async function refusal(get: RunningProcess, liar: OwnPeer, reason: RegExp): Promise<void> {
  const { host, port } = liar.address;
  const [, label, where, told] = await get.waitForLine(
    /^p2pnode: refused peer (\S+) \((.*?)\): (.*)$/,
  );
  assertEquals([label, where], [liar.label, `${host}:${port}`]);
  assertMatch(told!, reason);
}

async function assertFetched(swarm: TestSwarm, { manifest }: OfferedFile): Promise<void> {
  const { name } = manifest;
  const seeded = hashOfFile(swarm.join("seeder", name));
  assertEquals(await treeOf(swarm.join("out")), { [name]: seeded });
}

Deno.test("a peer that serves flipped bits is named, and its blocks are never written", async () => {
  await using swarm = await startSwarm();
  const file = publish("a.bin", randomBytes(LARGE, 1));
  // Slow enough that the liar is asked for blocks, too.
  await seed(swarm, file, "--up-limit", "2MiB");
  await using liar = new OwnPeer([flipped(file)]);
  await liar.join(swarm.port);
  await swarm.listUntil(({ files }) => files[0]?.seeders === 2);
  const get = await swarm.startGet(["a.bin"], "out");
  await refusal(get, liar, /^sent block \d+ of a\.bin with a wrong hash$/);
  const done = await get.waitForEvent("done");
  assertEquals(await get.exit(), 0);
  assert(Number(done.bad_blocks) >= 1);
  assertEquals(done.peers, 1);
  await assertFetched(swarm, file);
  assertEquals(get.stderr.length, 1);
});

/** What a peer sends in place of a file, and what the log says about it. */
const LIES: [string, number, (file: OfferedFile) => OfferedFile, RegExp][] = [
  [
    "valid bytes under wrong signatures, of a large file",
    LARGE,
    wronglySigned,
    /^sent a manifest with a wrong signature$/,
  ],
  [
    "valid bytes under a wrong signature, of a small file",
    SMALL,
    wronglySigned,
    /^sent a\.bin with a wrong signature$/,
  ],
  ["flipped bits of a small file", SMALL, flipped, /^sent a\.bin with a wrong hash$/],
  [
    "a small file that is cut off",
    SMALL,
    ({ manifest, bytes }) => ({ manifest, bytes: bytes.subarray(1) }),
    /^sent a\.bin with a wrong size$/,
  ],
  [
    "a manifest whose hashes belong to another file",
    LARGE,
    ({ manifest, bytes }) => {
      const { hashes } = publish("a.bin", randomBytes(LARGE, 2)).manifest;
      return { manifest: { ...manifest, hashes }, bytes };
    },
    /^sent a false manifest: .*hashes do not belong to the file/,
  ],
  [
    "a manifest with a name that leads out of the folder",
    LARGE,
    ({ manifest, bytes }) => ({ manifest: { ...manifest, name: "../a.bin" }, bytes }),
    /^sent a false manifest: .*"\.\."/,
  ],
  [
    "a manifest with blocks of an impossible size",
    LARGE,
    ({ manifest, bytes }) => ({ manifest: { ...manifest, blockSize: 12_345 }, bytes }),
    /^sent a manifest with blocks of 12345 bytes$/,
  ],
];

for (const [what, size, lie, reason] of LIES) {
  Deno.test(`a peer that sends ${what} is named, and an honest one that joins later is used`, async () => {
    await using swarm = await startSwarm();
    const file = publish("a.bin", randomBytes(size, 1));
    await using liar = new OwnPeer([lie(file)]);
    await liar.join(swarm.port, [described(file)]);
    const get = await swarm.startGet(["a.bin"], "out");
    await refusal(get, liar, reason);
    assertEquals(await treeOf(swarm.join("out"), { without: [".p2pnode"] }), {});
    await seed(swarm, file);
    await get.waitForEvent("done");
    assertEquals(await get.exit(), 0);
    await assertFetched(swarm, file);
  });
}

/** How a peer treats requests for blocks. None of this proves that it lies, so it is not named. */
const RUDENESS: [string, Misbehaviour][] = [
  ["never answers", () => true],
  ["hangs up", (_, { connection }) => {
    connection.close();
    return true;
  }],
  ["says that it does not have the block after all", (_, { connection, request }) => {
    connection.refuse(request, ErrorCode.absent, "not here");
    return true;
  }],
  ["sends more than was asked for", (_, { connection, request }) => {
    for (let offset = 0; offset < 2 * MIB; offset += MIB / 4) {
      const chunk = new Uint8Array(MIB / 4);
      void connection.sendChunk({ type: "blockData", offset }, request, chunk).catch(() => {});
    }
    return true;
  }],
  ["sends the end of a block without its beginning", (_, { connection, request }) => {
    const chunk = new Uint8Array(1000);
    const message = { type: "blockData", offset: MIB / 4 - 1000 } as const;
    void connection.sendChunk(message, request, chunk).catch(() => {});
    return true;
  }],
  ["answers with a message that makes no sense", (_, { connection, request }) => {
    connection.send({ type: "opened", have: new Uint8Array(0) }, request);
    return true;
  }],
  ["stops in the middle of a block", (_, { connection, request }) => {
    const chunk = new Uint8Array(1000);
    const message = { type: "blockData", offset: 0 } as const;
    void connection.sendChunk(message, request, chunk).catch(() => {});
    return true;
  }],
];

for (const [what, misbehave] of RUDENESS) {
  Deno.test(`a peer that ${what} loses its requests to another one`, async () => {
    await using swarm = await startSwarm();
    const file = publish("a.bin", randomBytes(LARGE, 1));
    await seed(swarm, file, "--up-limit", "2MiB");
    await using rude = new OwnPeer(
      [file],
      (message, answer) => message.type === "getBlock" && misbehave(message, answer),
    );
    await rude.join(swarm.port);
    await swarm.listUntil(({ files }) => files[0]?.seeders === 2);
    const get = await swarm.startGet(["a.bin"], "out");
    assertEquals(await get.exit(), 0);
    assert(rude.asked.some(({ type }) => type === "getBlock"));
    await assertFetched(swarm, file);
  });
}

Deno.test("a peer that asks for nonsense is served no worse than a closed connection", async () => {
  await using swarm = await startSwarm();
  const file = publish("a.bin", randomBytes(LARGE, 1));
  const seeder = await seed(swarm, file);
  await using rude = new OwnPeer([]);
  const { id, size } = file.manifest;
  const port = await seeder.port();
  const ask = async (message: Message) => {
    const connection = await rude.dial(port, "peer");
    const answer = connection.request(message, "ok");
    await assertRejects(() => answer, Error);
  };
  await ask({ type: "getBlock", id, size, index: 0xffff_ffff });
  await ask({ type: "getBlock", id: new Uint8Array(32), size, index: 0 });
  await ask({ type: "open", id, size: size + 1 });
  await ask({ type: "listNodes", after: 0 });
  await ask({ type: "terminated" });
  await ask({ type: "announce", port: 1, first: true, last: true, files: [] });
  assertEquals((await swarm.get(["a.bin"], "out")).code, 0);
  await assertFetched(swarm, file);
});

/** Names that would do harm, each in its own way. */
const BAD_NAMES = [
  "../outside.bin",
  "sub/../../outside.bin",
  "..",
  "/tmp/p2pnode-outside.bin",
  ".p2pnode/key",
  "sub/.P2PNODE/key",
  "./a.bin",
  "a//b.bin",
  "a/",
  "",
  "back\\slash.bin",
  "line\nbreak.bin",
  "nul\0.bin",
  "escape\x1b[2J.bin",
  `${"long".repeat(64)}.bin`,
];

Deno.test("a tracker refuses files under names that lead out of a folder", async () => {
  await using swarm = await startSwarm();
  const file = publish("a.bin", randomBytes(SMALL, 1));
  for (const name of BAD_NAMES) {
    await using peer = new OwnPeer([file]);
    const description = { ...described(file), name };
    await assertRejects(() => peer.join(swarm.port, [description]), Error, "Cannot use the name");
  }
  assertEquals((await swarm.list()).files, []);
  assertEquals((await run(["ls", HOST, String(swarm.port)])).code, 0);
});

for (const size of [SMALL, LARGE]) {
  Deno.test(`a tracker that lists ${size} bytes under such names makes get write nothing`, async () => {
    await using swarm = await startSwarm();
    const file = publish("a.bin", randomBytes(size, 1));
    await using peer = new OwnPeer([file]);
    const { have: _, ...description } = described(file);
    const counts = { seeders: 1, leechers: 0 };
    await using tracker = new OwnTracker(
      BAD_NAMES.map((name) => ({ ...description, ...counts, name })),
      peer,
    );
    const get = (...args: string[]) => {
      const where = ["get", HOST, String(tracker.address.port)];
      return run([...where, "--out", swarm.join("deep/down/out"), "--host", HOST, ...args]);
    };
    const all = await get("--all");
    assertEquals([all.code, all.stdout], [1, ""]);
    for (const line of all.stderr.split("\n")) {
      assertMatch(line, /^p2pnode: Cannot get \P{Cc}*$/u);
    }
    assertEquals(all.stderr.split("\n").length, BAD_NAMES.length);
    for (const name of BAD_NAMES.filter((name) => name !== "" && !name.includes("\0"))) {
      const { code, stdout, stderr } = await get("--", name);
      assertEquals([code, stdout], [1, ""]);
      assertMatch(stderr, /^p2pnode: Cannot get \P{Cc}*$/u);
    }
    // The folder that was made for it is gone, too.
    assertEquals(await treeOf(swarm.join(".")), { deep: "folder", "deep/down": "folder" });
    assertEquals(peer.asked, []);
  });
}

Deno.test("ls shows no control characters, whatever a tracker lists", async () => {
  const file = publish("a.bin", randomBytes(SMALL, 1));
  await using peer = new OwnPeer([file]);
  const { have: _, ...description } = described(file);
  const names = ["escape\x1b[2J\x9b31m.bin", "line\nbreak.bin", "\u202egnp.exe"];
  const files = names.map((name) => ({ ...description, name, seeders: 1, leechers: 0 }));
  await using tracker = new OwnTracker(files, peer);
  const { code, stdout } = await run(["ls", HOST, String(tracker.address.port)]);
  assertEquals(code, 0);
  assertEquals(stdout.split("\n").length, 1 + names.length + 2);
  for (const line of stdout.split("\n")) assertMatch(line, /^[^\p{Cc}\u202e]*$/u);
});

Deno.test("a tracker whose list does not end keeps nobody listening", async () => {
  const file = publish("a.bin", randomBytes(SMALL, 1));
  await using peer = new OwnPeer([file]);
  const { have: _, ...description } = described(file);
  const files = [{ ...description, seeders: 1, leechers: 0 }];
  await using tracker = new OwnTracker(files, peer, { next: 1 });
  const { code, stdout, stderr } = await run(["ls", HOST, String(tracker.address.port)]);
  assertEquals([code, stdout], [1, ""]);
  assertEquals(stderr, "p2pnode: Cannot list: the tracker's list does not end");
});

Deno.test("a tracker does not decide what get writes when a name or an id was asked for", async () => {
  await using swarm = await startSwarm();
  const file = publish(".profile", randomBytes(SMALL, 1));
  await using peer = new OwnPeer([file]);
  const { have: _, ...description } = described(file);
  await using tracker = new OwnTracker([{ ...description, seeders: 1, leechers: 0 }], peer);
  for (const wanted of ["a.bin", "0123456789abcdef"]) {
    const where = ["get", HOST, String(tracker.address.port), wanted, "--out", swarm.join("out")];
    const { code, stderr } = await run([...where, "--host", HOST]);
    assertEquals(code, 1);
    assertMatch(stderr, /^p2pnode: Cannot get [^\n]*: nobody has it/);
  }
  assertEquals(isThere(swarm.join("out")), false);
});

for (const size of [SMALL, LARGE]) {
  Deno.test(`a symbolic link out of the folder is no way for a file of ${size} bytes`, async () => {
    await using swarm = await startSwarm();
    await swarm.write("seeder/link/a.bin", { size });
    await swarm.startPeer("seeder");
    await swarm.listUntil(({ files }) => files.length === 1);
    await Deno.mkdir(swarm.join("outside"));
    await Deno.symlink(swarm.join("outside"), swarm.join("out", "link"));
    for (const force of [[], ["--force"]]) {
      const { code, stderr } = await swarm.get(["link/a.bin", ...force], "out");
      assertEquals(code, 1);
      assertMatch(stderr, /^p2pnode: Cannot get link\/a\.bin: [^\n]*$/);
    }
    assertEquals(await treeOf(swarm.join("outside")), {});
  });
}
