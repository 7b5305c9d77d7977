/**
 * A device on a simulated host: the program's own, on a disk that outlives its processes. It may be killed at
 * any moment, and lose its index or its whole folder.
 */

import { MemoryDeviceIndex, NO_ROOM } from "./memory_device_index.ts";
import { SyncDevice } from "../../node/sync/device/sync_device.ts";
import type { HeldDeletions, SyncEvent } from "../../node/sync/client.ts";
import { sameState } from "../../node/sync/entry.ts";
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

/** Whoever is asked answers within this time. */
const ANSWER_MS_MAX = 3_000;
/** Who has no room to start is started again after this long. */
export const START_RETRY_MS = 100;

/** How often a device looks at everything, in milliseconds. */
export const RESCAN_MS = TIMINGS.rescanMs;

export interface DeviceHostOptions {
  readonly name: string;
  /** Told what the device tells of. */
  readonly observe: (event: SyncEvent) => void;
  /** Whether somebody is asked when many files are gone; otherwise all deletions are meant. */
  readonly canAsk: boolean;
  /** Told the ids of some contents whose deletion was not meant, after all. */
  readonly takeBack: (id: Uint8Array) => void;
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
  readonly #options: DeviceHostOptions;
  #index: MemoryDeviceIndex;
  #running: Running | undefined;
  readonly problems: string[] = [];

  constructor(world: SyncWorld, options: DeviceHostOptions) {
    this.#world = world;
    this.name = options.name;
    this.#options = options;
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
    const { network, dice, tell, time } = this.#world;
    if (this.files.isFull) return void time.after(START_RETRY_MS, () => this.start());
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
      acceptDeletions: !this.#options.canAsk,
      canAsk: this.#options.canAsk,
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
    this.files.isFull = false;
    this.files.makeFolder(this.root);
    this.#index = this.#makeIndex();
  }

  #makeIndex(): MemoryDeviceIndex {
    return new MemoryDeviceIndex(toHex(this.#world.dice.bytes(8)), () => this.files.isFull);
  }

  #hear(event: SyncEvent): void {
    const path = "entry" in event ? event.entry.path : "path" in event ? event.path : "";
    const reason = "reason" in event ? event.reason : "";
    this.#world.tell(this.name, `${event.kind} ${path} ${reason}`);
    if (event.kind === "held") this.#ask(event.deletions);
    this.#options.observe(event);
  }

  /** Somebody is asked whether deletions are meant, and answers after a while, if the question still stands. */
  #ask({ examples }: HeldDeletions): void {
    const { dice, time, tell } = this.#world;
    const running = this.#running;
    const answer = () => {
      if (this.#running !== running || this.device?.status.held === undefined) return;
      // The device says that it cannot note the answer.
      if (this.files.isFull) return void time.after(START_RETRY_MS, answer);
      const isMeant = dice.chance(0.5);
      tell(`at ${this.name}`, `${isMeant ? "means" : "does not mean"} the deletions`);
      if (!isMeant) { for (const path of examples) this.#takeBack(path); }
      this.device.answerDeletions(isMeant);
    };
    time.after(dice.magnitude(10, ANSWER_MS_MAX), answer);
  }

  /** What the server has as well comes back from there. */
  #takeBack(path: string): void {
    const { local, remote } = this.#index.row(path) ?? {};
    const isThere = local !== undefined && remote !== undefined && sameState(local, remote);
    if (isThere) this.#options.takeBack(local.id);
  }

  /**
   * A device ends by itself when its folder is not the one any more, or there is no room for its index; whoever
   * runs it starts it again.
   */
  #fail(running: Running, reason: Error): void {
    if (running.life.isOver) return;
    this.#world.tell(this.name, `ends: ${reason.message}`);
    const isMeant = !running.folder.isIntact() || reason.message.includes(NO_ROOM);
    if (!isMeant) this.problems.push(`${this.name} failed: ${reason.stack}`);
    this.kill();
    this.start();
  }

  #end(end: () => void): void {
    if (this.#running === undefined) return;
    this.#running.folder.close();
    this.#running = undefined;
    this.#world.tell(this.name, "dies");
    end();
  }
}
