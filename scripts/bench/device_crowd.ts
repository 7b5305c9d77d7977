/** Many devices of a sync server in this process, which share their threads. */

import { join } from "node:path";
import { KeyPair, verify } from "../../node/content/identity.ts";
import { ChangeWorker } from "../../node/platform/change_worker.ts";
import { systemClock } from "../../node/platform/clock.ts";
import { DeviceDatabase } from "../../node/platform/device_index.ts";
import { StageWorkers } from "../../node/platform/local_stage.ts";
import { tcpNetwork } from "../../node/platform/network.ts";
import { openLiveFolder } from "../../node/platform/live_folder.ts";
import type { SyncClient, SyncEvent } from "../../node/sync/client.ts";
import { SyncDevice } from "../../node/sync/device/sync_device.ts";
import { unwatched } from "../../node/sync/unwatched_folder.ts";
import type { Address } from "../../protocol/ports.ts";

/** A device that runs. */
export interface CrowdDevice {
  readonly folder: string;
  readonly client: SyncClient;
  /** Resolves to the time, by `performance.now`, when the file of that name has come from the server. */
  received(name: string): Promise<number>;
}

export class DeviceCrowd implements AsyncDisposable {
  readonly #root: string;
  readonly #server: Address;
  readonly #resources = new AsyncDisposableStack();
  readonly #changes = this.#resources.use(new ChangeWorker());
  readonly #workers = this.#resources.use(new StageWorkers());
  readonly #devices = new Map<string, CrowdDevice>();
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>[] = [];

  constructor({ root, server }: { readonly root: string; readonly server: Address }) {
    this.#root = root;
    this.#server = server;
  }

  device(user: string, name: string): CrowdDevice {
    return this.#devices.get(`${user}/${name}`)!;
  }

  /** Starts devices of a user, each on a new folder, and waits until they are in sync. */
  async start(user: string, names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.#start(user, name)));
  }

  async #start(user: string, name: string): Promise<void> {
    const path = join(this.#root, `${user}-${name}`);
    const options = { create: true, changes: this.#changes };
    const folder = this.#resources.use(await openLiveFolder(path, options));
    const area = join(path, ".p2pnode");
    const arrivals = new Map<string, (ms: number) => void>();
    const synced = Promise.withResolvers<void>();
    const observe = (event: SyncEvent) => {
      if (event.kind === "synced") synced.resolve();
      if (event.kind === "received") arrivals.get(event.entry.path)?.(performance.now());
    };
    const client = new SyncDevice({
      network: tcpNetwork,
      clock: systemClock,
      random: Math.random,
      verify,
      nonce: () => crypto.getRandomValues(new Uint8Array(32)),
      agent: "bench",
      identity: KeyPair.generate(),
      user,
      device: name,
      server: this.#server,
      folder: unwatched(folder),
      index: this.#resources.use(new DeviceDatabase(join(area, "index.db"), () => {})),
      stage: this.#workers.openStage(join(area, "stage")),
      log: () => {},
      observe,
      acceptDeletions: false,
      canAsk: false,
    });
    this.#running.push(client.run(this.#stopped.signal));
    const received = (file: string) =>
      new Promise<number>((resolve) => arrivals.set(file, resolve));
    this.#devices.set(`${user}/${name}`, { folder: path, client, received });
    await synced.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort(new Error("the benchmark is over"));
    await Promise.allSettled(this.#running);
    await this.#resources.disposeAsync();
  }
}
