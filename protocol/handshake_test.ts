import { assert, assertEquals, assertRejects } from "@std/assert";
import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { toHex } from "./bytes.ts";
import { Connection } from "./connection.ts";
import { ErrorCode, ProtocolError, RemoteError } from "./errors.ts";
import { handshake, type HandshakeOptions } from "./handshake.ts";
import type { Message, MessageOf } from "./messages.ts";
import type { Clock, Identity, VerifySignature } from "./ports.ts";
import { concat, type DuplexOptions, duplexPair, seededRandom, settled } from "./testing.ts";

/** What stands before the raw key in PKCS #8 and in SubjectPublicKeyInfo (RFC 8410). */
const PRIVATE_PREFIX = "302e020100300506032b657004220420";
const PUBLIC_PREFIX = "302a300506032b6570032100";

function identityOf(seed: number): Identity {
  const key = createPrivateKey({
    // deno-lint-ignore no-explicit-any -- the types ask for a Buffer where any bytes will do
    key: Uint8Array.fromHex(PRIVATE_PREFIX + toHex(new Uint8Array(32).fill(seed))) as any,
    format: "der",
    type: "pkcs8",
  });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return {
    nodeId: new Uint8Array(spki.subarray(-32)),
    sign: (message) => new Uint8Array(sign(null, message, key)),
  };
}

const verifySignature: VerifySignature = (nodeId, message, signature) => {
  const key = createPublicKey({
    // deno-lint-ignore no-explicit-any -- the types ask for a Buffer where any bytes will do
    key: Uint8Array.fromHex(PUBLIC_PREFIX + toHex(nodeId)) as any,
    format: "der",
    type: "spki",
  });
  return verify(null, message, key, signature);
};

/** Never wakes anybody who sleeps, unless it is told to. */
class StillClock implements Clock {
  readonly #sleeping = new Set<() => void>();
  readonly asleepMs: number[] = [];

  now(): number {
    return 0;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#sleeping.delete(wake);
        resolve();
      };
      this.asleepMs.push(ms);
      this.#sleeping.add(wake);
      signal?.addEventListener("abort", wake);
    });
  }

  get sleeping(): number {
    return this.#sleeping.size;
  }

  wakeAll(): void {
    for (const wake of [...this.#sleeping]) wake();
  }
}

const alice = identityOf(1);
const bob = identityOf(2);
const mallory = identityOf(3);

let nonces = 0;
function optionsOf(identity: Identity, more: Partial<HandshakeOptions> = {}): HandshakeOptions {
  return {
    identity,
    role: "peer",
    expect: "peer",
    agent: "p2pnode test",
    verify: verifySignature,
    nonce: new Uint8Array(32).fill(++nonces),
    clock: new StillClock(),
    ...more,
  };
}

/** Two connections to each other. */
function connect(options: DuplexOptions = {}): [Connection, Connection] {
  const [a, b] = duplexPair(options);
  return [new Connection(a), new Connection(b)];
}

/** What a side signs, spelled out once more: docs/protocol.md promises it to other implementations. */
function transcriptOf(
  signer: MessageOf<"hello">,
  verifier: MessageOf<"hello">,
  domain = "p2pnode hello v1\0",
): Uint8Array {
  const text = (value: string) => new TextEncoder().encode(value);
  return concat([
    text(domain),
    text(`${signer.role}\0`),
    signer.nodeId,
    verifier.nodeId,
    verifier.nonce,
    signer.nonce,
  ]);
}

function helloOf(identity: Identity, more: Partial<MessageOf<"hello">> = {}): MessageOf<"hello"> {
  const nonce = new Uint8Array(32).fill(0xee);
  return { type: "hello", role: "peer", nodeId: identity.nodeId, nonce, agent: "", ...more };
}

async function expectHello(connection: Connection): Promise<MessageOf<"hello">> {
  const message = await connection.receive();
  assertEquals(message.type, "hello");
  return message as MessageOf<"hello">;
}

/** Bob greets whoever plays the other side; the other side answers with `proof` of the two hellos. */
async function bobMeets(
  hello: MessageOf<"hello">,
  proofOf: (theirs: MessageOf<"hello">) => Message,
): Promise<unknown> {
  const [bobs, others] = connect();
  const greeting = handshake(bobs, optionsOf(bob));
  const outcome = greeting.catch((error) => error);
  const theirs = await expectHello(others);
  others.send(hello);
  others.send(proofOf(theirs));
  return await outcome;
}

function assertRefused(outcome: unknown, code: ErrorCode): void {
  if (!(outcome instanceof ProtocolError)) {
    throw new Error("Expected a ProtocolError", { cause: outcome });
  }
  assertEquals(outcome.code, code);
}

Deno.test("handshake() tells both sides who the other is", async () => {
  const [a, b] = connect();
  const [seenByTracker, seenByPeer] = await Promise.all([
    handshake(a, optionsOf(alice, { role: "tracker", expect: "peer", agent: "the tracker" })),
    handshake(b, optionsOf(bob, { role: "peer", expect: "tracker", agent: "the peer" })),
  ]);
  assertEquals(seenByTracker, { nodeId: bob.nodeId, role: "peer", agent: "the peer" });
  assertEquals(seenByPeer, { nodeId: alice.nodeId, role: "tracker", agent: "the tracker" });
  assertEquals([a.isClosed, b.isClosed], [false, false]);
});

Deno.test("handshake() works in whatever slices its bytes arrive", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const [a, b] = connect({ random: seededRandom(seed), capacity: 50 });
    await Promise.all([handshake(a, optionsOf(alice)), handshake(b, optionsOf(bob))]);
  }
});

