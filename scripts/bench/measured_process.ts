/**
 * A program that a workload runs: what it prints is followed line by line, and the time and memory that
 * it takes are measured while it runs. It ends with the `await using` of the run that started it.
 */

import { type ProcessFigures, ProcessMeter } from "./process_figures.ts";

/** How often figures are taken. What a process does in the last such moment of its life goes unseen. */
const LOOK_MS = 20;
/** How long to wait for anything. The longest waits are for a peer that hashes or verifies a file first. */
const PATIENCE_MS = 180_000;
/** How long a process may take to end when it is asked to. */
const STOP_MS = 10_000;
/** Lines of output that a failure shows. */
const SHOWN_COUNT = 10;

export interface ProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** `piped` lets `write` send it lines; by default it has no input. */
  readonly stdin?: "piped" | "null";
}

export class MeasuredProcess implements AsyncDisposable {
  /** When it was started, on the clock of `performance.now`. */
  readonly startMs = performance.now();
  /** What it printed on both streams. */
  readonly lines: string[] = [];
  readonly #command: readonly string[];
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array> | undefined;
  readonly #meter: ProcessMeter;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #watchers = new Set<() => void>();
  readonly #ended: Promise<void>;
  #endMs: number | undefined;
  #code: number | undefined;

  /** @param command Program and arguments. */
  constructor(command: readonly string[], { env = {}, stdin = "null" }: ProcessOptions = {}) {
    this.#command = command;
    const [program, ...args] = command;
    const streams = { stdin, stdout: "piped", stderr: "piped" } as const;
    this.#child = new Deno.Command(program!, { args, env, ...streams }).spawn();
    this.#input = stdin === "piped" ? this.#child.stdin.getWriter() : undefined;
    this.#meter = new ProcessMeter(this.#child.pid);
    this.#timer = setInterval(() => this.#meter.look(), LOOK_MS);
    this.#ended = this.#follow();
  }

  /** What it and its children took until now, or until they ended. */
  get figures(): ProcessFigures {
    this.#meter.look();
    return this.#meter.figures;
  }

  /** Seconds from its start to its end. */
  get seconds(): number {
    return (this.#endMs! - this.startMs) / 1000;
  }

  /** Waits for a line that `pattern` fits and answers the match; lines before position `from` do not count. */
  async line(pattern: RegExp, { from = 0 } = {}): Promise<RegExpExecArray> {
    let next = from;
    return await this.#until(`a line like ${pattern}`, () => {
      for (; next < this.lines.length; next++) {
        const match = pattern.exec(this.lines[next]!);
        if (match !== null) return match;
      }
      if (this.#code !== undefined) throw this.#failure(`it ended with exit code ${this.#code}`);
    });
  }

  /** Waits for its end. Throws unless its exit code is 0. */
  async success(): Promise<void> {
    const code = await this.#until("its end", () => this.#code);
    if (code !== 0) throw this.#failure(`exit code ${code}`);
  }

  /** Writes a line to its input, which must be piped. */
  async write(line: string): Promise<void> {
    await this.#input!.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Asks it to end, and ends it if it does not. */
  async stop(): Promise<void> {
    if (this.#code === undefined) this.#child.kill("SIGTERM");
    const timer = setTimeout(() => {
      if (this.#code === undefined) this.#child.kill("SIGKILL");
    }, STOP_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #follow(): Promise<void> {
    const reading = [this.#readLines(this.#child.stdout), this.#readLines(this.#child.stderr)];
    const { code } = await this.#child.status;
    this.#endMs = performance.now();
    clearInterval(this.#timer);
    await Promise.all([...reading, this.#input?.close().catch(() => {})]);
    this.#code = code;
    this.#notify();
  }

  async #readLines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.lines.push(...lines);
      this.#notify();
    }
    if (rest !== "") this.lines.push(rest);
  }

  /** Asks `find` after every line and at the end, until it answers something. */
  async #until<T>(what: string, find: () => T | undefined): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const look = () => {
      try {
        const found = find();
        if (found !== undefined) resolve(found);
      } catch (error) {
        reject(error);
      }
    };
    const late = () => reject(this.#failure(`${PATIENCE_MS / 1000} s went by without ${what}`));
    const timer = setTimeout(late, PATIENCE_MS);
    this.#watchers.add(look);
    look();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(look);
    }
  }

  #notify(): void {
    for (const look of this.#watchers) look();
  }

  #failure(reason: string): Error {
    const shown = this.lines.slice(-SHOWN_COUNT).map((line) => `\n  | ${line}`).join("");
    return new Error(`Cannot measure ${this.#command.join(" ")}: ${reason}${shown}`);
  }
}
