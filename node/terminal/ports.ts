/** What the terminal room needs of the world, as types only: a screen and a keyboard. */

/** Where text is shown: a terminal, or a file or pipe. */
export interface Screen {
  /** Whether bars can be drawn and redrawn; else only whole lines make sense. */
  readonly isTerminal: boolean;
  /** Width and height in characters now. A user may change them at any time. */
  readonly columns: number;
  readonly rows: number;
  /** Writes at once, and never throws: where nobody reads any more, nobody is left to tell. */
  write(text: string): void;
  /** Calls `changed` after every change of size, until the returned function is called. */
  watchSize(changed: () => void): () => void;
}

/** Where commands come from: a terminal's keys, or a file or pipe. */
export interface Keyboard {
  readonly isTerminal: boolean;
  /**
   * In raw mode each key arrives at once and unseen, Ctrl-C as a key as well. Must be off again
   * before the program ends.
   */
  setRaw(raw: boolean): void;
  /** Reads at most `into.length` bytes into `into`; `null` at the end. */
  read(into: Uint8Array): Promise<number | null>;
}
