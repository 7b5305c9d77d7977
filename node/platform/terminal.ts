/**
 * The terminal that the process runs in, or the files and pipes in its place: the screen and
 * keyboard of the terminal room on top of the process's standard streams.
 */

import type { Keyboard, Screen } from "../terminal/ports.ts";
import { reasonOf } from "./disk_failure.ts";

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
  #failure: string | undefined;

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

  /** Why something that was written is lost, in words: a file's disk was full, say. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Writes before it returns, so that nothing is lost when the process ends right after. */
  write(text: string): void {
    if (this.#isGone) return;
    let rest = this.#utf8.encode(text);
    while (rest.length > 0) rest = rest.subarray(this.#writeSome(rest));
  }

  /** Answers how many bytes are done with: written, or lost. */
  #writeSome(bytes: Uint8Array): number {
    try {
      return this.#stream.writeSync(bytes);
    } catch (error) {
      if (error instanceof Deno.errors.WouldBlock) {
        // A pipe that the process which started this one made non-blocking, and that is full now.
        Atomics.wait(neverChanged, 0, 0, retryMs);
        return 0;
      }
      // A pipe that was closed (`p2pnode ls | head -1`) and a terminal that hung up miss nothing.
      if (error instanceof Deno.errors.BrokenPipe || this.isTerminal) this.#isGone = true;
      // The disk of a file may have room again for the next line.
      else this.#failure ??= reasonOf(error);
      return bytes.length;
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
