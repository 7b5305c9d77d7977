/** One large file from one node to another. */

import { startAria2Leecher, startAria2Seeder } from "./aria2.ts";
import { secondsColumn, sideColumns } from "./columns.ts";
import { type LibtorrentSettings, startLibtorrent, TUNED } from "./libtorrent.ts";
import { Opentracker } from "./opentracker.ts";
import { OwnSwarm } from "./p2pnode.ts";
import { RsyncDaemon } from "./rsync.ts";
import { compareFolders } from "./stage.ts";
import type { FileSource, Stage } from "./stage.ts";
import { pythonWithLibtorrent } from "./tools.ts";
import { measureTransfer, secondsToEnd, secondsToWhole, type Transfer } from "./transfer.ts";
import { describeV1, describeV2, type TorrentBody, writeTorrent } from "./torrent.ts";
import type { Figures, Workload } from "./workload.ts";

const MIB = 1024 ** 2;
export const ARIA2 = "aria2";
const RSYNC = "rsync --daemon";
const LIBTORRENT = "libtorrent";

export const fileWorkload: Workload = {
  name: "file",
  title: "One file of 1 GiB, from one node to one other",
  about: "The clock runs from the start of the client's process to its end, for the BitTorrent " +
    "clients to the moment when every piece is checked. p2pnode verifies the hash and the signature of " +
    "every block, rsync an xxh128 of the whole. libtorrent maps the file into its memory, so the file counts " +
    "as such.",
  columns: [secondsColumn, ...sideColumns],
  targets: [
    { key: "seconds", relativeTo: ARIA2, bound: "at most", value: 0.5 },
    { key: "seconds", relativeTo: LIBTORRENT, bound: "at most", value: 0.5 },
    { key: "seconds", relativeTo: RSYNC, bound: "at most", value: 1 },
    { key: "sourceMemory", bound: "at most", value: 300 * MIB },
    { key: "targetMemory", bound: "at most", value: 300 * MIB },
  ],
  async lineUp(stage) {
    const source = await stage.fileSource(1024 * MIB);
    const race = new Race(stage, source);
    const needs = ["python3-libtorrent"] as const;
    return {
      ours: [{ name: "p2pnode get", run: () => race.p2pnode() }],
      others: [
        { name: RSYNC, needs: ["rsync"], run: () => race.rsync() },
        { name: ARIA2, needs: ["aria2c", "opentracker"], run: () => race.aria2() },
        { name: LIBTORRENT, needs, run: () => race.libtorrent(describeV1(source)) },
        { name: "libtorrent, tuned", needs, run: () => race.libtorrent(describeV1(source), TUNED) },
        { name: "libtorrent, v2", needs, run: () => race.libtorrent(describeV2(source)) },
      ],
    };
  },
};

/** Each method is one run of one contestant. */
export class Race {
  readonly #stage: Stage;
  readonly #source: FileSource;

  constructor(stage: Stage, source: FileSource) {
    this.#stage = stage;
    this.#source = source;
  }

  async p2pnode(): Promise<Figures> {
    const { folder, name } = this.#source;
    await using swarm = await OwnSwarm.start();
    const source = await swarm.share(folder, { fileCount: 1 });
    return await this.#measure((destination) => ({
      source,
      start: () => swarm.startGet(destination, [name]),
      secondsOf: secondsToEnd,
    }));
  }

  async rsync(): Promise<Figures> {
    const { folder, name } = this.#source;
    await using daemon = await RsyncDaemon.start(folder, await this.#stage.newFolder());
    return await this.#measure((destination) => ({
      source: daemon.process,
      start: () => daemon.startFetch(name, destination),
      secondsOf: secondsToEnd,
    }));
  }

  async aria2(): Promise<Figures> {
    const body = describeV1(this.#source);
    const workFolder = await this.#stage.newFolder();
    await using tracker = await Opentracker.start([body.infoHash], workFolder);
    const announce = tracker.announceUrl;
    const torrent = await writeTorrent(body, { folder: workFolder, announce });
    await using source = (await startAria2Seeder(torrent, this.#source.folder)).process;
    await tracker.untilSeeded(body.infoHash);
    const options = { workFolder, staysAsSeeder: false };
    return await this.#measure((destination) => ({
      source,
      start: () => startAria2Leecher(torrent, destination, options),
      secondsOf: secondsToWhole,
    }));
  }

  async libtorrent(body: TorrentBody, settings: LibtorrentSettings = {}): Promise<Figures> {
    const torrent = await writeTorrent(body, { folder: await this.#stage.newFolder() });
    const node = { python: await pythonWithLibtorrent(), torrent, settings };
    const seeder = startLibtorrent({ ...node, folder: this.#source.folder });
    await using source = seeder.process;
    await source.line(/^whole$/);
    return await this.#measure((folder) => ({
      source,
      start: () => startLibtorrent({ ...node, folder, peerPort: seeder.port }).process,
      secondsOf: secondsToWhole,
    }));
  }

  /** Measures a transfer into a new folder, and checks what arrived there. */
  async #measure(transferTo: (destination: string) => Transfer): Promise<Figures> {
    const destination = await this.#stage.newFolder();
    const transfer = transferTo(destination);
    await this.#stage.settle([this.#source.path]);
    const figures = await measureTransfer(transfer);
    await compareFolders(this.#source.folder, destination, [this.#source.name]);
    await this.#stage.discard(destination);
    return figures;
  }
}
