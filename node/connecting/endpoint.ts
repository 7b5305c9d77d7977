/** What a node is and shows of itself on any of its connections, whoever has dialled. */

import type { Clock, Identity, Network, VerifySignature } from "../../protocol/ports.ts";

/** What it takes to make a connection and to be known on it. */
export interface Endpoint {
  readonly network: Network;
  readonly clock: Clock;
  /** This node's own key. */
  readonly identity: Identity;
  readonly verify: VerifySignature;
  /** 32 bytes that were never used before. */
  readonly nonce: () => Uint8Array;
  /** Program and version, as told to the other side. */
  readonly agent: string;
}
