/** Two Syncthing devices that share a folder, with nothing that leaves this machine. */

import { join } from "node:path";
import { MeasuredProcess } from "./measured_process.ts";
import { freePort, untilListening } from "./ports.ts";
import type { Figures } from "./workload.ts";

const API_KEY = "bench";
const FOLDER_ID = "bench";
const ASK_AGAIN_MS = 20;

interface Device {
  /** Configuration, keys and database. */
  readonly home: string;
  readonly folder: string;
  readonly id: string;
  readonly port: number;
  /** Of its REST interface. */
  readonly apiPort: number;
}

export class SyncthingPair implements AsyncDisposable {
  readonly #source: Device;
  readonly #target: Device;
  readonly #processes: MeasuredProcess[] = [];

  private constructor(source: Device, target: Device) {
    this.#source = source;
    this.#target = target;
  }

  /** Makes keys and configurations: the watcher's delay is the smallest, all else as it comes. */
  static async prepare(
    { folders, workFolder }: {
      /** The source's and the target's. */
      readonly folders: readonly [string, string];
      readonly workFolder: string;
    },
  ): Promise<SyncthingPair> {
    const source = await makeDevice(join(workFolder, "source"), folders[0]);
    const target = await makeDevice(join(workFolder, "target"), folders[1]);
    for (const device of [source, target]) {
      const text = configurationOf(device, [source, target]);
      await Deno.writeTextFile(join(device.home, "config.xml"), text);
    }
    return new SyncthingPair(source, target);
  }

  /** Starts the target and waits until it answers. */
  async startTarget(): Promise<void> {
    this.#start(this.#target);
    await untilListening(this.#target.apiPort);
  }

  startSource(): void {
    this.#start(this.#source);
  }

  /** Waits until the target has so many files and lacks nothing. */
  async untilTargetHas(fileCount: number): Promise<void> {
    while (true) {
      const { globalFiles, needTotalItems, state } = await this.#askTarget();
      if (globalFiles === fileCount && needTotalItems === 0 && state === "idle") return;
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    }
  }

  /** Does `work`; answers how long it took, and what the processes took for it. */
  async measure(work: () => Promise<void>): Promise<Figures> {
    const cpuBefore = this.#cpuSeconds;
    const startMs = performance.now();
    await work();
    const seconds = (performance.now() - startMs) / 1000;
    const cpu = this.#cpuSeconds - cpuBefore;
    const deviceMemory = Math.max(...this.#processes.map(({ figures }) => figures.peakMemory));
    return { seconds, cpu, deviceMemory };
  }

  get #cpuSeconds(): number {
    return this.#processes.reduce((sum, { figures }) => sum + figures.cpuSeconds, 0);
  }

  #start({ home }: Device): void {
    const flags = ["--no-browser", "--no-restart", "--no-upgrade"];
    const command = ["syncthing", "serve", "--home", home, ...flags];
    // Without a second process that watches over it.
    const env = { STMONITORED: "yes" };
    this.#processes.push(new MeasuredProcess(command, { env }));
  }

  /** What the target says of the folder; nothing until it has opened it. */
  async #askTarget(): Promise<Readonly<Record<string, unknown>>> {
    const url = `http://127.0.0.1:${this.#target.apiPort}/rest/db/status?folder=${FOLDER_ID}`;
    const response = await fetch(url, { headers: { "X-API-Key": API_KEY } });
    if (response.ok) return await response.json();
    await response.body?.cancel();
    return {};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
  }
}

async function makeDevice(home: string, folder: string): Promise<Device> {
  // Its mark that the folder is the one that was meant.
  await Deno.mkdir(join(folder, ".stfolder"), { recursive: true });
  const flags = ["--no-default-folder", "--skip-port-probing"];
  await using generate = new MeasuredProcess(["syncthing", "generate", "--home", home, ...flags]);
  await generate.success();
  const [, id] = await generate.line(/Device ID: (\S+)$/);
  return { home, folder, id: id!, port: freePort(), apiPort: freePort() };
}

function configurationOf(own: Device, devices: readonly Device[]): string {
  const members = devices.map(({ id }) => `<device id="${id}"/>`).join("");
  const addresses = devices.map(({ id, port }) =>
    `<device id="${id}"><address>tcp://127.0.0.1:${port}</address></device>`
  ).join("\n");
  return `<configuration version="35">
<folder id="${FOLDER_ID}" path="${own.folder}" fsWatcherEnabled="true" fsWatcherDelayS="1">${members}</folder>
${addresses}
<gui enabled="true" tls="false"><address>127.0.0.1:${own.apiPort}</address><apikey>${API_KEY}</apikey></gui>
<options>
  <listenAddress>tcp://127.0.0.1:${own.port}</listenAddress>
  <globalAnnounceEnabled>false</globalAnnounceEnabled>
  <localAnnounceEnabled>false</localAnnounceEnabled>
  <relaysEnabled>false</relaysEnabled>
  <natEnabled>false</natEnabled>
  <stunServer></stunServer>
  <urAccepted>-1</urAccepted>
  <crashReportingEnabled>false</crashReportingEnabled>
  <autoUpgradeIntervalH>0</autoUpgradeIntervalH>
  <reconnectionIntervalS>1</reconnectionIntervalS>
</options>
</configuration>
`;
}
