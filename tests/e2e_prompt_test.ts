/** The commands of a running peer, end to end: from a pipe, and at the prompt of a terminal. */

import { assert, assertEquals } from "@std/assert";
import { sameFile } from "./files.ts";
import type { RunningProcess } from "./harness.ts";
import { keys, openTerminal, terminalTest } from "./pty.ts";
import { HOST, MIB, startSwarm, type TestSwarm } from "./swarm.ts";

/** Starts a peer as a person or a simple script does: no JSON. */
async function startPlainPeer(swarm: TestSwarm, folder: string): Promise<RunningProcess> {
  const args = ["peer", HOST, String(swarm.port), "0", swarm.join(folder), "--host", HOST];
  const peer = await swarm.start(args, { stdin: "piped" });
  await peer.waitForLine(/^sharing \d+ files?$/);
  return peer;
}

Deno.test("a peer takes its commands line by line from a pipe", async () => {
  await using swarm = await startSwarm();
  await swarm.write("seeder/a b.bin", { size: 2 * MIB });
  const seeder = await swarm.startPeer("seeder");
  await swarm.listUntil(({ files }) => files.length === 1);
  const peer = await startPlainPeer(swarm, "peer");
  const ask = async (command: string, answer: RegExp) => {
    const from = peer.lines.length;
    await peer.write(command);
    await peer.waitForLine(answer, { from });
  };
  await ask("help", /^quit +leave the swarm$/);
  await ask("list", /^a b\.bin +2 MiB +1 +0 +[0-9a-f]{16} +[0-9a-f]{16}$/);
  await ask("peers", new RegExp(`^[0-9a-f]{16} +${HOST}:${await seeder.port()} +1$`));
  await ask("status", /^received +0 B, /);
  await ask("get", /^Cannot get: no file is named/);
  await ask("get nothing.bin never.bin", /^Cannot get nothing\.bin: nobody has it \(list shows /);
  await peer.waitForLine(/^Cannot get never\.bin: nobody has it/);
  await ask("lsit", /^Cannot run "lsit": unknown command \(did you mean list\?\)$/);
  await ask("frobnicate", /^Cannot run "frobnicate": unknown command \(help lists the commands\)$/);
  await ask('get "a b.bin"', /^got a b\.bin: 2 MiB in .* from 1 peer$/);
  assert(await sameFile(seeder.join("a b.bin"), swarm.join("peer/a b.bin")));
  await ask("status", /^received +2 MiB, /);
  await ask('get "a b.bin"', /^a b\.bin is here already$/);
  assertEquals(peer.stderr, []);
  await peer.write("quit");
  assertEquals(await peer.exit(), 0);
});

Deno.test("commands that are there before a peer is ready wait for it", async () => {
  await using swarm = await startSwarm();
  await swarm.write("seeder/a.bin", { size: 1000 });
  await swarm.startPeer("seeder");
  await swarm.listUntil(({ files }) => files.length === 1);
  const args = ["peer", HOST, String(swarm.port), "0", swarm.join("peer"), "--host", HOST];
  const peer = await swarm.start(args, { stdin: "piped" });
  await peer.write("get a.bin\nlist");
  await peer.closeInput();
  await peer.waitForLine(/^got a\.bin: /);
  await peer.waitForLine(/^a\.bin +1000 B/);
});

Deno.test("a file that is asked for before a peer is ready is fetched once", async () => {
  await using swarm = await startSwarm();
  const path = await swarm.write("seeder/a.bin", { size: 8 * MIB });
  await swarm.startPeer("seeder", "--up-limit", "4MiB");
  await swarm.listUntil(({ files }) => files.length === 1);
  const peer = await swarm.launchPeer("peer");
  await peer.process.write("get a.bin");
  await peer.process.waitForEvent("done");
  assert(await sameFile(path, peer.join("a.bin")));
  assertEquals(await peer.quit(), 0);
  const outcomes = peer.process.events.filter(({ event }) => event === "done" || event === "error");
  assertEquals(outcomes.length, 1);
});

Deno.test("the end of a pipe ends no peer", async () => {
  await using swarm = await startSwarm();
  await swarm.write("peer/a.bin", { size: 1000 });
  const peer = await startPlainPeer(swarm, "peer");
  await peer.write("help");
  await peer.closeInput();
  await peer.waitForLine(/^quit /);
  assertEquals((await swarm.get(["a.bin"], "out")).code, 0);
  peer.signal("SIGTERM");
  assertEquals(await peer.exit(), 0);
});

const PROMPT = "p2pnode> ";

async function openPeer(swarm: TestSwarm, ...flags: string[]) {
  const where = [HOST, String(swarm.port), "0", swarm.join("peer")];
  const terminal = await openTerminal(["peer", ...where, "--host", HOST, ...flags]);
  await terminal.until((lines, before) =>
    before === PROMPT && lines.some((line) => line.startsWith("sharing "))
  );
  return terminal;
}

terminalTest(
  "a peer's prompt: typing, history, completion, and the terminal as it was",
  async () => {
    await using swarm = await startSwarm();
    await swarm.write("seeder/movie.bin", { size: 1000 });
    await swarm.startPeer("seeder");
    await swarm.listUntil(({ files }) => files.length === 1);
    await using terminal = await openPeer(swarm);
    const count = (pattern: RegExp) =>
      terminal.screen.lines.filter((line) => pattern.test(line)).length;

    await terminal.type("lixt\x7f\x7fst");
    await terminal.until((_, before) => before === `${PROMPT}list`);
    await terminal.type(keys.enter);
    await terminal.until(() => count(/^movie\.bin +1000 B/) === 1);
    await terminal.type(keys.up);
    await terminal.until((_, before) => before === `${PROMPT}list`);
    await terminal.type(keys.enter);
    await terminal.until(() => count(/^movie\.bin +1000 B/) === 2);
    await terminal.type(`ge${keys.tab}mov${keys.tab}`);
    await terminal.until((_, before) => before.trimEnd() === `${PROMPT}get movie.bin`);
    await terminal.type(keys.enter);
    await terminal.until(() => count(/^got movie\.bin: 1000 B /) === 1);
    await terminal.type(`quit${keys.enter}`);
    assertEquals(await terminal.end(), { code: 0, isRestored: true });
  },
);

terminalTest("a peer's prompt completes names that it has not shown", async () => {
  await using swarm = await startSwarm();
  await swarm.write("seeder/movie.bin", { size: 1000 });
  await swarm.startPeer("seeder");
  await swarm.listUntil(({ files }) => files.length === 1);
  await using terminal = await openPeer(swarm);
  await terminal.type("get mo");
  // The list may still be on its way at the first Tab.
  const pressing = setInterval(() => void terminal.type(keys.tab), 100);
  try {
    await terminal.until((_, before) => before.trimEnd() === `${PROMPT}get movie.bin`);
  } finally {
    clearInterval(pressing);
  }
});

for (const [name, key] of [["Ctrl-C", keys.ctrlC], ["Ctrl-D", keys.ctrlD]] as const) {
  terminalTest(
    `${name} at a peer's prompt leaves the swarm and the terminal as it was`,
    async () => {
      await using swarm = await startSwarm("--ttl", "600");
      await swarm.write("peer/a.bin", { size: 1000 });
      await using terminal = await openPeer(swarm);
      await swarm.listUntil(({ files }) => files.length === 1);
      await terminal.type(`half a line${key === keys.ctrlC ? key : "\x15"}`);
      await terminal.until((_, before) => before === PROMPT);
      await terminal.type(key);
      assertEquals(await terminal.end(), { code: 0, isRestored: true });
      assertEquals((await swarm.list()).nodes, []);
    },
  );
}

terminalTest("a progress bar runs above the prompt, and commands work meanwhile", async () => {
  await using swarm = await startSwarm();
  await swarm.write("seeder/a.bin", { size: 8 * MIB });
  await swarm.startPeer("seeder", "--up-limit", "2MiB");
  await swarm.listUntil(({ files }) => files.length === 1);
  await using terminal = await openPeer(swarm, "--get", "a.bin");
  const bar = /^a\.bin +[1-9]\d?% +\[=*> *\] +[\d.]+ [KM]iB\/s +ETA \d+s +1 peer$/;
  await terminal.until((lines, before) =>
    lines.some((line) => bar.test(line)) && before === PROMPT
  );
  await terminal.type(`peers${keys.enter}`);
  await terminal.until((lines) => lines.some((line) => /^[0-9a-f]{16} +127\.0\.0\.1:/.test(line)));
  await terminal.until((lines) => lines.some((line) => line.startsWith("got a.bin: 8 MiB in ")));
  // The bar is gone, and only the prompt is left below what was said.
  await terminal.until((lines) =>
    lines.at(-1) === PROMPT.trim() && !lines.some((l) => bar.test(l))
  );
  await terminal.type(`quit${keys.enter}`);
  assertEquals(await terminal.end(), { code: 0, isRestored: true });
});

terminalTest("a get on a terminal draws a bar, and Ctrl-C ends it with exit code 1", async () => {
  await using swarm = await startSwarm();
  await swarm.write("seeder/a.bin", { size: 64 * MIB });
  await swarm.startPeer("seeder", "--up-limit", "4MiB");
  await swarm.listUntil(({ files }) => files.length === 1);
  const args = ["get", HOST, String(swarm.port), "a.bin", "--out", swarm.join("out")];
  await using terminal = await openTerminal([...args, "--host", HOST]);
  await terminal.until((lines) => lines.some((line) => /^a\.bin +[1-9]\d?% +\[=*> *\]/.test(line)));
  await terminal.type(keys.ctrlC);
  assertEquals(await terminal.end(), { code: 1, isRestored: true });
});
