import { assert, assertEquals } from "@std/assert";
import { FakeScreen } from "../../tests/fake_terminal.ts";
import { ManualClock } from "../../tests/manual_clock.ts";
import type { TransferProgress } from "../traffic/transfer_progress.ts";
import { ProgressBoard } from "./progress_board.ts";

function progressOf(name: string, bytesDone: number): TransferProgress {
  return { name, bytesDone, bytesTotal: 100, bytesPerSecond: 10, peers: 2, badBlocks: 0 };
}

/** What is seen of each line: its first word and the percentage. */
function summary(screen: FakeScreen): string[] {
  return screen.lines.map((line) => line.replace(/^(\S+)\s+(\d+%).*$/, "$1 $2"));
}

Deno.test("bars are redrawn in place, and lines go above them", async () => {
  const screen = new FakeScreen();
  const clock = new ManualClock();
  using board = new ProgressBoard(screen, clock);
  board.log("starting");
  let done = 0;
  const a = board.track(() => progressOf("a", done));
  board.track(() => progressOf("b", 50));
  await clock.advance(100);
  assertEquals(summary(screen), ["starting", "a 0%", "b 50%"]);
  done = 10;
  board.log("peer joined");
  await clock.advance(100);
  assertEquals(summary(screen), ["starting", "peer joined", "a 10%", "b 50%"]);
  a[Symbol.dispose]();
  await clock.advance(100);
  assertEquals(summary(screen), ["starting", "peer joined", "b 50%"]);
});

Deno.test("around() lets others write lines where the bars were", async () => {
  const screen = new FakeScreen();
  const clock = new ManualClock();
  using board = new ProgressBoard(screen, clock);
  board.track(() => progressOf("a", 10));
  await clock.advance(100);
  board.log("before");
  board.around(() => screen.write("something is wrong\r\n"));
  assertEquals(summary(screen), ["before", "something is wrong", "a 10%"]);
});

Deno.test("at most ten drawings a second, however much is logged", async () => {
  const screen = new FakeScreen();
  const clock = new ManualClock();
  using board = new ProgressBoard(screen, clock);
  board.track(() => progressOf("a", 1));
  const before = screen.writes.length;
  for (let step = 0; step < 1000; step++) {
    board.log(`line ${step}`);
    await clock.advance(1);
  }
  await clock.advance(200);
  assert(screen.writes.length - before <= 13);
  assertEquals(screen.lines.length, 1001);
});

Deno.test("a burst of lines is written without waiting for the clock", () => {
  const screen = new FakeScreen();
  using board = new ProgressBoard(screen, new ManualClock());
  board.track(() => progressOf("a", 1));
  for (let line = 0; line < 5000; line++) board.log(`line ${line}`);
  assert(screen.lines.length > 4500);
});

Deno.test("the board rests when nothing moves, and when it is disposed", async () => {
  const screen = new FakeScreen();
  const clock = new ManualClock();
  const board = new ProgressBoard(screen, clock);
  const transfer = board.track(() => progressOf("a", 1));
  await clock.advance(1000);
  transfer[Symbol.dispose]();
  await clock.advance(200);
  assertEquals([clock.sleeping, screen.lines], [0, []]);

  board.track(() => progressOf("b", 1));
  board.log("last words");
  board[Symbol.dispose]();
  assertEquals([clock.sleeping, screen.watcherCount], [0, 0]);
  assertEquals(screen.lines, ["last words"]);
  board.log("after the end");
  assertEquals(screen.lines, ["last words", "after the end"]);
});

Deno.test("the prompt stands below the bars and is drawn at once", async () => {
  const screen = new FakeScreen();
  const clock = new ManualClock();
  using board = new ProgressBoard(screen, clock);
  board.track(() => progressOf("a", 1));
  let text = "> ";
  board.showPrompt(() => ({ text, cursorColumn: text.length }));
  text = "> ge";
  board.redraw();
  assertEquals(summary(screen), ["a 1%", "> ge"]);
  assertEquals(screen.beforeCursor, "> ge");
  board.log("peer joined");
  await clock.advance(100);
  assertEquals(summary(screen), ["peer joined", "a 1%", "> ge"]);
  board.clear();
  assertEquals(summary(screen), ["a 1%", "> ge"]);
  board.hidePrompt();
  assertEquals(summary(screen), ["a 1%"]);
});

Deno.test("lines that are logged while the prompt waits are not lost", async () => {
  const screen = new FakeScreen();
  const clock = new ManualClock();
  using board = new ProgressBoard(screen, clock);
  board.showPrompt(() => ({ text: "> ", cursorColumn: 2 }));
  board.log("one");
  board.log("two");
  await clock.advance(100);
  assertEquals(screen.lines, ["one", "two", ">"]);
  await clock.advance(100);
  assertEquals(clock.sleeping, 0);
});

Deno.test("many transfers are counted where the screen is too low for all", async () => {
  const screen = new FakeScreen(true, 80, 24);
  const clock = new ManualClock();
  using board = new ProgressBoard(screen, clock);
  for (let index = 0; index < 30; index++) board.track(() => progressOf(`file${index}`, index));
  await clock.advance(100);
  assertEquals(screen.lines.length, 10);
  assertEquals(screen.lines[9], "and 21 more");
  screen.rows = 6;
  await clock.advance(100);
  assertEquals(summary(screen), ["file0 0%", "file1 1%", "file2 2%", "and 27 more"]);
});

Deno.test("a change of size is drawn at once", async () => {
  const screen = new FakeScreen();
  const clock = new ManualClock();
  using board = new ProgressBoard(screen, clock);
  board.track(() => progressOf("a", 1));
  await clock.advance(50);
  assert(screen.lines[0]!.length > 60);
  screen.resize(60);
  assert(screen.lines[0]!.length < 60);
});

Deno.test("without a terminal there are only plain lines", async () => {
  const screen = new FakeScreen(false);
  const clock = new ManualClock();
  using board = new ProgressBoard(screen, clock);
  using _transfer = board.track(() => progressOf("a", 1));
  board.showPrompt(() => ({ text: "> ", cursorColumn: 2 }));
  board.log("name with \x1b[2J and\nline end");
  board.clear();
  await clock.advance(1000);
  assertEquals(screen.writes, ["name with \\x1b[2J and\\nline end\n"]);
  assertEquals(clock.sleeping, 0);
});
