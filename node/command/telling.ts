/** Tells what a command does: as lines for people, or with `--json` as one object a line for scripts. */

import type { ProgressBoard } from "../terminal/progress_board.ts";
import { printable } from "../text/printable.ts";

/** Fields of an event. */
export type Fields = Readonly<Record<string, unknown>>;

export class Telling {
  /** Whether scripts listen. */
  readonly isJson: boolean;
  readonly #board: ProgressBoard;
  readonly #print: (line: string) => void;

  constructor(
    { json, board, print }: { json: boolean; board: ProgressBoard; print: (line: string) => void },
  ) {
    this.isJson = json;
    this.#board = board;
    this.#print = print;
  }

  /** Something happened. Without a text, or with an empty one, people do not hear of it. */
  tell(event: string, fields: Fields, text = ""): void {
    if (this.isJson) this.#print(JSON.stringify({ event, ...fields }));
    else if (text !== "") this.#board.log(printable(text));
  }

  /** A list: one event for each row, or lines. `lines` is called only for people. */
  list(event: string, rows: Iterable<Fields>, lines: () => readonly string[]): void {
    if (!this.isJson) {
      for (const line of lines()) this.#board.log(line);
      return;
    }
    for (const row of rows) this.#print(JSON.stringify({ event, ...row }));
  }
}
