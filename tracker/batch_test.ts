/** Tests of batches: who waits for whom, and what happens to those who come, go and come back. */

import { assertEquals } from "@std/assert";
import { Batch } from "./batch.ts";

/** A batch and a record of what it did. */
class Recorder {
  readonly events: string[] = [];
  readonly batch: Batch;

  constructor(expect: number) {
    this.batch = new Batch({
      expect,
      onStarted: () => this.events.push("started"),
      onFinished: () => this.events.push("finished"),
    });
  }

  announce(...keys: string[]): void {
    for (const key of keys) this.batch.announced(key, () => this.events.push(`begin ${key}`));
  }

  terminate(...keys: string[]): void {
    for (const key of keys) this.batch.terminated(key);
  }

  /** What happened since the last call. */
  take(): string[] {
    return this.events.splice(0);
  }
}

/** A batch of three that has started. */
function running(): Recorder {
  const recorder = new Recorder(3);
  recorder.announce("a", "b", "c");
  recorder.take();
  return recorder;
}

Deno.test("nobody begins before all are there, and the batch ends when all are done", () => {
  const recorder = new Recorder(3);
  recorder.announce("a", "b");
  assertEquals(recorder.take(), []);
  recorder.announce("c");
  assertEquals(recorder.take(), ["started", "begin a", "begin b", "begin c"]);
  recorder.terminate("a", "b");
  assertEquals(recorder.take(), []);
  recorder.terminate("c");
  assertEquals(recorder.take(), ["finished"]);
  assertEquals([...recorder.batch.members], ["a", "b", "c"]);
});

Deno.test("a batch of one begins at once", () => {
  const recorder = new Recorder(1);
  recorder.announce("a");
  recorder.terminate("a");
  assertEquals(recorder.take(), ["started", "begin a", "finished"]);
});

Deno.test("a node that disconnects before the start has no place until it announces again", () => {
  const recorder = new Recorder(3);
  recorder.announce("a", "b");
  recorder.batch.disconnected("a");
  recorder.announce("c");
  assertEquals(recorder.take(), []);
  recorder.announce("a");
  assertEquals(recorder.take(), ["started", "begin b", "begin c", "begin a"]);
});

Deno.test("a node that announces twice before the start counts once", () => {
  const recorder = new Recorder(2);
  recorder.announce("a", "a");
  assertEquals(recorder.take(), []);
  recorder.announce("b");
  assertEquals(recorder.take(), ["started", "begin a", "begin b"]);
});

Deno.test("a node beyond the expected number is neither held up nor waited for", () => {
  const recorder = running();
  recorder.announce("d");
  recorder.terminate("d");
  assertEquals(recorder.take(), ["begin d"]);
  recorder.terminate("a", "b", "c");
  assertEquals(recorder.take(), ["finished"]);
  assertEquals([...recorder.batch.members], ["a", "b", "c"]);
});

Deno.test("a node that is done before the start counts as done", () => {
  const recorder = new Recorder(2);
  recorder.announce("a");
  recorder.terminate("a");
  recorder.announce("b");
  recorder.take();
  recorder.terminate("b");
  assertEquals(recorder.take(), ["finished"]);
});

Deno.test("a member that is away keeps its place, and is waited for even when it was done", () => {
  const recorder = running();
  recorder.terminate("a", "b");
  recorder.batch.disconnected("a");
  recorder.announce("d");
  recorder.terminate("d", "c");
  assertEquals(recorder.take(), ["begin d"]);
  recorder.announce("a");
  assertEquals(recorder.take(), ["begin a"]);
  recorder.terminate("a");
  assertEquals(recorder.take(), ["finished"]);
});

Deno.test("a member that was done and is gone is not waited for", () => {
  const recorder = running();
  recorder.terminate("a", "b");
  recorder.batch.disconnected("a");
  recorder.batch.forgotten("a");
  recorder.terminate("c");
  assertEquals(recorder.take(), ["finished"]);
});

Deno.test("a member that was away when the others ended, and is then gone, ends the batch", () => {
  const recorder = running();
  recorder.terminate("a");
  recorder.batch.disconnected("a");
  recorder.terminate("b", "c");
  assertEquals(recorder.take(), []);
  recorder.batch.forgotten("a");
  assertEquals(recorder.take(), ["finished"]);
});

Deno.test("the place of a member that died can be taken over", () => {
  const recorder = running();
  recorder.batch.disconnected("a");
  recorder.batch.forgotten("a");
  recorder.terminate("b", "c");
  assertEquals(recorder.take(), []);
  recorder.announce("d");
  recorder.terminate("d");
  assertEquals(recorder.take(), ["begin d", "finished"]);
});

Deno.test("a member that comes back after it was done starts over", () => {
  const recorder = running();
  recorder.terminate("a", "b");
  recorder.announce("a");
  recorder.terminate("c");
  assertEquals(recorder.take(), ["begin a"]);
  recorder.terminate("a");
  assertEquals(recorder.take(), ["finished"]);
});

Deno.test("a batch finishes once", () => {
  const recorder = running();
  recorder.terminate("a", "b", "c", "c");
  recorder.batch.disconnected("a");
  recorder.batch.forgotten("a");
  recorder.announce("a", "d");
  assertEquals(recorder.take(), ["finished", "begin a", "begin d"]);
});
