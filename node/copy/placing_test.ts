import { assertEquals } from "@std/assert";
import { SMALL_SIZE_MAX } from "../../protocol/content_messages.ts";
import type { Clock } from "../../protocol/ports.ts";
import type { Task } from "./decision.ts";
import { Placing } from "./placing.ts";

/** A task for a file that has come, or for a folder. */
function taskOf(path: string, kind: "file" | "folder" = "file", size = 1): Task {
  const entry = {
    ...{ number: 0, path, kind, id: new Uint8Array(32), size, executable: false, target: "" },
  };
  if (kind === "folder") return { kind: "make", entry, found: undefined };
  const want = { id: entry.id, size, bases: [] };
  return { kind: "fetch", entry, found: undefined, want, staged: `/stage/${path}` };
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
        log.push(`${nowMs} ${tasks.map(({ entry }) => entry.path).join(" ")}`);
        nowMs += applyMs;
        later.shift()?.();
        return Promise.resolve(tasks.map(() => undefined));
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
  placing.add(taskOf("folder", "folder"), taskOf("a"), taskOf("b"));
  await placing.done();
  assertEquals(log, ["1000 folder", "1025 a b"]);
});

Deno.test("a large file gets its name at once", async () => {
  const { placing, log } = setUp(0);
  placing.add(taskOf("large", "file", SMALL_SIZE_MAX + 1));
  await placing.done();
  assertEquals(log, ["1000 large"]);
});

Deno.test("what came early enough while others got their names waits no more", async () => {
  const { placing, log, later, pass } = setUp(0);
  later.push(() => {
    placing.add(taskOf("b"));
    pass(20);
    placing.add(taskOf("c"));
    pass(10);
  });
  placing.add(taskOf("a"));
  await placing.done();
  assertEquals(log, ["1025 a", "1055 b", "1070 c"]);
});

Deno.test("tasks are done in their order, a bounded number at once", async () => {
  const { placing, log } = setUp(0);
  placing.add(...Array.from({ length: 1500 }, (_, i) => taskOf(`${i}`)));
  placing.add(taskOf("folder", "folder"));
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
      placing.add(taskOf("b", "folder"));
    });
    placing.add(taskOf("a", "folder"));
    await new Promise((resolve) => setTimeout(resolve, 0));
    await placing.done();
    assertEquals(log, ["1000 a", "1000 b"], `after ${ticks} ticks`);
  }
});
