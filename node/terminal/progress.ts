/**
 * Draws transfers as lines of text, one each, lined up below one another:
 *
 *     debian.iso   42%  [=======>         ]  85.3 MiB/s  ETA 12s     1 bad  3 peers
 *
 * Where the terminal is narrow the name is cut, then the bar goes, then the columns from the right.
 */

import type { TransferProgress } from "../traffic/transfer_progress.ts";
import { formatDuration } from "../text/duration.ts";
import { printable } from "../text/printable.ts";
import { formatRate } from "../text/size.ts";
import { displayWidth, padEndToWidth, truncateToWidth } from "../text/width.ts";

const gap = "  ";
const percentWidth = 4;
const nameWidthMin = 8;
const barWidthMin = 12;
const barWidthMax = 32;

/** Returns a line for each transfer, none as wide as `columns`, so that no terminal wraps it. */
export function formatTransfers(
  transfers: readonly TransferProgress[],
  columns: number,
): string[] {
  const names = transfers.map(({ name }) => printable(name));
  const rows = transfers.map(detailsOf);
  const widths = detailWidths(rows, columns - 1 - nameWidthMin - gap.length - percentWidth);
  const detailsWidth = widths.reduce((sum, width) => sum + gap.length + width, 0);
  const room = columns - 1 - gap.length - percentWidth - detailsWidth;
  const { nameWidth, barWidth } = shareRoom(room, Math.max(0, ...names.map(displayWidth)));
  return transfers.map((transfer, index) => {
    const parts = [
      padEndToWidth(truncateToWidth(names[index]!, nameWidth), nameWidth),
      `${percentOf(transfer)}%`.padStart(percentWidth),
      ...(barWidth > 0 ? [formatBar(fractionOf(transfer), barWidth)] : []),
      ...widths.map((width, column) => rows[index]![column]!.padEnd(width)),
    ];
    return truncateToWidth(parts.join(gap).trimEnd(), columns - 1);
  });
}

/** The cells at the right, most important first. Padded where their width would flicker. */
function detailsOf(transfer: TransferProgress): string[] {
  const { bytesDone, bytesTotal, bytesPerSecond, peers, badBlocks, note } = transfer;
  const secondsLeft = Math.max(0, bytesTotal - bytesDone) / bytesPerSecond;
  return [
    formatRate(bytesPerSecond).padStart("1023 KiB/s".length),
    `ETA ${formatDuration(secondsLeft)}`.padEnd("ETA 59m 59s".length),
    badBlocks > 0 ? `${badBlocks} bad` : "",
    note ?? `${peers} ${peers === 1 ? "peer" : "peers"}`,
  ];
}

/** Widths of as many columns of details as fit into `room`. */
function detailWidths(rows: readonly string[][], room: number): number[] {
  const widths: number[] = [];
  let used = 0;
  for (const column of (rows[0] ?? []).keys()) {
    const width = Math.max(...rows.map((row) => row[column]!.length));
    used += gap.length + width;
    if (used > room) break;
    widths.push(width);
  }
  return widths;
}

/** Divides the room that the other columns leave between name and bar; a bar of 0 is left out. */
function shareRoom(room: number, longestName: number): { nameWidth: number; barWidth: number } {
  const roomBesideBar = room - gap.length - barWidthMin;
  if (roomBesideBar < nameWidthMin) return { nameWidth: Math.min(longestName, room), barWidth: 0 };
  const nameWidth = Math.min(longestName, roomBesideBar);
  return { nameWidth, barWidth: Math.min(barWidthMax, room - nameWidth - gap.length) };
}

/** An empty file is complete from the beginning. */
function fractionOf({ bytesDone, bytesTotal }: TransferProgress): number {
  return bytesTotal === 0 ? 1 : Math.min(1, bytesDone / bytesTotal);
}

/** Rounded down, so that 100 means that everything is there. */
function percentOf(transfer: TransferProgress): number {
  return Math.floor(fractionOf(transfer) * 100);
}

function formatBar(fraction: number, width: number): string {
  const inside = width - 2;
  const filled = Math.floor(fraction * inside);
  const head = filled < inside ? ">" : "";
  return `[${("=".repeat(filled) + head).padEnd(inside)}]`;
}
