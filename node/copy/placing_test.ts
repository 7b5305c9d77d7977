import { assertEquals } from "@std/assert";
import { SMALL_SIZE_MAX } from "../../protocol/content_messages.ts";
import type { Clock } from "../../protocol/ports.ts";
import type { FetchTask, MakeDecision } from "./decision.ts";
import { Placing } from "./placing.ts";
import type { TreeEntry } from "./tree_entry.ts";

/** An entry of a tree. */
function entryOf(path: string, kind: "file" | "folder", size: number): TreeEntry {
  const id = new Uint8Array(32);
  return { number: 0, path, kind, id, size, executable: false, target: "" };
}

/** A task to make a folder. */
function makeOf(path: string): MakeDecision {
  return { kind: "make", entry: entryOf(path, "folder", 0), found: undefined };
}

/** A task for a file that came at a time. */
function fileOf(path: string, cameMs: number, size = 1): FetchTask {
  const entry = entryOf(path, "file", size);
  const want = { id: entry.id, size, bases: [] };
  return { kind: "fetch", entry, found: undefined, want, staged: `/stage/${path}`, cameMs };
}

/** A placing whose changes take `applyMs` each call; `log` says what was done when. */
function setUp(applyMs: number) {
  let nowMs = 1000;
  const clock: Clock = {
    now: () => nowMs,
    sleep: (ms) => {
      nowMs += ms;
      return Promise.resolve();
    },
  };
  const log: string[] = [];
  const placing: Placing = new Placing({
    clock,
    destination: {
      apply: (tasks) => {
        const entries = tasks.map((task) => (task.kind === "folder" ? task.make : task).entry);
        log.push(`${nowMs} ${entries.map(({ path }) => path).join(" ")}`);
        nowMs += applyMs;
        later.shift()?.();
        return Promise.resolve([]);
      },
    },
    applied: () => {},
    failed: (error) => {
      throw error;
    },
  });
  /** What happens while changes are made, call by call. */
  const later: (() => void)[] = [];
  return { placing, log, later, pass: (ms: number) => nowMs += ms };
}

Deno.test("a small file gets its name 25 ms after it has come, a folder at once", async () => {
  const { placing, log } = setUp(0);
  placing.add(makeOf("folder"), fileOf("a", 1000), fileOf("b", 1000));
  await placing.done();
  assertEquals(log, ["1000 folder", "1025 a b"]);
});

Deno.test("a large file gets its name at once", async () => {
  const { placing, log } = setUp(0);
  placing.add(fileOf("large", 1000, SMALL_SIZE_MAX + 1));
  await placing.done();
  assertEquals(log, ["1000 large"]);
});

Deno.test("a folder with files in it gets its name 25 ms after the last of them has come", async () => {
  const { placing, log } = setUp(0);
  const files = [fileOf("folder/a", 900), fileOf("folder/b", 990)];
  placing.add({ kind: "folder", make: makeOf("folder"), staged: "/stage/folder", files });
  await placing.done();
  assertEquals(log, ["1015 folder"]);
});

Deno.test("what came early enough while others got their names waits no more", async () => {
  const { placing, log, later, pass } = setUp(0);
  later.push(() => {
    placing.add(fileOf("b", 1025));
    placing.add(fileOf("c", 1045));
    pass(30);
  });
  placing.add(fileOf("a", 1000));
  await placing.done();
  assertEquals(log, ["1025 a", "1055 b", "1070 c"]);
});

Deno.test("tasks are done in their order, a bounded number at once", async () => {
  const { placing, log } = setUp(0);
  placing.add(...Array.from({ length: 1500 }, (_, i) => fileOf(`${i}`, 1000)));
  placing.add(makeOf("folder"));
  await placing.done();
  const done = log.flatMap((line) => line.split(" ").slice(1));
  assertEquals(done, [...Array.from({ length: 1500 }, (_, i) => `${i}`), "folder"]);
  assertEquals(log.map((line) => line.split(" ").length - 1), [1024, 477]);
});

Deno.test("what is added in any moment after the last task is done as well", async () => {
  for (let ticks = 0; ticks < 12; ticks++) {
    const { placing, log, later } = setUp(0);
    later.push(async () => {
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
      placing.add(makeOf("b"));
    });
    placing.add(makeOf("a"));
    await new Promise((resolve) => setTimeout(resolve, 0));
    await placing.done();
    assertEquals(log, ["1000 a", "1000 b"], `after ${ticks} ticks`);
  }
});

Deno.test("nothing at all is no task", async () => {
  const { placing, log } = setUp(0);
  placing.add();
  await placing.done();
  assertEquals(log, []);
});
