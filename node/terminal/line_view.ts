/**
 * How a line that is being typed looks in the width of a terminal: behind its prompt, unsafe
 * characters shown as escapes, and scrolled sideways where it is too long, so that the cursor is
 * always in view.
 */

import { printable } from "../text/printable.ts";
import { displayWidth } from "../text/width.ts";

/** A line on the screen with the cursor in it. */
export interface LineView {
  readonly text: string;
  /** Columns to the left of the cursor. */
  readonly cursorColumn: number;
}

/** A line that is being typed. */
export interface TypedLine {
  /** Shown before the line, such as `p2pnode> `. */
  readonly prompt: string;
  readonly text: string;
  /** Index into the text. */
  readonly cursor: number;
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** A terminal that leaves less room than this for the text shows no prompt. */
const textWidthMin = 4;

/** Returns what to show of the line in less than `columns` columns. */
export function viewLine({ text, cursor, ...line }: TypedLine, columns: number): LineView {
  const prompt = displayWidth(line.prompt) + textWidthMin < columns ? line.prompt : "";
  const room = Math.max(1, columns - 1 - displayWidth(prompt));
  const before = printableGraphemes(text.slice(0, cursor));
  const after = printableGraphemes(text.slice(cursor));
  // The cursor itself stands in the last column at most, so it needs room for itself.
  const left = takeWidth(before.toReversed(), room - 1).toReversed().join("");
  const right = takeWidth(after, room - displayWidth(left)).join("");
  return { text: prompt + left + right, cursorColumn: displayWidth(prompt + left) };
}

/** The user's characters as they are shown, each whole. */
function printableGraphemes(text: string): string[] {
  return Array.from(graphemes.segment(text), ({ segment }) => printable(segment));
}

/** The first pieces that fit into `columns` together. */
function takeWidth(pieces: readonly string[], columns: number): string[] {
  let width = 0;
  const end = pieces.findIndex((piece) => (width += displayWidth(piece)) > columns);
  return end === -1 ? [...pieces] : pieces.slice(0, end);
}
