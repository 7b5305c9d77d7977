/** Tests of when a device looks at its whole folder. */

import { assertEquals } from "@std/assert";
import { MemoryFolder } from "../../../tests/sync_simulation/memory_folder.ts";
import type { Clock, Network } from "../../../protocol/ports.ts";
import { systemClock } from "../../platform/clock.ts";
import { TestMachine, until } from "./testing.ts";

/** So much faster than the system's is the clock of these tests. */
const SPEED = 5;

const clock: Clock = {
  now: () => systemClock.now() * SPEED,
  sleep: (ms, signal) => systemClock.sleep(ms / SPEED, signal),
};

/** A server that cannot be reached. */
const away: Network = {
  connect: () => Promise.reject(new Error("Cannot connect: nobody is there")),
  listen: () => {
    throw new Error("Cannot listen: nobody does in this test");
  },
};

/** Has a device find so many files, without a server, and answers how long after its looks the next hinted one was. */
async function pauseMs(fileCount: number): Promise<number> {
  const machine = new TestMachine(1, { network: away });
  for (let i = 0; i < fileCount; i++) machine.write(`${i}`, "text");
  const folder = new MemoryFolder(machine.files, machine.root);
  const looks: number[] = [];
  const look = folder.look.bind(folder);
  folder.look = (path, signal) => {
    if (path === "") looks.push(clock.now());
    return look(path, signal);
  };
  const device = machine.start({ folder, clock, timings: { rescanMs: 60_000 } });
  try {
    await until(() => device.status.pendingUp === fileCount);
    const { length } = looks;
    device.changed([""]);
    await until(() => looks.length > length);
    return looks[length]! - looks[length - 1]!;
  } finally {
    await machine.stop();
  }
}

Deno.test("a look that a hint asks for waits while the server is to be told of much, and not for ever", async () => {
  const waitedMs = await pauseMs(600);
  assertEquals(waitedMs >= 10_000 && waitedMs < 60_000, true, `${waitedMs} ms`);
});

Deno.test("a look that a hint asks for waits for nothing while there is little to tell", async () => {
  const waitedMs = await pauseMs(10);
  assertEquals(waitedMs < 10_000, true, `${waitedMs} ms`);
});
