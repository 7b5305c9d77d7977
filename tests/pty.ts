/**
 * Runs the compiled binary in a pseudo-terminal and shows what a user would see there, with `script` of
 * util-linux, which most Linux systems have.
 *
 *     await using terminal = await openTerminal(["peer", …]);
 *     terminal.type("list\r");
 *     await terminal.until((lines) => lines.some((line) => line.startsWith("a.bin")));
 *
 * The settings of the terminal are noted before the program starts and after it has ended.
 */

import { FakeScreen } from "./fake_terminal.ts";
import { binary } from "./harness.ts";

const COLUMNS = 100;
const ROWS = 30;
const TIMEOUT_MS = 60_000;

/**
 * Carried out in the terminal: `stty -g` prints all settings. The trap keeps the shell alive at a Ctrl-C,
 * which goes to everything in the terminal.
 */
const SESSION = (command: string) =>
  `trap : INT; stty cols ${COLUMNS} rows ${ROWS}; echo "before $(stty -g)"; ${command}; ` +
  `echo "exit code $?"; echo "after $(stty -g)"`;

/** Keys as a terminal sends them. */
export const keys = { enter: "\r", up: "\x1b[A", tab: "\t", ctrlC: "\x03", ctrlD: "\x04" };

/** Whether pseudo-terminals can be had here. */
export async function hasTerminals(): Promise<boolean> {
  try {
    const args = ["-qec", "stty size", "/dev/null"];
    return (await new Deno.Command("script", { args, stdin: "null" }).output()).success;
  } catch {
    return false;
  }
}

const terminals = await hasTerminals();

/** A test that needs a terminal. Where there is none its name says why it is skipped. */
export function terminalTest(name: string, fn: () => Promise<void>): void {
  const reason = terminals ? "" : ' (skipped: "script" of util-linux is not installed here)';
  Deno.test({ name: name + reason, fn, ignore: !terminals });
}

/** Starts `p2pnode` with these arguments in a terminal of its own. */
export async function openTerminal(args: readonly string[]): Promise<PseudoTerminal> {
  const command = [await binary(), ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  const child = new Deno.Command("script", {
    args: ["-qec", SESSION(command.join(" ")), "/dev/null"],
    env: { SHELL: "/bin/sh", TERM: "xterm" },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  return new PseudoTerminal(child);
}

export class PseudoTerminal implements AsyncDisposable {
  readonly screen = new FakeScreen(true, COLUMNS, ROWS);
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #ended: Promise<void>;
  #hasEnded = false;
  #changed = Promise.withResolvers<void>();

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#input = child.stdin.getWriter();
    this.#ended = this.#read();
  }

  /** Types text and `keys`. */
  async type(text: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(text));
  }

  /** Waits until what is on the screen, scrolled out lines included, `fits`. */
  async until(fits: (lines: string[], beforeCursor: string) => boolean): Promise<void> {
    const deadlineMs = performance.now() + TIMEOUT_MS;
    while (!fits(this.screen.lines, this.screen.beforeCursor)) {
      const leftMs = deadlineMs - performance.now();
      if (this.#hasEnded || leftMs <= 0) {
        throw new Error(`The terminal shows\n${this.screen.lines.join("\n")}`);
      }
      await this.#change(leftMs);
    }
  }

  /** Waits for the end of the program. Answers its exit code, and whether the terminal is as it was. */
  async end(): Promise<{ code: number; isRestored: boolean }> {
    await this.until((lines) => lines.some((line) => line.startsWith("after ")));
    const find = (word: string) =>
      this.screen.lines.find((line) => line.startsWith(word))!.slice(word.length);
    const isRestored = find("before ") === find("after ") && !this.screen.bracketedPaste;
    return { code: Number(find("exit code ")), isRestored };
  }

  /** Closes the terminal, which ends what still runs in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) this.#child.kill("SIGKILL");
    await this.#ended;
    await this.#input.close().catch(() => {});
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of this.#child.stdout) {
      this.screen.write(decoder.decode(bytes, { stream: true }));
      this.#notify();
    }
    await this.#child.status;
    this.#hasEnded = true;
    this.#notify();
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async #change(timeoutMs: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, timeoutMs);
    await Promise.race([this.#changed.promise, late.promise]);
    clearTimeout(timer);
  }
}
