/**
 * Reads command lines from whoever runs the node. On a terminal: a prompt with line editing and
 * history, at the bottom of the progress board, while transfers go on above it. Elsewhere, from a
 * file or a pipe, line by line.
 *
 *     using prompt = new Prompt({ keyboard, screen, board, text: "p2pnode> " });
 *     for await (const line of prompt.lines()) await carryOut(line);
 *
 * Keys are read all the time, also while a command is being carried out: Ctrl-C must work then,
 * too.
 */

import { KeyDecoder } from "./key_decoder.ts";
import { type Completer, type EditorEvent, LineEditor } from "./line_editor.ts";
import { LineSplitter } from "./line_splitter.ts";
import { viewLine } from "./line_view.ts";
import type { Keyboard, Screen } from "./ports.ts";
import type { ProgressBoard } from "./progress_board.ts";

/** Commands that may wait while one is being carried out. */
const waitingMax = 64;
/** Words that Tab shows at once. */
const choicesMax = 100;

/** Makes the terminal mark what is pasted, so that it can be told from what is typed. */
const bracketedPasteOn = "\x1b[?2004h";
const bracketedPasteOff = "\x1b[?2004l";

/** What a prompt works with. */
export interface PromptOptions {
  readonly keyboard: Keyboard;
  readonly screen: Screen;
  /** Draws the prompt; it must draw on `screen`. */
  readonly board: ProgressBoard;
  /** Stands before the line that is being typed. */
  readonly text: string;
  /** What the Tab key offers; without it the key does nothing. */
  readonly complete?: Completer;
}

/** A source of command lines. */
export class Prompt implements Disposable {
  /** Whether there is a terminal to draw a prompt on; else the end of the lines means nothing. */
  readonly isInteractive: boolean;
  readonly #options: PromptOptions;
  readonly #interrupt = new AbortController();
  readonly #editor: LineEditor;
  /** Lines that were entered and not taken yet; undefined while no keys are read. */
  #entered: ReadableStreamDefaultController<string> | undefined;

  constructor(options: PromptOptions) {
    this.#options = options;
    this.#editor = new LineEditor(options.complete);
    this.isInteractive = options.keyboard.isTerminal && options.screen.isTerminal;
  }

  /** Aborted when the user presses Ctrl-C on an empty line. */
  get interrupted(): AbortSignal {
    return this.#interrupt.signal;
  }

  /**
   * The lines that are entered, blank ones left out, until Ctrl-C, Ctrl-D, the end of the input or
   * disposal. May be called once. Throws what reading the keyboard throws.
   */
  lines(): AsyncIterable<string> {
    return this.isInteractive ? this.#readKeys() : this.#readLines();
  }

  /**
   * Gives the terminal back as it was. A read of the keyboard that is under way cannot be taken
   * back: it ends with the next key, or with the process.
   */
  [Symbol.dispose](): void {
    this.#release()?.close();
  }

  /** Restores the terminal and returns what the entered lines went to, for its end to be told. */
  #release(): ReadableStreamDefaultController<string> | undefined {
    const entered = this.#entered;
    if (entered === undefined) return undefined;
    this.#entered = undefined;
    const { keyboard, screen, board } = this.#options;
    board.hidePrompt();
    screen.write(bracketedPasteOff);
    keyboard.setRaw(false);
    return entered;
  }

  async *#readLines(): AsyncGenerator<string> {
    const { keyboard, board } = this.#options;
    const splitter = new LineSplitter();
    const buffer = new Uint8Array(4096);
    for (let isOpen = true; isOpen;) {
      const count = await keyboard.read(buffer);
      isOpen = count !== null;
      const lines = count === null ? splitter.end() : splitter.split(buffer.subarray(0, count));
      for (const line of lines) {
        if (line === undefined) board.log("Cannot carry out the command: the line is too long");
        else if (line.trim() !== "") yield line;
      }
    }
  }

  #readKeys(): ReadableStream<string> {
    const { keyboard, screen, board, text } = this.#options;
    return new ReadableStream<string>({
      start: (entered) => {
        this.#entered = entered;
        keyboard.setRaw(true);
        screen.write(bracketedPasteOn);
        board.showPrompt((columns) =>
          viewLine({ prompt: text, text: this.#editor.text, cursor: this.#editor.cursor }, columns)
        );
        this.#edit().catch((error) => this.#release()?.error(error));
      },
      cancel: () => void this.#release(),
    }, { highWaterMark: waitingMax });
  }

  /** Feeds the editor with keys until the prompt is closed. */
  async #edit(): Promise<void> {
    const { keyboard, board } = this.#options;
    const decoder = new KeyDecoder();
    const buffer = new Uint8Array(4096);
    while (this.#entered !== undefined) {
      const count = await keyboard.read(buffer);
      if (count === null) return this[Symbol.dispose]();
      for (const key of decoder.decode(buffer.subarray(0, count))) {
        if (this.#entered !== undefined) this.#react(this.#editor.feed(key));
      }
      if (this.#entered !== undefined) board.redraw();
    }
  }

  #react(event: EditorEvent | undefined): void {
    const { board, text } = this.#options;
    switch (event?.event) {
      case undefined:
        return;
      case "line":
        board.log(text + event.line);
        return this.#enter(event.line);
      case "interrupt":
        board.log(`${text}${event.dropped}^C`);
        if (event.dropped !== "") return;
        this[Symbol.dispose]();
        return this.#interrupt.abort();
      case "endOfInput":
        return this[Symbol.dispose]();
      case "clearScreen":
        return board.clear();
      case "choices":
        return this.#showChoices(event.words);
    }
  }

  #enter(line: string): void {
    if (line.trim() === "") return;
    if (this.#entered!.desiredSize! > 0) this.#entered!.enqueue(line);
    else this.#options.board.log(`Cannot take the command: ${waitingMax} others are waiting`);
  }

  #showChoices(words: readonly string[]): void {
    const { board } = this.#options;
    board.log(words.slice(0, choicesMax).join("  "));
    if (words.length > choicesMax) board.log(`and ${words.length - choicesMax} more`);
  }
}
