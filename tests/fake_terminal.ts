/**
 * A terminal in memory for tests: it carries out the control sequences that the program writes and
 * shows what a user would see. Only those that the program uses are known; any other is an error.
 */

import type { Keyboard, Screen } from "../node/terminal/ports.ts";
import { displayWidth } from "../node/text/width.ts";

/** A screen that remembers everything, lines that scrolled out included. */
export class FakeScreen implements Screen {
  /** Every `write`, in order. */
  readonly writes: string[] = [];
  /** Whether pasted text would be marked. */
  bracketedPaste = false;
  readonly #cells: string[][] = [[]];
  readonly #watchers = new Set<() => void>();
  #row = 0;
  #column = 0;

  constructor(readonly isTerminal = true, public columns = 80, public rows = 24) {}

  write(text: string): void {
    this.writes.push(text);
    // deno-lint-ignore no-control-regex
    for (const [token] of text.matchAll(/\x1b\[[0-?]*[@-~]|[^]/gu)) {
      if (token.startsWith("\x1b")) this.#control(token);
      else this.#put(token);
    }
  }

  watchSize(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }

  /** How many are told of changes of size. */
  get watcherCount(): number {
    return this.#watchers.size;
  }

  /** Makes the terminal wider or narrower; what it shows stays as it is. */
  resize(columns: number): void {
    this.columns = columns;
    for (const changed of this.#watchers) changed();
  }

  /** The lines, without blanks at their ends and without empty lines at the bottom. */
  get lines(): string[] {
    const lines = this.#cells.map((row) =>
      Array.from(row, (cell) => cell ?? " ").join("").trimEnd()
    );
    while (lines.at(-1) === "") lines.pop();
    return lines;
  }

  /** What stands to the left of the cursor in its line. */
  get beforeCursor(): string {
    const row = this.#cells[this.#row]!.slice(0, this.#column);
    return Array.from({ length: this.#column }, (_, column) => row[column] ?? " ").join("");
  }

  #put(character: string): void {
    if (character === "\r") this.#column = 0;
    else if (character === "\n") this.#goTo(this.#row + 1);
    else {
      const width = displayWidth(character);
      if (this.#column + width > this.columns) {
        this.#goTo(this.#row + 1);
        this.#column = 0;
      }
      this.#cells[this.#row]![this.#column] = character;
      if (width === 2) this.#cells[this.#row]![this.#column + 1] = "";
      this.#column += width;
    }
  }

  #control(sequence: string): void {
    const count = Number(/\d+/.exec(sequence)?.[0] ?? 1);
    if (sequence.endsWith("A")) this.#goTo(Math.max(0, this.#row - count));
    else if (sequence.endsWith("C")) {
      this.#column = Math.min(this.columns - 1, this.#column + count);
    } else if (sequence === "\x1b[K") this.#cells[this.#row]!.length = this.#column;
    else if (sequence === "\x1b[J") {
      this.#cells[this.#row]!.length = this.#column;
      this.#cells.length = this.#row + 1;
    } else if (sequence === "\x1b[H") {
      this.#row = 0;
      this.#column = 0;
    } else if (sequence === "\x1b[2J") this.#cells.splice(0, this.#cells.length, []);
    else if (sequence === "\x1b[?2004h") this.bracketedPaste = true;
    else if (sequence === "\x1b[?2004l") this.bracketedPaste = false;
    else throw new Error(`unknown control sequence ${JSON.stringify(sequence)}`);
  }

  #goTo(row: number): void {
    while (this.#cells.length <= row) this.#cells.push([]);
    this.#row = row;
  }
}

/** A keyboard on which the test types. */
export class FakeKeyboard implements Keyboard {
  raw = false;
  readonly #input: (Uint8Array | null | Error)[] = [];
  #waiting: (() => void) | undefined;

  constructor(readonly isTerminal = true) {}

  setRaw(raw: boolean): void {
    this.raw = raw;
  }

  /** Types text; `null` ends the input, an error breaks it. */
  type(input: string | null | Error): void {
    this.#input.push(typeof input === "string" ? new TextEncoder().encode(input) : input);
    this.#waiting?.();
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#input.length === 0) {
      await new Promise<void>((resolve) => this.#waiting = resolve);
    }
    const next = this.#input.shift()!;
    if (next === null) return null;
    if (next instanceof Error) throw next;
    const part = next.subarray(0, into.length);
    into.set(part);
    if (part.length < next.length) this.#input.unshift(next.subarray(part.length));
    return part.length;
  }
}
