import { assertEquals } from "@std/assert";
import { ManualClock } from "../../tests/manual_clock.ts";
import { FakeScreen } from "../../tests/fake_terminal.ts";
import { ABSENT } from "../sync/entry.ts";
import type { Entry } from "../sync/entry.ts";
import { ProgressBoard } from "../terminal/progress_board.ts";
import { SyncEvents } from "./sync_events.ts";
import { Telling } from "./telling.ts";

const SERVER = { host: "127.0.0.1", port: 7000 };

function entry(path: string): Entry {
  return { path, kind: "file", id: new Uint8Array(32), size: 10, executable: false, version: "" };
}

/** Events told into a list of lines. */
function telling({ json, canAsk = false }: { json: boolean; canAsk?: boolean }) {
  const clock = new ManualClock();
  const screen = new FakeScreen(false);
  const printed: string[] = [];
  const board = new ProgressBoard(screen, clock);
  const events = new SyncEvents({
    telling: new Telling({ json, board, print: (line) => printed.push(line) }),
    clock,
    user: "alice",
    device: "laptop",
    server: SERVER,
    root: "/shared",
    canAsk,
    count: () => ({ files: 2, bytes: 2048 }),
  });
  const lines = () => json ? printed : screen.writes.join("").split("\n").slice(0, -1);
  return { events, clock, lines };
}

Deno.test("SyncEvents tells people what happened, one line each", () => {
  const { events, lines } = telling({ json: false });
  events.take({ kind: "online" });
  events.take({ kind: "listed" });
  events.take({ kind: "synced" });
  events.take({ kind: "sent", entry: entry("a\n.txt") });
  events.take({ kind: "received", entry: { ...ABSENT, path: "b.txt", version: "" } });
  events.take({ kind: "synced" });
  events.take({ kind: "trouble", path: "c.txt", reason: "Cannot read c.txt: permission denied" });
  assertEquals(lines(), [
    "online as laptop: /shared is kept the same as alice at 127.0.0.1:7000",
    "in sync: 2 files, 2 KiB",
    "sent a\\n.txt (10 B)",
    "deleted b.txt",
    "Cannot read c.txt: permission denied",
  ]);
});

Deno.test("SyncEvents shows the beginning of a burst, and counts the rest", async () => {
  const { events, lines, clock } = telling({ json: false });
  for (let index = 0; index < 1_000; index++) {
    events.take({ kind: "sent", entry: entry(`${index}.txt`) });
  }
  assertEquals(lines().length, 20);
  await clock.advance(1_000);
  events.take({ kind: "sent", entry: entry("later.txt") });
  assertEquals(lines().slice(20), ["and 980 more changes", "sent later.txt (10 B)"]);
  events.take({ kind: "synced" });
  assertEquals(lines().at(-1), "in sync: 2 files, 2 KiB");
});

Deno.test("SyncEvents says once that the server is away", () => {
  const { events, lines } = telling({ json: false });
  for (let attempt = 0; attempt < 3; attempt++) {
    events.take({ kind: "offline", reason: "connection refused" });
  }
  events.take({ kind: "online" });
  events.take({ kind: "offline", reason: "the connection is closed" });
  assertEquals(lines().length, 3);
  assertEquals(
    lines()[0],
    "offline: 127.0.0.1:7000: connection refused (it is tried again until it works)",
  );
});

Deno.test("SyncEvents asks about deletions only where somebody can answer", () => {
  const held = { kind: "held", deletions: { count: 25, total: 30, examples: ["a", "b"] } } as const;
  const lines = [true, false].map((canAsk) => {
    const { events, lines } = telling({ json: false, canAsk });
    events.take(held);
    return lines().join();
  });
  const gone = "25 files of 30 went away here: a, b, …";
  assertEquals(lines, [
    `${gone}. Shall they be deleted on the server and the other device as well? ` +
    "yes deletes them, no brings them back",
    gone,
  ]);
});

Deno.test("SyncEvents says once why a path is not synced, until that changes", () => {
  const { events, lines } = telling({ json: false });
  const skipped = (path: string, reason: string) => ({ kind: "skipped", path, reason }) as const;
  events.take(skipped("a", "it is a pipe"));
  events.take(skipped("b", "it is a pipe"));
  events.take({ kind: "trouble", path: "c", reason: "Cannot write c: permission denied" });
  for (let again = 0; again < 3; again++) {
    events.take(skipped("a", "it is a pipe"));
    events.take({ kind: "trouble", path: "c", reason: "Cannot write c: permission denied" });
  }
  events.take(skipped("a", "it is a socket"));
  events.take({ kind: "sent", entry: entry("c") });
  events.take({ kind: "trouble", path: "c", reason: "Cannot write c: permission denied" });
  assertEquals(lines(), [
    "skipped a: it is a pipe",
    "skipped b: it is a pipe",
    "Cannot write c: permission denied",
    "skipped a: it is a socket",
    "sent c (10 B)",
    "Cannot write c: permission denied",
  ]);
});

Deno.test("SyncEvents tells scripts of everything", () => {
  const { events, lines } = telling({ json: true });
  for (let index = 0; index < 100; index++) {
    events.take({ kind: "sent", entry: entry(`${index}.txt`) });
  }
  events.take({ kind: "held", deletions: { count: 25, total: 30, examples: ["a"] } });
  events.take({ kind: "conflict", path: "a", copy: "a.conflict" });
  const told = lines().map((line) => JSON.parse(line));
  assertEquals(told.length, 102);
  assertEquals(told.slice(-2), [
    { event: "held", deletions: 25, files: 30, examples: ["a"] },
    { event: "conflict", name: "a", copy: "a.conflict" },
  ]);
});
