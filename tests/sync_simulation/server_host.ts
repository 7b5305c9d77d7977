/** The sync server on a simulated host: the program's own, which may be killed and started again. */

import { runSyncServer } from "../../node/sync/server/sync_server.ts";
import type { UserPieces } from "../../node/sync/server/ports.ts";
import type { Life } from "../simulation/life.ts";
import { sketchIdentity, verifySketch } from "../simulation/sketch_identity.ts";
import { START_RETRY_MS } from "./device_host.ts";
import { MemoryFiles } from "./memory_files.ts";
import { MemoryFolder } from "./memory_folder.ts";
import { MemoryStage } from "./memory_stage.ts";
import { MemoryTrash } from "./memory_trash.ts";
import { MemoryUserIndex } from "./memory_user_index.ts";
import { diskOptions, SERVER, USER } from "./sync_world.ts";
import type { SyncWorld } from "./sync_world.ts";

const ROOT = `/data/${USER}`;
/** So many versions of a file are kept for so long that none is lost in a history, whatever clocks say. */
const KEEP_MS = Number.MAX_SAFE_INTEGER;
const KEEP_VERSIONS = 1_000;

export class ServerHost {
  readonly name = SERVER.host;
  readonly root = ROOT;
  readonly files = new MemoryFiles();
  readonly #world: SyncWorld;
  #index: MemoryUserIndex;
  #folder: MemoryFolder | undefined;
  #life: Life | undefined;
  readonly problems: string[] = [];

  constructor(world: SyncWorld) {
    this.#world = world;
    this.files.makeFolder(ROOT);
    this.#index = this.#makeIndex();
  }

  get index(): MemoryUserIndex {
    return this.#index;
  }

  get isRunning(): boolean {
    return this.#life !== undefined;
  }

  start(): void {
    if (this.#life !== undefined) return;
    const { network, dice, tell, time } = this.#world;
    if (this.files.isFull) return void time.after(START_RETRY_MS, () => this.start());
    const { life, network: port } = network.boot(SERVER.host);
    const nonces = dice.fork();
    this.#life = life;
    tell(SERVER.host, "starts");
    runSyncServer({
      ...SERVER,
      clock: life.clock,
      network: port,
      identity: sketchIdentity(SERVER.host),
      verify: verifySketch,
      nonce: () => nonces.bytes(32),
      agent: "p2pnode/simulated",
      log: (line) => tell(SERVER.host, line),
      signal: new AbortController().signal,
      onListening: () => {},
      openUser: () => Promise.try(() => this.#open(life)),
      keepVersions: KEEP_VERSIONS,
      keepMs: KEEP_MS,
      wallClock: life.clock.now,
    }).then(
      () => this.problems.push("the server ended by itself"),
      (reason) => this.problems.push(`the server failed: ${reason.stack}`),
    );
  }

  /** Ends the process between two instructions. */
  kill(): void {
    this.#end(() => this.#world.network.kill(SERVER.host));
  }

  /** The machine loses its connections, and nobody is told. */
  vanish(): void {
    this.#end(() => this.#world.network.vanish(SERVER.host));
  }

  /** The index is gone; old versions are forgotten with it. */
  loseIndex(): void {
    this.kill();
    this.#world.tell(SERVER.host, "loses its index");
    this.#index = this.#makeIndex();
  }

  /** An older copy of the index takes its place. */
  bringBackIndex(backup: MemoryUserIndex): void {
    this.kill();
    this.#world.tell(SERVER.host, "gets an old index");
    this.#index = backup;
  }

  #makeIndex(): MemoryUserIndex {
    return new MemoryUserIndex(this.#world.dice.fork().random, () => this.files.isFull);
  }

  #end(end: () => void): void {
    if (this.#life === undefined) return;
    this.#life = undefined;
    this.#folder?.close();
    this.#world.tell(SERVER.host, "dies");
    end();
  }

  #open(life: Life): UserPieces {
    const options = diskOptions(this.#world, life);
    this.#folder?.close();
    const folder = new MemoryFolder(this.files, ROOT, options);
    this.#folder = folder;
    return {
      folder,
      stage: new MemoryStage(this.files, `${ROOT}/.p2pnode/stage`, options),
      trash: new MemoryTrash(this.files, `${ROOT}/.p2pnode/trash`),
      index: this.#index,
      close: () => {
        folder.close();
        return Promise.resolve();
      },
    };
  }
}