Deno.test("handshake() leaves what follows it for run()", async () => {
  const [a, b] = connect();
  await Promise.all([handshake(a, optionsOf(alice)), handshake(b, optionsOf(bob))]);
  void a.run(() => {});
  void b.run(() => {});
  await a.request({ type: "ping" }, "ok");
});

Deno.test("handshake() signs the documented transcript", async () => {
  const hello = helloOf(mallory);
  const outcome = await bobMeets(hello, (theirs) => ({
    type: "proof",
    signature: mallory.sign(transcriptOf(hello, theirs)),
  }));
  assertEquals((outcome as { nodeId: Uint8Array }).nodeId, mallory.nodeId);
});

Deno.test("handshake() refuses a side of the wrong role, and says so to it", async () => {
  const [a, b] = connect();
  const outcomes = await Promise.allSettled([
    handshake(a, optionsOf(alice, { role: "peer", expect: "tracker" })),
    handshake(b, optionsOf(bob, { role: "peer", expect: "peer" })),
  ]);
  const [refused, told] = outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason);
  assertRefused(refused, ErrorCode.unexpected);
  assertEquals(refused.message, "this is a peer, not a tracker");
  assert(told instanceof RemoteError);
  assertEquals(told.message, refused.message);
  assertEquals([a.isClosed, b.isClosed], [true, true]);
  const [c, d] = connect();
  const initiator = handshake(c, optionsOf(alice, { role: "initiator", expect: "mirror" }));
  const wrong = handshake(d, optionsOf(bob, { role: "tracker", expect: "peer" }));
  const [, reason] = await Promise.allSettled([initiator, wrong]);
  assertEquals(
    (reason as PromiseRejectedResult).reason.message,
    "this is an initiator, not a peer",
  );
});

Deno.test("handshake() refuses the node itself", async () => {
  const [a, b] = connect();
  const other = handshake(b, optionsOf(alice)).catch(() => {});
  const error = await assertRejects(() => handshake(a, optionsOf(alice)), ProtocolError);
  assertEquals(error.message, "this is the node itself");
  await other;
});

Deno.test("handshake() refuses a proof by another key than the one in the hello", async () => {
  const hello = helloOf(alice);
  const outcome = await bobMeets(hello, (theirs) => ({
    type: "proof",
    signature: mallory.sign(transcriptOf(hello, theirs)),
  }));
  assertRefused(outcome, ErrorCode.signature);
});

Deno.test("handshake() refuses a proof with one bit changed, wherever it is", async () => {
  const hello = helloOf(mallory);
  for (let bit = 0; bit < 512; bit += 37) {
    const outcome = await bobMeets(hello, (theirs) => {
      const signature = mallory.sign(transcriptOf(hello, theirs));
      signature[bit >> 3]! ^= 1 << (bit & 7);
      return { type: "proof", signature };
    });
    assertRefused(outcome, ErrorCode.signature);
  }
});

Deno.test("handshake() refuses a proof over anything but the whole transcript", async () => {
  const hello = helloOf(mallory);
  const lies: ((theirs: MessageOf<"hello">) => Uint8Array)[] = [
    (theirs) => transcriptOf(hello, theirs, "p2pnode hello v2\0"),
    (theirs) => transcriptOf(hello, theirs, ""),
    (theirs) => transcriptOf({ ...hello, role: "tracker" }, theirs),
    (theirs) => transcriptOf(hello, { ...theirs, nonce: new Uint8Array(32) }),
    (theirs) => transcriptOf(hello, { ...theirs, nodeId: alice.nodeId }),
    (theirs) => transcriptOf({ ...hello, nonce: new Uint8Array(32) }, theirs),
    (theirs) => transcriptOf(theirs, hello),
  ];
  for (const lie of lies) {
    const outcome = await bobMeets(hello, (theirs) => ({
      type: "proof",
      signature: mallory.sign(lie(theirs)),
    }));
    assertRefused(outcome, ErrorCode.signature);
  }
});

