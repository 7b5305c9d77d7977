/**
 * Text tables for a terminal: one heading line, one line for each row, columns lined up, numbers to
 * the right. Cells come from anywhere, so each is made printable here.
 */

import { printable } from "./printable.ts";
import { displayWidth, padEndToWidth, padStartToWidth } from "./width.ts";

/** One column of a table. */
export interface Column {
  /** The heading. */
  readonly title: string;
  /** Where cells and heading stand in the column; numbers read best at the right. Default: left. */
  readonly align?: "left" | "right";
}

/**
 * Returns the lines of a table, without line ends; two blanks part the columns, and no line ends in
 * blanks. A row shorter than `columns` has empty cells at its end.
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string[] {
  const lines = [columns.map((column) => column.title), ...rows].map((row) =>
    columns.map((_, index) => printable(row[index] ?? ""))
  );
  const widths = columns.map((_, index) =>
    lines.reduce((widest, line) => Math.max(widest, displayWidth(line[index]!)), 0)
  );
  return lines.map((line) =>
    line.map((cell, index) =>
      columns[index]!.align === "right"
        ? padStartToWidth(cell, widths[index]!)
        : padEndToWidth(cell, widths[index]!)
    ).join("  ").trimEnd()
  );
}
