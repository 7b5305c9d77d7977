/**
 * The terminal that the process runs in, or the files and pipes in its place: the screen and
 * keyboard of the terminal room on top of the process's standard streams.
 */

import type { Keyboard, Screen } from "../terminal/ports.ts";

/** For a terminal that does not tell its size. */
const sizeDefault = { columns: 80, rows: 24 };

/** How long to wait for a full pipe. Waiting on memory that nobody changes is a sleep. */
const retryMs = 5;
const neverChanged = new Int32Array(new SharedArrayBuffer(4));

/** What a screen needs of `Deno.stdout` or `Deno.stderr`. */
type OutputStream = Pick<typeof Deno.stdout, "isTerminal" | "writeSync">;

/** Standard output or standard error as a screen. */
export class ProcessScreen implements Screen {
  readonly isTerminal: boolean;
  readonly #stream: OutputStream;
  readonly #utf8 = new TextEncoder();
  #isGone = false;

  constructor(stream: OutputStream) {
    this.#stream = stream;
    this.isTerminal = stream.isTerminal();
  }

  get columns(): number {
    return consoleSize().columns;
  }

  get rows(): number {
    return consoleSize().rows;
  }

  /** Writes before it returns, so that nothing is lost when the process ends right after. */
  write(text: string): void {
    let rest = this.#utf8.encode(text);
    while (rest.length > 0 && !this.#isGone) rest = rest.subarray(this.#writeSome(rest));
  }

  #writeSome(bytes: Uint8Array): number {
    try {
      return this.#stream.writeSync(bytes);
    } catch (error) {
      // A pipe that the process which started this one made non-blocking, and that is full now.
      if (error instanceof Deno.errors.WouldBlock) Atomics.wait(neverChanged, 0, 0, retryMs);
      // Else a pipe that was closed (`p2pnode ls | head -1`) or a terminal that hung up.
      else this.#isGone = true;
      return 0;
    }
  }

  watchSize(changed: () => void): () => void {
    // Windows has no such signal; there, the next drawing sees the new size.
    if (Deno.build.os === "windows") return () => {};
    Deno.addSignalListener("SIGWINCH", changed);
    return () => Deno.removeSignalListener("SIGWINCH", changed);
  }
}

function consoleSize(): { columns: number; rows: number } {
  try {
    const { columns, rows } = Deno.consoleSize();
    return columns > 0 && rows > 0 ? { columns, rows } : sizeDefault;
  } catch {
    return sizeDefault;
  }
}

/** Standard input as a keyboard. */
export class ProcessKeyboard implements Keyboard {
  readonly isTerminal = Deno.stdin.isTerminal();

  setRaw(raw: boolean): void {
    Deno.stdin.setRaw(raw);
  }

  async read(into: Uint8Array): Promise<number | null> {
    return await Deno.stdin.read(into);
  }
}