Deno.test("handshake() refuses a hello and a proof that were heard on another connection", async () => {
  // Mallory listens while Alice meets Bob, and plays the same to Bob again.
  const hello = helloOf(alice);
  let heard: Uint8Array | undefined;
  const first = await bobMeets(hello, (theirs) => {
    heard = alice.sign(transcriptOf(hello, theirs));
    return { type: "proof", signature: heard };
  });
  assertEquals((first as { nodeId: Uint8Array }).nodeId, alice.nodeId);
  const second = await bobMeets(hello, () => ({ type: "proof", signature: heard! }));
  assertRefused(second, ErrorCode.signature);
});

Deno.test("handshake() refuses a proof that was made for somebody else", async () => {
  // Alice meets Mallory, as Mallory. Mallory hands Alice's words on to Bob, as Alice.
  const [alices, mallorysToAlice] = connect();
  const aliceOutcome = handshake(alices, optionsOf(alice)).catch(() => {});
  const aliceHello = await expectHello(mallorysToAlice);

  const [bobs, mallorysToBob] = connect();
  const bobOutcome = handshake(bobs, optionsOf(bob)).catch((error) => error);
  const bobHello = await expectHello(mallorysToBob);

  mallorysToAlice.send(helloOf(mallory, { nonce: bobHello.nonce }));
  mallorysToBob.send(aliceHello);
  mallorysToBob.send(await mallorysToAlice.receive());
  assertRefused(await bobOutcome, ErrorCode.signature);
  mallorysToAlice.close();
  await aliceOutcome;
});

Deno.test("handshake() refuses its own words sent back", async () => {
  const [bobs, others] = connect();
  const outcome = handshake(bobs, optionsOf(bob)).catch((error) => error);
  others.send(await expectHello(others));
  assertRefused(await outcome, ErrorCode.unexpected);
});

Deno.test("handshake() refuses any message in the place of hello or proof", async () => {
  for (const message of [{ type: "proof", signature: new Uint8Array(64) }, { type: "leave" }]) {
    const [bobs, others] = connect();
    const outcome = handshake(bobs, optionsOf(bob)).catch((error) => error);
    others.send(message as Message);
    assertRefused(await outcome, ErrorCode.unexpected);
  }
  assertRefused(await bobMeets(helloOf(mallory), () => helloOf(mallory)), ErrorCode.unexpected);
});

Deno.test("handshake() gives up a side that says nothing", async () => {
  const clock = new StillClock();
  const [bobs, others] = connect();
  const outcome = handshake(bobs, optionsOf(bob, { clock })).catch((error) => error);
  await expectHello(others);
  assertEquals(clock.asleepMs, [10_000]);
  clock.wakeAll();
  assertRefused(await outcome, ErrorCode.timeout);
  assertEquals((await outcome as Error).message, "Cannot connect: no greeting came");
  assert(bobs.isClosed);
});

Deno.test("handshake() gives up a side that stops after its hello", async () => {
  const clock = new StillClock();
  const [bobs, others] = connect();
  const outcome = handshake(bobs, optionsOf(bob, { clock })).catch((error) => error);
  others.send(helloOf(mallory));
  await settled();
  clock.wakeAll();
  assertRefused(await outcome, ErrorCode.timeout);
});

Deno.test("handshake() stops its clock when it is over", async () => {
  const clock = new StillClock();
  const [a, b] = connect();
  await Promise.all([handshake(a, optionsOf(alice, { clock })), handshake(b, optionsOf(bob))]);
  assertEquals(clock.sleeping, 0);
  clock.wakeAll();
  await settled();
  assertEquals(a.isClosed, false);
});

Deno.test("handshake() says so when the other side hangs up or refuses", async () => {
  const [bobs, others] = connect();
  const outcome = handshake(bobs, optionsOf(bob)).catch((error) => error);
  await expectHello(others);
  others.close();
  assertEquals((await outcome).message, "the other side closed the connection");

  const [again, refusing] = connect();
  const refusal = handshake(again, optionsOf(bob)).catch((error) => error);
  refusing.refuse(0, ErrorCode.busy, "come back later");
  assert(await refusal instanceof RemoteError);
  assertEquals((await refusal).message, "come back later");
});
