/**
 * The last lines of a terminal, redrawn in place, with whole lines printed above them in between:
 * the bars and the prompt at the bottom, what happened scrolling up. Every change is one write, so
 * that nothing tears. Uses the few control sequences that all terminals know (ECMA-48).
 */

import { displayWidth } from "../text/width.ts";
import type { Screen } from "./ports.ts";

/** What is to be seen at the bottom. */
export interface Region {
  /** From top to bottom; each narrower than the terminal, and fewer than it has rows. */
  readonly lines: readonly string[];
  /** Columns to the left of the cursor, which stands in the last line. */
  readonly cursorColumn: number;
}

const lineEnd = "\r\n";
const eraseToLineEnd = "\x1b[K";
const eraseBelow = "\x1b[J";
const eraseScreen = "\x1b[H\x1b[2J";
const up = (rows: number) => rows > 0 ? `\x1b[${rows}A` : "";
const right = (columns: number) => columns > 0 ? `\x1b[${columns}C` : "";

/** A region without lines. */
export const nothing: Region = { lines: [], cursorColumn: 0 };

/** A region at the bottom of a terminal. Nobody else may write to the terminal while it shows lines. */
export class LiveRegion {
  #drawn = nothing;
  /** How wide the terminal was then. */
  #columns: number;

  constructor(private readonly screen: Screen) {
    this.#columns = screen.columns;
  }

  /** Whether there are lines on the screen that the next `draw` takes away. */
  get isEmpty(): boolean {
    return this.#drawn.lines.length === 0;
  }

  /** Prints `above` for good, and below it `region` in the place of what was drawn before. */
  draw(region: Region, above: readonly string[] = []): void {
    const { columns } = this.screen;
    // Lines above may wrap, so the old region is erased before they are written over it. In a terminal that
    // has another width now, rows are marked as parts of one wrapped line until they are erased.
    const erased = above.length > 0 || columns !== this.#columns ? eraseBelow : "";
    const printed = above.map((line) => line + lineEnd).join("");
    // The lines of the region are written over the old ones, so that they do not flicker.
    const lines = region.lines.map((line) => line + eraseToLineEnd).join(lineEnd);
    const cursor = region.lines.length === 0 ? "" : "\r" + right(region.cursorColumn);
    this.screen.write(this.#toStart() + erased + printed + lines + eraseBelow + cursor);
    this.#drawn = region;
    this.#columns = columns;
  }

  /** Empties the whole terminal and draws the region at its top. */
  clear(): void {
    this.screen.write(eraseScreen);
    const region = this.#drawn;
    this.#drawn = nothing;
    this.draw(region);
  }

  /**
   * Moves from the cursor to where the region begins. A terminal that was made narrower has wrapped
   * the lines in the meantime, so their rows are counted in its present width.
   */
  #toStart(): string {
    const { lines, cursorColumn } = this.#drawn;
    if (lines.length === 0) return "";
    const columns = Math.max(1, this.screen.columns);
    const rows = lines.slice(0, -1).reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / columns)),
      Math.floor(cursorColumn / columns),
    );
    return "\r" + up(rows);
  }
}
