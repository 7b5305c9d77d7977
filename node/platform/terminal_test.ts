import { assert, assertEquals } from "@std/assert";
import { ProcessScreen } from "./terminal.ts";

/** A stream whose writes go as the test says: so many bytes, or an error. */
function streamOf(outcomes: (number | Error)[]) {
  const written: number[] = [];
  const writeSync = (bytes: Uint8Array): number => {
    const outcome = outcomes.shift() ?? bytes.length;
    if (outcome instanceof Error) throw outcome;
    written.push(...bytes.subarray(0, outcome));
    return Math.min(outcome, bytes.length);
  };
  const text = () => new TextDecoder().decode(new Uint8Array(written));
  return { writeSync, isTerminal: () => false, text };
}

Deno.test("write() goes on until everything is written", () => {
  const stream = streamOf([2, 1, 3]);
  new ProcessScreen(stream).write("some 日本 text\n");
  assertEquals(stream.text(), "some 日本 text\n");
});

Deno.test("write() waits for a full pipe", () => {
  const stream = streamOf([2, new Deno.errors.WouldBlock(), new Deno.errors.WouldBlock()]);
  new ProcessScreen(stream).write("text\n");
  assertEquals(stream.text(), "text\n");
});

Deno.test("write() swallows everything once nobody reads any more", () => {
  const stream = streamOf([1, new Deno.errors.BrokenPipe()]);
  const screen = new ProcessScreen(stream);
  screen.write("first\n");
  screen.write("second\n");
  assertEquals([stream.text(), screen.failure], ["f", undefined]);
});

Deno.test("write() goes on after a failure, and says why something is lost", () => {
  const full = Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
  const stream = streamOf([3, full, 100, new Error("other")]);
  const screen = new ProcessScreen(stream);
  for (const line of ["one\n", "two\n", "three\n"]) screen.write(line);
  assertEquals(stream.text(), "onetwo\n");
  assertEquals(screen.failure, "the disk is full (free some space and try again)");
});

Deno.test("a terminal that hung up misses nothing", () => {
  const screen = new ProcessScreen({ ...streamOf([new Error("EIO")]), isTerminal: () => true });
  screen.write("text\n");
  assertEquals(screen.failure, undefined);
});

Deno.test("a screen always has a size", () => {
  const screen = new ProcessScreen(streamOf([]));
  assert(screen.columns > 0 && screen.rows > 0);
  assertEquals(screen.isTerminal, false);
  screen.watchSize(() => {})();
});
