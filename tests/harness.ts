/**
 * Runs the compiled binary for the end-to-end tests, as a user would: by its command line, its lines
 * and its exit code.
 *
 * Every wait has a deadline, and every failure shows what the process said. A process ends with the
 * test that started it: `await using peer = await start(["peer", …])`. Its environment is empty unless
 * the test gives it one, so the tests also prove that the binary needs nothing of this machine.
 */

import { fileURLToPath } from "node:url";
import { compile } from "../scripts/compile.ts";

/** How long a wait lasts unless a test says otherwise; generous, since machines that test are busy. */
const TIMEOUT_MS = 60_000;
/** How many of the last lines a failure shows. */
const SHOWN_COUNT_MAX = 40;

/** How to start a process. */
export interface StartOptions {
  /** The folder that it runs in; this process's own when absent. */
  readonly cwd?: string;
  /** Its whole environment; empty when absent. */
  readonly env?: Readonly<Record<string, string>>;
  /** `piped` keeps its input open for `write`; `null`, the default, gives it none. */
  readonly stdin?: "piped" | "null";
  /** Another program than the compiled binary. */
  readonly program?: string;
}

/** How long to wait for something. */
export interface WaitOptions {
  /** 60 seconds when absent. */
  readonly timeoutMs?: number;
  /** Lines before this position in `lines` do not count; 0 when absent. */
  readonly from?: number;
}

/** One line that a process printed. */
export interface Line {
  readonly stream: "stdout" | "stderr";
  /** Without the line break. */
  readonly text: string;
}

