/** What goes wrong in a history of sync: processes end, connections break, indexes are lost, disks are full. */

import type { DeviceHost } from "./device_host.ts";
import type { KnownContents } from "./known_contents.ts";
import type { ServerHost } from "./server_host.ts";
import type { SyncWorld } from "./sync_world.ts";

/** How long a connection may hold still, and a disk be full. */
const HOLD_MS_MAX = 3_000;
const FULL_MS_MAX = 4_000;

export interface FaultsOptions {
  readonly server: ServerHost;
  readonly devices: readonly DeviceHost[];
  readonly known: KnownContents;
}

export class Faults {
  readonly #world: SyncWorld;
  readonly #server: ServerHost;
  readonly #devices: readonly DeviceHost[];
  readonly #known: KnownContents;
  /** Whether somebody has forgotten what was the same everywhere, so that edits look like conflicts. */
  isIndexLost = false;
  #isOver = false;

  constructor(world: SyncWorld, { server, devices, known }: FaultsOptions) {
    this.#world = world;
    this.#server = server;
    this.#devices = devices;
    this.#known = known;
  }

  /** From now on nothing goes wrong any more. */
  end(): void {
    this.#isOver = true;
    for (const { files } of [this.#server, ...this.#devices]) files.isFull = false;
  }

  /** Something goes wrong. */
  strike(): void {
    this.#world.dice.pick(this.#kinds)();
  }

  readonly #kinds: readonly (() => void)[] = [
    () => this.#restart(this.#anyDevice(), (host) => host.kill()),
    () => this.#restart(this.#anyDevice(), (host) => host.kill()),
    () => this.#restart(this.#anyDevice(), (host) => host.vanish()),
    () => this.#restart(this.#server, (host) => host.kill()),
    () => this.#restart(this.#server, (host) => host.kill()),
    () => this.#restart(this.#server, (host) => host.vanish()),
    () => this.#world.network.breakOne(this.#world.dice),
    () => this.#world.network.breakOne(this.#world.dice),
    () => this.#world.network.holdOne(this.#world.dice, this.#world.dice.below(HOLD_MS_MAX)),
    () => this.#loseAnIndex(),
    () => this.#fillADisk(),
    () => this.#fillADisk(),
    () => this.#bringBackAnOldIndex(),
  ];

  #anyDevice(): DeviceHost {
    return this.#world.dice.pick(this.#devices);
  }

  /** Ends a process; somebody starts it again, now or later. */
  #restart<Host extends { start(): void }>(host: Host, end: (host: Host) => void): void {
    end(host);
    const { dice, time } = this.#world;
    if (dice.chance(0.8)) time.after(dice.magnitude(1, 2_000), () => host.start());
  }

  #loseAnIndex(): void {
    this.isIndexLost = true;
    const host = this.#world.dice.pick([this.#server, ...this.#devices]);
    this.#restart(host, () => host.loseIndex());
    if (host === this.#server) this.#known.forgetVersions();
    // Whoever removes a folder as a whole gives up what only it had.
    else if (this.#world.dice.chance(0.3)) (host as DeviceHost).replaceFolder();
  }

  #fillADisk(): void {
    const { dice, time, tell } = this.#world;
    const host = dice.pick([this.#server, ...this.#devices]);
    host.files.isFull = true;
    tell("world", `${host.name} has a full disk`);
    time.after(dice.below(FULL_MS_MAX), () => {
      host.files.isFull = false;
      tell("world", `${host.name} has room again`);
    });
  }

  /** The server's index is copied now, and the copy takes its place later. */
  #bringBackAnOldIndex(): void {
    const { dice, time } = this.#world;
    const backup = this.#server.index.copy();
    time.after(dice.magnitude(1, 4_000), () => {
      if (this.#isOver) return;
      this.isIndexLost = true;
      this.#known.forgetVersions();
      this.#restart(this.#server, () => this.#server.bringBackIndex(backup));
    });
  }
}
