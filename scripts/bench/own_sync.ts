/** Our own side of sync: a server of the compiled binary, and devices of its users. */

import { join } from "node:path";
import { formatSize } from "../../node/text/size.ts";
import type { Address } from "../../protocol/ports.ts";
import { formatDecimal, secondsColumn } from "./columns.ts";
import { MeasuredProcess } from "./measured_process.ts";
import { binary } from "./p2pnode.ts";
import type { ProcessFigures } from "./process_figures.ts";
import type { Column, Figures } from "./workload.ts";

const HOST = "127.0.0.1";
const USER = "bench";

/** Processor time of all processes together, and their memory at its highest. */
export const syncColumns: readonly Column[] = [
  secondsColumn,
  { key: "cpu", title: "CPU s, all", format: formatDecimal },
  { key: "serverMemory", title: "server peak", format: formatSize },
  { key: "deviceMemory", title: "device peak", format: formatSize },
];

export class OwnSync implements AsyncDisposable {
  readonly #root: string;
  readonly #program: string;
  readonly #server: MeasuredProcess;
  readonly #port: string;
  readonly #devices: MeasuredProcess[] = [];

  private constructor(root: string, program: string, server: MeasuredProcess, port: string) {
    this.#root = root;
    this.#program = program;
    this.#server = server;
    this.#port = port;
  }

  /** Starts the server; its folder and those of the devices are made in `root`. */
  static async start(root: string): Promise<OwnSync> {
    const program = await binary();
    const command = [program, "sync-server", "0", join(root, "server"), "--host", HOST];
    const server = new MeasuredProcess(command);
    const [, port] = await server.line(/^listening on .*:(\d+)$/);
    return new OwnSync(root, program, server, port!);
  }

  /** Where the server listens. */
  get address(): Address {
    return { host: HOST, port: Number(this.#port) };
  }

  /** What the server took so far. */
  get serverFigures(): ProcessFigures {
    return this.#server.figures;
  }

  /** Where the user's files are on the server. */
  get serverFolder(): string {
    return join(this.#root, "server", USER);
  }

  /** The folder of the device of that name. */
  folderOf(name: string): string {
    return join(this.#root, name);
  }

  /** Starts a device on the folder of its name. */
  launchDevice(name: string, flags: readonly string[] = []): MeasuredProcess {
    const where = ["sync", USER, HOST, this.#port, "--dir", this.folderOf(name)];
    const command = [this.#program, ...where, "--device", name, ...flags];
    const device = new MeasuredProcess(command, { stdin: "piped" });
    this.#devices.push(device);
    return device;
  }

  /** Starts a device and waits until it is in sync. */
  async startDevice(name: string, flags: readonly string[] = []): Promise<MeasuredProcess> {
    const device = this.launchDevice(name, flags);
    await device.line(/^in sync: |^\{"event":"synced"/);
    return device;
  }

  /** Does `work`; answers how long it took, and what the processes took for it. */
  async measure(work: () => Promise<unknown>): Promise<Figures> {
    const cpuBefore = this.#cpuSeconds;
    const startMs = performance.now();
    await work();
    const seconds = (performance.now() - startMs) / 1000;
    return {
      seconds,
      cpu: this.#cpuSeconds - cpuBefore,
      serverMemory: this.#server.figures.peakMemory,
      deviceMemory: Math.max(...this.#devices.map(({ figures }) => figures.peakMemory)),
    };
  }

  get #cpuSeconds(): number {
    return [this.#server, ...this.#devices]
      .reduce((sum, { figures }) => sum + figures.cpuSeconds, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#devices.map((device) => device.stop()));
    await this.#server.stop();
  }
}
