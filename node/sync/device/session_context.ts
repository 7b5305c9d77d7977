/** What the streams of one connection share. */

import type { Connection } from "../../../protocol/connection.ts";
import type { Clock } from "../../../protocol/ports.ts";
import type { ContentFetcher } from "../../transfer/contents.ts";
import type { Stage } from "../../transfer/stage.ts";
import type { SyncEvent } from "../client.ts";
import type { LiveFolder } from "../../folder/live_folder.ts";
import type { Ledger } from "./ledger.ts";
import type { LocalChanges } from "./local_changes.ts";
import type { Timings } from "./options.ts";
import type { OwnChanges } from "./own_changes.ts";
import type { Snapshots } from "./snapshots.ts";

export interface SessionContext {
  readonly connection: Connection;
  /** Contents that the server has. */
  readonly contents: ContentFetcher;
  readonly folder: LiveFolder;
  readonly stage: Stage;
  readonly ledger: Ledger;
  readonly snapshots: Snapshots;
  readonly own: OwnChanges;
  readonly local: LocalChanges;
  readonly clock: Clock;
  readonly timings: Timings;
  /** What the device calls itself. */
  readonly device: string;
  readonly observe: (event: SyncEvent) => void;
}