/** One line of `--json` output. */
export interface JsonEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** What a process that ran to its end left. */
export interface Result {
  /** 128 and the signal's number when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let compiled: Promise<string> | undefined;

/** The path of the compiled binary: P2PNODE_BIN, or `dist/p2pnode`, compiled if its sources changed. */
export function binary(): Promise<string> {
  const given = Deno.env.get("P2PNODE_BIN");
  compiled ??= given === undefined
    ? compile(fileURLToPath(new URL("..", import.meta.url)))
    : Promise.resolve(given);
  return compiled;
}

/** Starts `p2pnode` with these arguments. */
export async function start(
  args: readonly string[],
  options: StartOptions = {},
): Promise<RunningProcess> {
  const program = options.program ?? await binary();
  const child = new Deno.Command(program, {
    args: [...args],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...options.env },
    clearEnv: true,
    stdin: options.stdin ?? "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const name = `p2pnode ${args.join(" ")}`;
  return new RunningProcess(child, { name, hasInput: options.stdin === "piped" });
}

/** Runs `p2pnode` with these arguments to its end. Throws when that does not come in time. */
export async function run(
  args: readonly string[],
  options: StartOptions & Pick<WaitOptions, "timeoutMs"> = {},
): Promise<Result> {
  await using process = await start(args, options);
  const code = await process.exit(options);
  const { stdout, stderr } = process;
  return { code, stdout: stdout.join("\n"), stderr: stderr.join("\n") };
}

/** Has something started that a test works with, and disposes of it where that fails. */
export async function withStart<Resource extends AsyncDisposable>(
  resource: Resource,
  start: (resource: Resource) => Promise<unknown>,
): Promise<Resource> {
  try {
    await start(resource);
    return resource;
  } catch (error) {
    await resource[Symbol.asyncDispose]();
    throw error;
  }
}

/** A process that a test started. */
export class RunningProcess implements AsyncDisposable {
  /** What it printed until now, both streams in the order of arrival. */
  readonly lines: Line[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #name: string;
  readonly #input: WritableStreamDefaultWriter<Uint8Array> | undefined;
  /** Resolves when it ended and all that it printed is in `lines`. */
  readonly #ended: Promise<number>;
  /** Called after each new line and at the end. */
  readonly #watchers = new Set<() => void>();
  #code: number | undefined;

  constructor(child: Deno.ChildProcess, { name, hasInput }: { name: string; hasInput: boolean }) {
    this.#child = child;
    this.#name = name;
    this.#input = hasInput ? child.stdin.getWriter() : undefined;
    this.#ended = this.#collect();
  }

  /** The number that the system gave it. */
  get pid(): number {
    return this.#child.pid;
  }

  /** The lines of its standard output until now. */
  get stdout(): string[] {
    return this.#textOf("stdout");
  }

  /** The lines of its standard error until now. */
  get stderr(): string[] {
    return this.#textOf("stderr");
  }

  /** What it reported with `--json` until now. Throws when a line that begins with `{` is no JSON. */
  get events(): JsonEvent[] {
    return this.stdout.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  }

  /** Writes one line to its input, which must be piped. */
  async write(line: string): Promise<void> {
    await this.#input!.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Ends its input, as Ctrl-D does. */
  async closeInput(): Promise<void> {
    await this.#input!.close();
  }

  /** Sends it a signal. Does nothing when it has ended. */
  signal(name: Deno.Signal): void {
    if (this.#code !== undefined) return;
    try {
      this.#child.kill(name);
    } catch (error) {
      // It has just ended, and not all that it printed is here yet.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  /**
   * The match of the first line, on either stream, that `pattern` fits. Lines that came before the call
   * count; to wait for a new one, pass `from: process.lines.length` taken before asking for it.
   *
   * @throws {Error} with what the process printed, when it ends or time runs out before such a line.
   */
  waitForLine(pattern: RegExp, options: WaitOptions = {}): Promise<RegExpExecArray> {
    let next = options.from ?? 0;
    return this.#waitFor(`a line like ${pattern}`, options, () => {
      for (; next < this.lines.length; next++) {
        const match = pattern.exec(this.lines[next]!.text);
        if (match !== null) return match;
      }
    });
  }

  /** The first `--json` event of this name that `fits`; deadline and earlier lines as in `waitForLine`. */
  waitForEvent(
    name: string,
    options: WaitOptions & { readonly fits?: (event: JsonEvent) => boolean } = {},
  ): Promise<JsonEvent> {
    const { fits = () => true } = options;
    let next = options.from ?? 0;
    return this.#waitFor(`an event "${name}"`, options, () => {
      for (; next < this.lines.length; next++) {
        const { stream, text } = this.lines[next]!;
        if (stream !== "stdout" || !text.startsWith("{")) continue;
        const event: JsonEvent = JSON.parse(text);
        if (event.event === name && fits(event)) return event;
      }
    });
  }

  /** The port that a server says it listens on, in its line `listening on HOST:PORT`. */
  async listeningPort(options: WaitOptions = {}): Promise<number> {
    const [, port] = await this.waitForLine(/^listening on .*:(\d+)$/, options);
    return Number(port);
  }

  /**
   * Its exit code, once it ended and everything that it printed is in `lines`; 128 and the signal's
   * number when a signal ended it.
   *
   * @throws {Error} with what the process printed, when it does not end in time.
   */
  async exit({ timeoutMs = TIMEOUT_MS }: Pick<WaitOptions, "timeoutMs"> = {}): Promise<number> {
    await this.#waitFor("its end", { timeoutMs }, () => this.#code);
    return await this.#ended;
  }

  /** Ends it at once if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.#ended;
    try {
      await this.#input?.close();
    } catch {
      // Its input was closed before, by the test or by its end.
    }
  }

  async #collect(): Promise<number> {
    const streams = [
      this.#readLines("stdout", this.#child.stdout),
      this.#readLines("stderr", this.#child.stderr),
    ];
    const { code } = await this.#child.status;
    await Promise.all(streams);
    this.#code = code;
    this.#notify();
    return code;
  }

  async #readLines(stream: Line["stream"], bytes: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let open = "";
    for await (const piece of bytes) {
      const texts = (open + decoder.decode(piece, { stream: true })).split("\n");
      open = texts.pop()!;
      for (const text of texts) this.lines.push({ stream, text });
      this.#notify();
    }
    if (open !== "") this.lines.push({ stream, text: open });
  }

  /** Waits until `find` gives a value, asking after every line and at the end. */
  #waitFor<T>(what: string, options: WaitOptions, find: () => T | undefined): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const { timeoutMs = TIMEOUT_MS } = options;
    const fail = (why: string) =>
      reject(new Error(`${why} waiting for ${what} of ${this.#name}:\n${this.#lastLines()}`));
    const look = () => {
      try {
        const found = find();
        if (found !== undefined) resolve(found);
        else if (this.#code !== undefined) fail(`It ended with exit code ${this.#code}`);
      } catch (error) {
        reject(error);
      }
    };
    const timer = setTimeout(() => fail(`${timeoutMs} ms went by`), timeoutMs);
    this.#watchers.add(look);
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      this.#watchers.delete(look);
    });
  }

  #notify(): void {
    for (const look of this.#watchers) look();
  }

  #textOf(stream: Line["stream"]): string[] {
    return this.lines.filter((line) => line.stream === stream).map(({ text }) => text);
  }

  #lastLines(): string {
    const shown = this.lines.slice(-SHOWN_COUNT_MAX);
    return shown.map(({ stream, text }) => `  ${stream} | ${text}`).join("\n") || "  (no output)";
  }
}
