/** A device: keeps a local folder the same as the user's folder on the server. */

import type { SyncClient } from "../client.ts";
import type { SyncDeviceOptions } from "./options.ts";

export declare class SyncDevice implements SyncClient {
  constructor(options: SyncDeviceOptions);
  get status(): SyncClient["status"];
  get transfers(): SyncClient["transfers"];
  run: SyncClient["run"];
  changed: SyncClient["changed"];
  stored: SyncClient["stored"];
  entries: SyncClient["entries"];
  entry: SyncClient["entry"];
  skipped: SyncClient["skipped"];
  conflicts: SyncClient["conflicts"];
  answerDeletions: SyncClient["answerDeletions"];
  devices: SyncClient["devices"];
  versions: SyncClient["versions"];
  restore: SyncClient["restore"];
  fetch: SyncClient["fetch"];
}
