/**
 * Many users at once: one server of the compiled binary, and two devices for each user, which run in this
 * process on disks in memory. Each user's files come to that user's devices and to nobody else's, and the
 * server's memory stays within bounds.
 *
 * With P2PNODE_SOAK=1 there are 200 users.
 */

import { assert, assertEquals } from "@std/assert";
import { tcpNetwork } from "../node/platform/network.ts";
import { TestMachine } from "../node/sync/device/testing.ts";
import { startSync, until } from "./devices.ts";
import { treeOf } from "./files.ts";
import { HOST, MIB } from "./swarm.ts";

const USER_COUNT = Deno.env.get("P2PNODE_SOAK") === "1" ? 200 : 40;
const FILE_COUNT = 20;
const ROUNDS = 5;
/** What the server takes by itself, and for each user. */
const MEMORY_MAX = 300 * MIB + USER_COUNT * MIB;

/** A user's two devices. */
class User {
  readonly name: string;
  readonly machines: readonly TestMachine[];
  readonly #port: number;

  constructor(number: number, port: number) {
    this.name = `user-${number}`;
    this.#port = port;
    this.machines = [1, 2].map((number) => new TestMachine(number, { network: tcpNetwork }));
  }

  start(): void {
    const server = { host: HOST, port: this.#port };
    for (const machine of this.machines) machine.start({ user: this.name, server });
  }

  async stop(): Promise<void> {
    for (const machine of this.machines) await machine.stop();
  }

  /** Each device has files of its own, whose contents name the user. */
  write(round: number): void {
    for (const machine of this.machines) {
      for (let file = 0; file < FILE_COUNT; file++) {
        machine.write(...this.#file(machine.number, file, round));
      }
    }
  }

  /** What is to be on both devices, and on the server. */
  expected(round: number): Record<string, string> {
    const files = this.machines.flatMap(({ number }) =>
      Array.from({ length: FILE_COUNT }, (_, file) => this.#file(number, file, round))
    );
    return Object.fromEntries(files.toSorted(([a], [b]) => a < b ? -1 : 1));
  }

  get isReady(): boolean {
    return this.machines.every(({ events }) => events.some(({ kind }) => kind === "synced"));
  }

  hasAll(round: number): boolean {
    const expected = JSON.stringify(this.expected(round));
    return this.machines.every((machine) => JSON.stringify(sorted(machine.tree())) === expected);
  }

  #file(device: number, file: number, round: number): [path: string, text: string] {
    return [`device-${device}-${file}.txt`, `${this.name}, file ${file}, round ${round}`];
  }
}

function sorted(tree: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).toSorted(([a], [b]) => a < b ? -1 : 1));
}

/** Bytes of memory that a process has at the moment. */
function residentBytes(pid: number): number {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))!;
  return Number(kib) * 1024;
}

Deno.test({
  name: `${USER_COUNT} users with two devices each get their own files and nobody else's`,
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using sync = await startSync();
    await using users = new AsyncDisposableStack();
    const all = Array.from({ length: USER_COUNT }, (_, number) => new User(number, sync.port));
    for (const user of all) {
      user.start();
      users.defer(() => user.stop());
    }
    await until(() => all.every(({ isReady }) => isReady), "a place for everybody");
    const startMs = performance.now();
    for (let round = 0; round < ROUNDS; round++) {
      for (const user of all) user.write(round);
      await until(() => all.every((user) => user.hasAll(round)), `round ${round}`);
    }
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    const memory = residentBytes(sync.server.pid);
    console.log(`${ROUNDS} rounds in ${seconds} s, the server has ${Math.round(memory / MIB)} MiB`);
    assert(memory < MEMORY_MAX, `the server has ${memory} bytes`);
    for (const { name, machines } of all) {
      const tree = await treeOf(sync.userFolder(name), { without: [".p2pnode"] });
      assertEquals(Object.keys(tree).length, machines.length * FILE_COUNT);
    }
    assertEquals([...Deno.readDirSync(sync.dataFolder)].length, USER_COUNT + 1);
  },
});
