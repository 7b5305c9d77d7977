/** Test support, imported by tests only: a device on a simulated disk, and a server to which it belongs. */

import { MemoryFiles } from "../../../tests/sync_simulation/memory_files.ts";
import { MemoryFolder } from "../../../tests/sync_simulation/memory_folder.ts";
import { MemoryStage } from "../../../tests/sync_simulation/memory_stage.ts";
import { ServerDisk, TestServer } from "../server/testing.ts";
import { KeyPair, verify } from "../../content/identity.ts";
import type { Network } from "../../../protocol/ports.ts";
import { systemClock } from "../../platform/clock.ts";
import type { SyncEvent } from "../client.ts";
import { MemoryDeviceIndex } from "../../../tests/sync_simulation/memory_device_index.ts";
import type { SyncDeviceOptions } from "./options.ts";
import { SyncDevice } from "./sync_device.ts";

const ROOT = "/home/synced";
const WAIT_MS_MAX = 30_000;

/** A machine with a synced folder; its disk and its index outlive the device that runs on it. */
export class TestMachine {
  files = new MemoryFiles();
  /** The local path of the synced folder. */
  readonly root = ROOT;
  index: MemoryDeviceIndex;
  readonly events: SyncEvent[] = [];
  device: SyncDevice | undefined;
  #stop = new AbortController();
  #ended: Promise<void> = Promise.resolve();

  constructor(readonly number: number, readonly server: { readonly network: Network }) {
    this.index = new MemoryDeviceIndex(`${number}`.repeat(16).slice(0, 16));
    this.files.makeFolder(ROOT);
  }

  /** Starts the device. Its end is in the answer. */
  start(options: Partial<SyncDeviceOptions> = {}): SyncDevice {
    this.#stop = new AbortController();
    const device = new SyncDevice(this.options(options));
    this.device = device;
    this.#ended = device.run(this.#stop.signal);
    this.#ended.catch(() => {});
    return device;
  }

  /** What its device is made of. */
  options(options: Partial<SyncDeviceOptions> = {}): SyncDeviceOptions {
    return {
      user: "alice",
      device: `machine${this.number}`,
      server: { host: "127.0.0.1", port: 7000 },
      network: this.server.network,
      clock: systemClock,
      random: () => 0.5,
      nonce: () => new Uint8Array(32).fill(this.number),
      verify,
      identity: KeyPair.fromSeed(new Uint8Array(32).fill(this.number)),
      agent: "test",
      folder: new MemoryFolder(this.files, ROOT),
      stage: new MemoryStage(this.files, `${ROOT}/.p2pnode/stage`),
      index: this.index,
      log: () => {},
      observe: (event) => this.events.push(event),
      acceptDeletions: false,
      canAsk: true,
      timings: { settleMs: 1, deletionSettleMs: 10, redialMs: 5, retryMs: 50 },
      ...options,
    };
  }

  /** Resolves, or rejects, as the device's run does. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  write(path: string, text: string): void {
    this.files.write(`${ROOT}/${path}`, new TextEncoder().encode(text));
  }

  makeFolder(path: string): void {
    this.files.makeFolder(`${ROOT}/${path}`);
  }

  remove(path: string): void {
    this.files.remove(`${ROOT}/${path}`);
  }

  move(from: string, to: string): void {
    this.files.move(`${ROOT}/${from}`, `${ROOT}/${to}`);
  }

  read(path: string): string | undefined {
    const bytes = this.files.bytesOf(`${ROOT}/${path}`);
    return bytes && new TextDecoder().decode(bytes);
  }

  /** Everything that is synced: texts by path. */
  tree(): Record<string, string> {
    const paths = this.files.paths(ROOT).map((path) => path.slice(ROOT.length + 1));
    const synced = paths.filter((path) => !path.startsWith(".p2pnode"));
    return Object.fromEntries(synced.map((path) => [path, this.read(path) ?? "folder/"]));
  }
}

/** Resolves when `isSo`. Throws what was waited for, with what `tell` knows, when that takes too long. */
export async function until(isSo: () => boolean, tell: () => unknown = () => ""): Promise<void> {
  const endMs = performance.now() + WAIT_MS_MAX;
  while (!isSo()) {
    if (performance.now() > endMs) {
      throw new Error(`It did not become so: ${isSo}; ${Deno.inspect(tell(), { depth: 5 })}`);
    }
    await systemClock.sleep(2);
  }
}

/** Waits until both machines have these files and everything is quiet. */
export async function converge(
  machines: readonly TestMachine[],
  tree: Record<string, string>,
): Promise<void> {
  const want = JSON.stringify(sorted(tree));
  const isSo = (machine: TestMachine) => {
    const { pendingUp, pendingDown } = machine.device!.status;
    return pendingUp + pendingDown === 0 && JSON.stringify(sorted(machine.tree())) === want;
  };
  const tell = () =>
    machines.map((one) => [one.tree(), one.device?.status, one.events, [...one.index.unsynced()]]);
  await until(() => machines.every(isSo), tell);
}

/** Waits until the server has stored what is on the disk of a machine. */
export async function stored({ device }: TestMachine): Promise<void> {
  await device!.stored(new AbortController().signal);
}

/** Writes files on the first machine, and waits until both have them; their devices run then. */
export async function share(
  [first, other]: readonly [TestMachine, TestMachine],
  files: Record<string, string>,
): Promise<void> {
  for (const [path, text] of Object.entries(files)) first.write(path, text);
  first.start();
  other.start();
  await converge([first, other], files);
}

function sorted(tree: Record<string, string>) {
  return Object.entries(tree).sort(([a], [b]) => a < b ? -1 : 1);
}

/** Runs a test with two machines that belong to a server, and stops what it has started. */
export async function withTwo(
  test: (a: TestMachine, b: TestMachine, server: TestServer) => Promise<void>,
  disk = new ServerDisk(),
): Promise<void> {
  await using server = new TestServer(disk);
  const [a, b] = [new TestMachine(1, server), new TestMachine(2, server)];
  try {
    await test(a, b, server);
  } finally {
    await a.stop().catch(() => {});
    await b.stop().catch(() => {});
  }
}
