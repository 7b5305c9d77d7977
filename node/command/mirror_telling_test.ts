import { assertEquals } from "@std/assert";
import { FakeScreen } from "../../tests/fake_terminal.ts";
import { ManualClock } from "../../tests/manual_clock.ts";
import { noProgress } from "../mirror/wire_progress.ts";
import type { SourceProgress } from "../mirror/wire_progress.ts";
import { ProgressBoard } from "../terminal/progress_board.ts";
import { MirrorTelling } from "./mirror_telling.ts";

const SOURCES = [
  { host: "10.0.0.5", port: 7200, path: "photos", delayMs: 0 },
  { host: "::1", port: 7201, path: "", delayMs: 250 },
];

const DONE: SourceProgress = {
  ...noProgress,
  state: "done",
  fileCount: 2,
  byteCount: 4096,
  filesDone: 2,
  bytesDone: 4096,
  filesFetched: 1,
  bytesFetched: 1024,
  sizeVariance: 1_048_576,
  elapsedMs: 500,
  final: true,
};

function start({ json = false, isTerminal = false } = {}) {
  const clock = new ManualClock();
  const screen = new FakeScreen(isTerminal, 100);
  const board = new ProgressBoard(screen, clock);
  const [printed, warned]: [string[], string[]] = [[], []];
  const telling = new MirrorTelling({
    json,
    board,
    clock,
    sources: SOURCES,
    print: (line) => printed.push(line),
    warn: (line) => warned.push(line),
  });
  return { telling, clock, screen, printed, warned };
}

Deno.test("MirrorTelling shows a table with what failed, and what all is together", async () => {
  const { telling, clock, screen, warned } = start();
  telling.started(1);
  telling.progress(0, DONE);
  telling.failed(1, { path: "x\n", reason: "it changed" });
  const failed = { ...DONE, state: "failed", filesFailed: 1, reason: "not all is there" } as const;
  telling.progress(1, { ...failed, elapsedMs: 0, bytesFetched: 0 });
  await clock.advance(2_000);
  telling.sumUp();
  assertEquals(screen.writes.join("").trimEnd().split("\n"), [
    "source                files  bytes  fetched  seconds     rate  failures",
    "10.0.0.5:7200:photos      2  4 KiB    1 KiB     0.50  2 KiB/s  none",
    "[::1]:7201                2  4 KiB      0 B     0.00    0 B/s  1 file: not all is there",
    "4 files, 8 KiB (mean 2 KiB, variance 1.049e+6 B²), 1 KiB fetched in 2.00 s: 512 B/s",
  ]);
  assertEquals(warned, [
    "p2pnode: [::1]:7201: x\\n: it changed",
    "p2pnode: [::1]:7201 failed: not all is there",
  ]);
  assertEquals(telling.hasFailures, true);
});

Deno.test("MirrorTelling tells scripts all of it", () => {
  const { telling, printed, warned } = start({ json: true });
  telling.started(3);
  telling.progress(0, DONE);
  telling.progress(1, { ...DONE, filesDone: 0, bytesDone: 0, sizeVariance: 0 });
  telling.sumUp();
  const events = printed.map((line) => JSON.parse(line));
  assertEquals(events.map(({ event }) => event), [
    "started",
    "progress",
    "progress",
    "source",
    "source",
    "done",
  ]);
  const { mean, variance, rate, seconds, fetched } = events[3];
  assertEquals({ mean, variance, rate, seconds, fetched }, {
    mean: 2048,
    variance: 1_048_576,
    rate: 2048,
    seconds: 0.5,
    fetched: 1,
  });
  const { files, sources_failed } = events[5];
  assertEquals([files, events[5].variance, sources_failed], [2, 1_048_576, 0]);
  assertEquals([warned, telling.hasFailures], [[], false]);
});

Deno.test("MirrorTelling shows a bar for each source on a terminal", async () => {
  const { telling, clock, screen } = start({ isTerminal: true });
  telling.started(1);
  telling.progress(0, { ...DONE, state: "fetching", bytesDone: 1024, filesDone: 1, final: false });
  await clock.advance(200);
  const [photos, other] = screen.lines;
  assertEquals(photos!.startsWith("10.0.0.5:7200:photos   25%"), true, photos);
  assertEquals(photos!.endsWith("1/2 files"), true, photos);
  assertEquals(other!.startsWith("[::1]:7201"), true, other);
  telling.progress(0, DONE);
  telling.progress(1, DONE);
  telling.sumUp();
  await clock.advance(200);
  assertEquals(screen.lines.length, 4);
});

Deno.test("MirrorTelling shows the first of many failures, and how many more there are", () => {
  const { telling, warned } = start();
  for (let i = 0; i < 25; i++) telling.failed(0, { path: `${i}`, reason: "it changed" });
  telling.sumUp();
  assertEquals([warned.length, warned.at(-1)], [21, "p2pnode: and 5 more files"]);
});
