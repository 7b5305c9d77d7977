import { assert, assertEquals, assertRejects } from "@std/assert";
import { MeasuredProcess } from "./measured_process.ts";

const MIB = 1024 ** 2;

/** A program that prints `ready`, keeps a core busy for a while and fills some memory. */
const BUSY = [
  "const bytes = new Uint8Array(64 * 1024 ** 2).fill(1);",
  "console.log('ready');",
  "for (const end = Date.now() + 300; Date.now() < end;) bytes[0]++;",
].join("\n");

Deno.test("MeasuredProcess follows lines, time, processor time and memory of a process", async () => {
  await using process = new MeasuredProcess([Deno.execPath(), "eval", BUSY]);
  await process.line(/^ready$/);
  await process.success();
  const { cpuSeconds, peakMemory } = process.figures;
  assert(process.seconds > 0.3, `${process.seconds} s`);
  assert(cpuSeconds > 0.05 && cpuSeconds < 10 * process.seconds, `${cpuSeconds} s of CPU`);
  assert(peakMemory > 64 * MIB && peakMemory < 1024 * MIB, `${peakMemory} bytes`);
});

Deno.test("MeasuredProcess counts what children took that have ended", async () => {
  const loop = "i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done";
  const command = ["sh", "-c", `sh -c '${loop}'; echo ready; read line`];
  await using process = new MeasuredProcess(command, { stdin: "piped" });
  await process.line(/^ready$/);
  assert(process.figures.cpuSeconds > 0.01, `${process.figures.cpuSeconds} s`);
  await process.write("go on");
  await process.success();
});

Deno.test("MeasuredProcess.line() shows what a process said that ended too early", async () => {
  await using process = new MeasuredProcess(["sh", "-c", "echo no such luck >&2; exit 3"]);
  const error = await assertRejects(() => process.line(/^ready$/), Error);
  assert(/exit code 3\n {2}\| no such luck$/.test(error.message), error.message);
  await assertRejects(() => process.success(), Error, "exit code 3");
});

Deno.test("MeasuredProcess.stop() ends a process", async () => {
  const process = new MeasuredProcess(["sleep", "60"]);
  await process.stop();
  assertEquals(process.seconds < 10, true);
});
