/**
 * The first two messages of every connection, both ways: `hello`, then `proof`.
 *
 * Each side names itself by its Ed25519 key and hands the other a fresh nonce to sign. The signature covers
 * both keys, both nonces and the signer's role, so it cannot be replayed on another connection nor turned
 * back on its maker. It gives a misbehaving node a name. It does not encrypt the connection, nor bind the
 * bytes after it: those are protected by their own hashes and signatures.
 */

import type { Connection } from "./connection.ts";
import { unexpected } from "./connection.ts";
import { sameBytes } from "./bytes.ts";
import { ErrorCode, ProtocolError } from "./errors.ts";
import type { MessageOf } from "./messages.ts";
import type { Clock, Identity, VerifySignature } from "./ports.ts";

/** What a side of a connection is: it decides which messages make sense there. */
export type Role = MessageOf<"hello">["role"];

const DOMAIN = new TextEncoder().encode("p2pnode hello v1\0");
/** Both messages of the other side must be here by then. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;

/** Who is on the other side of a connection, proved. */
export interface RemoteNode {
  readonly nodeId: Uint8Array;
  readonly role: Role;
  /** Program and version, as it says itself. */
  readonly agent: string;
}

/** Who this side is, and whom it expects. */
export interface HandshakeOptions {
  readonly identity: Identity;
  readonly role: Role;
  readonly agent: string;
  /** The role that the other side must have. */
  readonly expect: Role;
  readonly verify: VerifySignature;
  /** 32 bytes that were never used before. */
  readonly nonce: Uint8Array;
  readonly clock: Clock;
}

/**
 * Introduces both sides to each other. Throws a `ProtocolError` when the other side breaks a rule, is of
 * the wrong role or is this very node; the connection is closed then.
 */
export async function handshake(
  connection: Connection,
  options: HandshakeOptions,
): Promise<RemoteNode> {
  const timer = new AbortController();
  let late: ProtocolError | undefined;
  options.clock.sleep(HANDSHAKE_TIMEOUT_MS, timer.signal).then(() => {
    if (timer.signal.aborted) return;
    late = new ProtocolError(ErrorCode.timeout, "Cannot connect: no greeting came");
    connection.close(late);
  });
  try {
    return await introduce(connection, options);
  } catch (reason) {
    connection.close(reason instanceof Error ? reason : undefined);
    // The end of the stream that follows from being late is not what went wrong.
    throw late ?? reason;
  } finally {
    timer.abort();
  }
}

async function introduce(connection: Connection, options: HandshakeOptions): Promise<RemoteNode> {
  const { identity, role, agent, nonce, verify } = options;
  const mine = { role, nodeId: identity.nodeId, nonce, agent };
  connection.send({ type: "hello", ...mine });
  const theirs = await connection.receive();
  if (theirs.type !== "hello") throw unexpected(theirs);
  checkHello(theirs, options);
  connection.send({ type: "proof", signature: identity.sign(transcript(mine, theirs)) });
  const proof = await connection.receive();
  if (proof.type !== "proof") throw unexpected(proof);
  if (!verify(theirs.nodeId, transcript(theirs, mine), proof.signature)) {
    throw new ProtocolError(
      ErrorCode.signature,
      "Cannot trust the other side: its proof does not match its node id",
    );
  }
  return { nodeId: theirs.nodeId, role: theirs.role, agent: theirs.agent };
}

function checkHello(theirs: MessageOf<"hello">, { identity, expect }: HandshakeOptions): void {
  if (theirs.role !== expect) {
    throw new ProtocolError(
      ErrorCode.unexpected,
      `this is ${withArticle(theirs.role)}, not ${withArticle(expect)}`,
    );
  }
  if (sameBytes(theirs.nodeId, identity.nodeId)) {
    throw new ProtocolError(ErrorCode.unexpected, "this is the node itself");
  }
}

function withArticle(role: Role): string {
  return `${/^[aeiou]/.test(role) ? "an" : "a"} ${role}`;
}

type Greeting = Pick<MessageOf<"hello">, "role" | "nodeId" | "nonce">;

/** What `signer` signs to prove to `verifier` who it is. */
function transcript(signer: Greeting, verifier: Greeting): Uint8Array {
  const role = new TextEncoder().encode(`${signer.role}\0`);
  const parts = [DOMAIN, role, signer.nodeId, verifier.nodeId, verifier.nonce, signer.nonce];
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
