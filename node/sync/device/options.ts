/** What a device is made of, and the times by which it works. */

import type { Address, Log, Random } from "../../../protocol/ports.ts";
import type { Endpoint } from "../../connecting/endpoint.ts";
import type { Stage } from "../../transfer/stage.ts";
import type { SyncEvent } from "../client.ts";
import type { LiveFolder } from "../../folder/live_folder.ts";
import type { DeviceIndex } from "./device_index.ts";

export interface SyncDeviceOptions extends Endpoint {
  readonly user: string;
  /** What the device calls itself, in lists and in the names of conflict copies. */
  readonly device: string;
  readonly server: Address;
  readonly folder: LiveFolder;
  /** Hashes the folder's files, and stages contents on the same file system. */
  readonly stage: Stage;
  readonly index: DeviceIndex;
  readonly random: Random;
  readonly log: Log;
  /** Told of what happens, as it happens. */
  readonly observe: (event: SyncEvent) => void;
  /** Deletions are passed on however many they are. */
  readonly acceptDeletions: boolean;
  /** Whether somebody is there who can answer held deletions; otherwise they end the device. */
  readonly canAsk: boolean;
  readonly timings?: Partial<Timings>;
}

/** Times in milliseconds. */
export interface Timings {
  /** Hints are gathered for this long; for a quarter of it where one comes alone. */
  readonly settleMs: number;
  /** Something that is missing is looked for again after this long before it counts as deleted. */
  readonly deletionSettleMs: number;
  /** A file that is written all the time is sent as it is after this long. */
  readonly settleMaxMs: number;
  /** The whole folder is looked at this often, or less often where that takes long. */
  readonly rescanMs: number;
  /** What failed is tried again after this long. */
  readonly retryMs: number;
  /** The first pause before the server is dialled again; it doubles up to `redialMaxMs`. */
  readonly redialMs: number;
  readonly redialMaxMs: number;
}

/** The times of the real world. */
export const TIMINGS: Timings = {
  settleMs: 20,
  deletionSettleMs: 200,
  settleMaxMs: 3_000,
  rescanMs: 30_000,
  retryMs: 10_000,
  redialMs: 250,
  redialMaxMs: 10_000,
};
