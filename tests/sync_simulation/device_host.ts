/**
 * A device on a simulated host: the program's own, on a disk that outlives its processes. It may be killed at
 * any moment, and lose its index or its whole folder.
 */

import { MemoryDeviceIndex } from "./memory_device_index.ts";
import { SyncDevice } from "../../node/sync/device/sync_device.ts";
import type { SyncEvent } from "../../node/sync/client.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { Life } from "../simulation/life.ts";
import { sketchIdentity, verifySketch } from "../simulation/sketch_identity.ts";
import { MemoryFiles } from "./memory_files.ts";
import { MemoryFolder } from "./memory_folder.ts";
import { MemoryStage } from "./memory_stage.ts";
import { diskOptions, SERVER, USER } from "./sync_world.ts";
import type { SyncWorld } from "./sync_world.ts";

/** Times at which a history needs few steps of virtual time. */
const TIMINGS = {
  settleMs: 20,
  deletionSettleMs: 200,
  settleMaxMs: 1_000,
  rescanMs: 5_000,
  retryMs: 2_000,
  redialMs: 100,
  redialMaxMs: 1_000,
};

/** How often a device looks at everything, in milliseconds. */
export const RESCAN_MS = TIMINGS.rescanMs;

export interface DeviceHostOptions {
  readonly name: string;
  /** Told what the device tells of. */
  readonly observe: (event: SyncEvent) => void;
}

interface Running {
  readonly life: Life;
  readonly device: SyncDevice;
  readonly folder: MemoryFolder;
  readonly stopped: AbortController;
}

export class DeviceHost {
  readonly name: string;
  readonly root = "/folder";
  readonly files = new MemoryFiles();
  readonly #world: SyncWorld;
  readonly #observe: (event: SyncEvent) => void;
  #index: MemoryDeviceIndex;
  #running: Running | undefined;
  readonly problems: string[] = [];

  constructor(world: SyncWorld, { name, observe }: DeviceHostOptions) {
    this.#world = world;
    this.name = name;
    this.#observe = observe;
    this.files.makeFolder(this.root);
    this.#index = this.#makeIndex();
  }

  get index(): MemoryDeviceIndex {
    return this.#index;
  }

  /** The device, while its process runs. */
  get device(): SyncDevice | undefined {
    return this.#running?.device;
  }

  start(): void {
    if (this.#running !== undefined) return;
    const { network, dice, tell } = this.#world;
    const { life, network: port } = network.boot(this.name);
    const options = diskOptions(this.#world, life);
    const folder = new MemoryFolder(this.files, this.root, options);
    const nonces = dice.fork();
    const stopped = new AbortController();
    const device = new SyncDevice({
      identity: sketchIdentity(this.name),
      agent: "p2pnode/simulated",
      verify: verifySketch,
      nonce: () => nonces.bytes(32),
      clock: life.clock,
      network: port,
      user: USER,
      device: this.name,
      server: SERVER,
      folder,
      stage: new MemoryStage(this.files, `${this.root}/.p2pnode/stage`, options),
      index: this.#index,
      random: dice.fork().random,
      log: (line) => tell(this.name, line),
      observe: (event) => {
        if (!life.isOver) this.#hear(event);
      },
      acceptDeletions: true,
      canAsk: false,
      timings: TIMINGS,
    });
    const running: Running = { life, device, folder, stopped };
    this.#running = running;
    tell(this.name, "starts");
    device.run(stopped.signal).then(
      () => this.problems.push(`${this.name} ended by itself`),
      (reason) => this.#fail(running, reason),
    );
  }

  /** Ends the process between two instructions. */
  kill(): void {
    this.#end(() => this.#world.network.kill(this.name));
  }

  /** The machine loses its connections, and nobody is told. */
  vanish(): void {
    this.#end(() => this.#world.network.vanish(this.name));
  }

  loseIndex(): void {
    this.kill();
    this.#world.tell(this.name, "loses its index");
    this.#index = this.#makeIndex();
  }

  /** Somebody removes the folder, with the index in it, and makes an empty one. */
  replaceFolder(): void {
    this.#world.tell(this.name, "loses its folder");
    this.files.remove(this.root);
    this.files.makeFolder(this.root);
    this.#index = this.#makeIndex();
  }

  #makeIndex(): MemoryDeviceIndex {
    return new MemoryDeviceIndex(toHex(this.#world.dice.bytes(8)));
  }

  #hear(event: SyncEvent): void {
    const path = "entry" in event ? event.entry.path : "path" in event ? event.path : "";
    const reason = "reason" in event ? event.reason : "";
    this.#world.tell(this.name, `${event.kind} ${path} ${reason}`);
    this.#observe(event);
  }

  /** A device ends by itself when its folder is not the one any more; whoever runs it starts it again. */
  #fail(running: Running, reason: Error): void {
    if (running.life.isOver) return;
    this.#world.tell(this.name, `ends: ${reason.message}`);
    if (running.folder.isIntact()) this.problems.push(`${this.name} failed: ${reason.stack}`);
    this.kill();
  }

  #end(end: () => void): void {
    if (this.#running === undefined) return;
    this.#running.folder.close();
    this.#running = undefined;
    this.#world.tell(this.name, "dies");
    end();
  }
}
