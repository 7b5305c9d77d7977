import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeKeyboard, FakeScreen } from "../../tests/fake_terminal.ts";
import { ManualClock } from "../../tests/manual_clock.ts";
import { completeWith } from "./completion.ts";
import { ProgressBoard } from "./progress_board.ts";
import { Prompt } from "./prompt.ts";

function setUp({ isTerminal = true } = {}) {
  const screen = new FakeScreen(isTerminal);
  const keyboard = new FakeKeyboard(isTerminal);
  const clock = new ManualClock();
  const board = new ProgressBoard(screen, clock);
  const complete = completeWith(() => ["get", "list"]);
  const prompt = new Prompt({ keyboard, screen, board, text: "> ", complete });
  return { screen, keyboard, clock, board, prompt };
}

async function collect(lines: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

Deno.test("lines are edited at the prompt and stay above it", async () => {
  const { screen, keyboard, clock, board, prompt } = setUp();
  const lines = collect(prompt.lines());
  assert(keyboard.raw && screen.bracketedPaste);
  keyboard.type("gt a\x1b[D\x1b[D\x1b[De\r");
  await clock.advance(0);
  keyboard.type("l\t-x");
  await clock.advance(0);
  board.log("peer joined");
  await clock.advance(100);
  assertEquals(screen.lines, ["> get a", "peer joined", "> list -x"]);
  assertEquals(screen.beforeCursor, "> list -x");
  keyboard.type("\x15\r\x1b[A\r\x04");
  assertEquals(await lines, ["get a", "get a"]);
  assert(!keyboard.raw && !screen.bracketedPaste);
  assertEquals(screen.lines.at(-1), "> get a");
});

Deno.test("Ctrl-C drops the line first, and interrupts on an empty one", async () => {
  const { screen, keyboard, clock, prompt } = setUp();
  const lines = collect(prompt.lines());
  keyboard.type("get\x03");
  await clock.advance(0);
  assert(!prompt.interrupted.aborted);
  keyboard.type("\x03more\r");
  assertEquals(await lines, []);
  assert(prompt.interrupted.aborted);
  assert(!keyboard.raw);
  assertEquals(screen.lines, ["> get^C", "> ^C"]);
});

Deno.test("Ctrl-C works while a command is being carried out", async () => {
  const { keyboard, prompt } = setUp();
  keyboard.type("get a\r");
  const carriedOut: string[] = [];
  for await (const line of prompt.lines()) {
    carriedOut.push(line);
    keyboard.type("\x03");
    await new Promise((resolve) => prompt.interrupted.addEventListener("abort", resolve));
  }
  assertEquals(carriedOut, ["get a"]);
});

Deno.test("dispose() and break give the terminal back", async () => {
  const disposed = setUp();
  const lines = collect(disposed.prompt.lines());
  disposed.prompt[Symbol.dispose]();
  disposed.prompt[Symbol.dispose]();
  assertEquals(await lines, []);
  assert(!disposed.keyboard.raw && !disposed.screen.bracketedPaste);
  assertEquals(disposed.screen.lines, []);
  disposed.keyboard.type("typed for the shell\r");
  await disposed.clock.advance(100);
  assertEquals(disposed.screen.lines, []);

  const left = setUp();
  left.keyboard.type("quit\r");
  for await (const line of left.prompt.lines()) if (line === "quit") break;
  assert(!left.keyboard.raw && !left.screen.bracketedPaste);
});

Deno.test("a keyboard that breaks ends the lines with its error, terminal restored", async () => {
  const { keyboard, prompt } = setUp();
  keyboard.type(new Error("Cannot read the keyboard: terminal hung up"));
  await assertRejects(() => collect(prompt.lines()), Error, "terminal hung up");
  assert(!keyboard.raw);
});

Deno.test("more commands than fit are refused while one is carried out", async () => {
  const { screen, keyboard, clock, prompt } = setUp();
  const iterator = prompt.lines()[Symbol.asyncIterator]();
  keyboard.type("x\r".repeat(66));
  await clock.advance(100);
  assert(screen.lines.includes("Cannot take the command: 64 others are waiting"));
  prompt[Symbol.dispose]();
  let count = 0;
  while (!(await iterator.next()).done) count++;
  assertEquals(count, 64);
});

Deno.test("Tab shows the choices above the prompt", async () => {
  const { screen, keyboard, clock, prompt } = setUp();
  const lines = collect(prompt.lines());
  keyboard.type("\t");
  await clock.advance(100);
  assertEquals(screen.lines, ["get  list", ">"]);
  keyboard.type("\x04");
  await lines;
});

Deno.test("without a terminal lines are taken as they come, nothing is drawn", async () => {
  const { screen, keyboard, prompt } = setUp({ isTerminal: false });
  keyboard.type("list\r\n\n  \nget ");
  keyboard.type(`日本\n${"x".repeat(5000)}\nquit`);
  keyboard.type(null);
  assertEquals(await collect(prompt.lines()), ["list", "get 日本", "quit"]);
  assert(!prompt.isInteractive);
  assertEquals(screen.writes, ["Cannot carry out the command: the line is too long\n"]);
});
