/** What all orders of a mirror server share. */

import type { Clock, Identity, Network, VerifySignature } from "../../protocol/ports.ts";
import type { DestinationOptions } from "../copy/destination.ts";
import type { FairWorkers } from "./fair_workers.ts";
import type { Places } from "./places.ts";
import type { SharedContents } from "./shared_contents.ts";

export interface MirrorContext {
  readonly network: Network;
  readonly clock: Clock;
  /** The key by which sources know this server. */
  readonly identity: Identity;
  readonly verify: VerifySignature;
  /** 32 bytes that were never used before. */
  readonly nonce: () => Uint8Array;
  /** Program and version, as told to the other sides. */
  readonly agent: string;
  /** Where all mirrors are. */
  readonly space: Pick<DestinationOptions, "folder" | "temporaryPath">;
  readonly shared: SharedContents;
  readonly workers: FairWorkers;
  readonly places: Places;
  /** A requested path must match exactly. */
  readonly strict: boolean;
}
