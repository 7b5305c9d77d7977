/** One file to four nodes at once, which feed each other. */

import { startAria2Leecher, startAria2Seeder } from "./aria2.ts";
import { formatDecimal, secondsColumn } from "./columns.ts";
import { sentBytesAtEnd, startLibtorrent } from "./libtorrent.ts";
import type { MeasuredProcess } from "./measured_process.ts";
import { Opentracker } from "./opentracker.ts";
import { OwnSwarm, statusOf } from "./p2pnode.ts";
import { compareFolders, type FileSource, type Stage } from "./stage.ts";
import { pythonWithLibtorrent } from "./tools.ts";
import { describeV1, writeTorrent } from "./torrent.ts";
import { secondsToWhole } from "./transfer.ts";
import type { Figures, Workload } from "./workload.ts";

const MIB = 1024 ** 2;
const LEECHER_COUNT = 4;
const LIBTORRENT = "libtorrent";
/** aria2 counts what it has sent once a second. */
const ARIA2_COUNT_MS = 1200;

export const swarmWorkload: Workload = {
  name: "swarm",
  title: "One file of 256 MiB, from one node to four others at once",
  about:
    "The clock runs from the start of the first client to the moment when the last one has the whole " +
    "file, every piece checked. Copies are what the source sent, divided by the size of the file: the less, " +
    "the more the four gave each other.",
  columns: [
    secondsColumn,
    { key: "copies", title: "copies sent", format: formatDecimal },
    { key: "sourceCpu", title: "source CPU s", format: formatDecimal },
    { key: "targetCpu", title: "targets CPU s", format: formatDecimal },
  ],
  targets: [
    { key: "copies", bound: "at most", value: 2 },
    { key: "seconds", relativeTo: LIBTORRENT, bound: "at most", value: 1 },
  ],
  async lineUp(stage) {
    const source = await stage.fileSource(256 * MIB);
    const swarm = new Swarm(stage, source);
    return {
      ours: [{ name: "p2pnode get --seed", run: () => swarm.p2pnode() }],
      others: [
        {
          name: LIBTORRENT,
          needs: ["python3-libtorrent", "opentracker"],
          run: () => swarm.libtorrent(),
        },
        { name: "aria2", needs: ["aria2c", "opentracker"], run: () => swarm.aria2() },
      ],
    };
  },
};

/** Each public method is one run of one contestant. */
class Swarm {
  readonly #stage: Stage;
  readonly #source: FileSource;

  constructor(stage: Stage, source: FileSource) {
    this.#stage = stage;
    this.#source = source;
  }

  async p2pnode(): Promise<Figures> {
    await using swarm = await OwnSwarm.start();
    const source = await swarm.share(this.#source.folder, { fileCount: 1 });
    return await this.#measure({
      source,
      start: (folder) => swarm.startGet(folder, [this.#source.name, "--seed", "--json"]),
      untilWhole: untilDone,
      sentBytes: async () => (await statusOf(source)).sentBytes,
    });
  }

  async libtorrent(): Promise<Figures> {
    const body = describeV1(this.#source);
    const python = await pythonWithLibtorrent();
    const workFolder = await this.#stage.newFolder();
    await using tracker = await Opentracker.start([body.infoHash], workFolder);
    const announce = tracker.announceUrl;
    const torrent = await writeTorrent(body, { folder: workFolder, announce });
    const seeder = startLibtorrent({ python, torrent, folder: this.#source.folder });
    await using source = seeder.process;
    await tracker.untilSeeded(body.infoHash);
    return await this.#measure({
      source,
      start: (folder) => startLibtorrent({ python, torrent, folder }).process,
      untilWhole: secondsToWhole,
      sentBytes: () => sentBytesAtEnd(seeder),
    });
  }

  async aria2(): Promise<Figures> {
    const body = describeV1(this.#source);
    const workFolder = await this.#stage.newFolder();
    await using tracker = await Opentracker.start([body.infoHash], workFolder);
    const announce = tracker.announceUrl;
    const torrent = await writeTorrent(body, { folder: workFolder, announce });
    const seeder = await startAria2Seeder(torrent, this.#source.folder);
    await using source = seeder.process;
    await tracker.untilSeeded(body.infoHash);
    const options = { workFolder, staysAsSeeder: true };
    return await this.#measure({
      source,
      start: (folder) => startAria2Leecher(torrent, folder, options),
      untilWhole: secondsToWhole,
      async sentBytes() {
        await new Promise((resolve) => setTimeout(resolve, ARIA2_COUNT_MS));
        return await seeder.sentBytes();
      },
    });
  }

  /** Starts all leechers, waits for the last one, and checks what arrived. */
  async #measure({ source, start, untilWhole, sentBytes }: SwarmRun): Promise<Figures> {
    const folders: string[] = [];
    for (let i = 0; i < LEECHER_COUNT; i++) folders.push(await this.#stage.newFolder());
    await this.#stage.settle([this.#source.path]);
    await using leechers = new AsyncDisposableStack();
    const cpuBefore = source.figures.cpuSeconds;
    const startMs = performance.now();
    const started: MeasuredProcess[] = [];
    for (const folder of folders) started.push(leechers.use(await start(folder)));
    await Promise.all(started.map(untilWhole));
    const seconds = (performance.now() - startMs) / 1000;
    const sourceCpu = source.figures.cpuSeconds - cpuBefore;
    const targetCpu = started.reduce((sum, leecher) => sum + leecher.figures.cpuSeconds, 0);
    const copies = await sentBytes() / this.#source.size;
    await leechers.disposeAsync();
    for (const folder of folders) {
      await compareFolders(this.#source.folder, folder, [this.#source.name]);
      await this.#stage.discard(folder);
    }
    return { seconds, copies, sourceCpu, targetCpu };
  }
}

interface SwarmRun {
  readonly source: MeasuredProcess;
  /** Starts a leecher. */
  readonly start: (folder: string) => MeasuredProcess | Promise<MeasuredProcess>;
  /** Waits until a leecher has everything. */
  readonly untilWhole: (leecher: MeasuredProcess) => Promise<unknown>;
  /** Bytes of pieces that the source has sent. */
  readonly sentBytes: () => Promise<number>;
}

async function untilDone(leecher: MeasuredProcess): Promise<void> {
  await leecher.line(/^\{"event":"done"/);
}
