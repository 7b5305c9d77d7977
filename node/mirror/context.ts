/** What all orders of a mirror server share. */

import type { DestinationOptions } from "../copy/destination.ts";
import type { Endpoint } from "../connecting/endpoint.ts";
import type { FairWorkers } from "./fair_workers.ts";
import type { Places } from "./places.ts";
import type { SharedContents } from "./shared_contents.ts";

/** Sources know a mirror server as a visitor with its key. */
export interface MirrorContext extends Endpoint {
  /** Where all mirrors are. */
  readonly space: Pick<DestinationOptions, "folder" | "temporaryPath">;
  readonly shared: SharedContents;
  readonly workers: FairWorkers;
  readonly places: Places;
  /** A requested path must match exactly. */
  readonly strict: boolean;
}
