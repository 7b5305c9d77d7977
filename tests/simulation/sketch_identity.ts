/**
 * Node identities that cost nothing: a signature is a hash that anybody could make, and nobody in the
 * simulation forges by accident.
 *
 * A run makes hundreds of connections, and with Ed25519 their greetings would be most of its work. Real
 * keys are used where it matters here: for the publishers of files (library.ts).
 */

import { createHash } from "node:crypto";
import { sameBytes } from "../../protocol/bytes.ts";
import type { Identity, VerifySignature } from "../../protocol/ports.ts";

export function sketchIdentity(name: string): Identity {
  const nodeId = new Uint8Array(createHash("sha256").update(name).digest());
  return { nodeId, sign: (message) => sketchSignature(nodeId, message) };
}

export const verifySketch: VerifySignature = (nodeId, message, signature) =>
  sameBytes(sketchSignature(nodeId, message), signature);

function sketchSignature(nodeId: Uint8Array, message: Uint8Array): Uint8Array {
  const half = createHash("sha256").update(nodeId).update(message).digest();
  const signature = new Uint8Array(64);
  signature.set(half);
  signature.set(half, 32);
  return signature;
}
